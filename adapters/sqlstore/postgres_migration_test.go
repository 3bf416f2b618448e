//go:build !embedded

package sqlstore_test

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/migrations"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// The days of before, of which a crash left the last detached.
var oldDays = []struct{ name, from, to string }{
	{"20310504", "2031-05-04", "2031-05-05"}, {"20310505", "2031-05-05", "2031-05-06"}, {"20310506", "2031-05-06", "2031-05-07"},
}

func TestPostgresOfBeforeIsBroughtUpToDate(t *testing.T) {
	server, source, schema := servers.Postgres(t), servers.Schema(t), servers.Schema(t)
	mustCommit(t, openPostgres(t, server, sqlstore.PostgresConfig{Schema: source, Writers: 1}), oldUnit())
	admin := asAdministrator(t, server)
	tell(t, admin, "CREATE SCHEMA "+schema)
	tell(t, admin, "SET search_path TO "+schema)
	applyOldPostgres(t, server, schema)
	for _, day := range oldDays {
		for _, table := range []string{"email_event", "record_chunk", "email_log"} {
			tell(t, admin, "CREATE TABLE "+table+"_"+day.name+" (LIKE "+table+" INCLUDING ALL)")
			tell(t, admin, "ALTER TABLE "+table+" ATTACH PARTITION "+table+"_"+day.name+
				" FOR VALUES FROM ("+bound(day.from)+") TO ("+bound(day.to)+")")
		}
	}
	for _, table := range []string{"email_event", "record_chunk", "email_log"} {
		columns := told[string](t, admin, `SELECT string_agg(column_name, ', ') FROM information_schema.columns
			WHERE table_schema = $1 AND table_name = $2`, schema, table)
		tell(t, admin, "INSERT INTO "+table+" ("+columns+") SELECT "+columns+" FROM "+source+"."+table)
	}
	tell(t, admin, "UPDATE email_log SET decision = substr(decision, 1, 25)")
	tell(t, admin, "GRANT SELECT ON email_log TO PUBLIC")
	tell(t, admin, "ALTER TABLE email_log DETACH PARTITION email_log_20310506")
	s := openPostgres(t, server, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	if !told[bool](t, admin, "SELECT relacl::text LIKE '%{=r/%' OR relacl::text LIKE '%,=r/%' FROM pg_class WHERE oid = 'email_log'::regclass") {
		t.Error("who might read the logs no longer may")
	}
	rollAll(t, s)
	listedLogs(t, admin)
	goesOn(t, s)
	if n := told[int](t, admin, "SELECT count(*) FROM email_log_list"); n != 0 {
		t.Errorf("%d rows of lists are left when all logs are pruned", n)
	}
}

// A prune that was interrupted in the midst of detaching is finished first.
func TestMigrationFinishesWhatPruneLeft(t *testing.T) {
	server, schema := servers.Postgres(t), servers.Schema(t)
	admin, reader := asAdministrator(t, server), asAdministrator(t, server)
	tell(t, admin, "CREATE SCHEMA "+schema)
	tell(t, admin, "SET search_path TO "+schema)
	applyOldPostgres(t, server, schema)
	tell(t, admin, "CREATE TABLE email_log_20310504 PARTITION OF email_log FOR VALUES FROM ("+bound("2031-05-04")+") TO ("+bound("2031-05-05")+")")
	tell(t, reader, "BEGIN; SELECT count(*) FROM "+schema+".email_log")
	tell(t, admin, "SET lock_timeout = 100")
	if _, err := admin.Exec(t.Context(), "ALTER TABLE email_log DETACH PARTITION email_log_20310504 CONCURRENTLY"); err == nil {
		t.Fatal("detaching did not wait for the reader")
	}
	tell(t, reader, "ROLLBACK")
	s := openPostgres(t, server, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	mustCommit(t, s, oldUnit())
	if n := len(logsByKey(t, s)); n != 4 {
		t.Errorf("%d logs are stored, want 4", n)
	}
}

func bound(day string) string {
	return "rpad(lpad(to_hex((extract(epoch FROM timestamptz '" + day + " 00:00:00+00') * 1000)::bigint), 12, '0'), 32, '0')::uuid"
}

// applyOldPostgres makes the tables of before in the schema.
func applyOldPostgres(t *testing.T, server, schema string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	cfg, err := pgx.ParseConfig(u.String())
	if err != nil {
		t.Fatal(err)
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(1)
	applyUntil(t, db, pgdialect.New(), migrations.Postgres(), before)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// Units copy logs to a day's table and then join others with what is in all days. Steps
// of the schema lock these before the one, and are what PostgreSQL then often ends.
func TestSchemaIsBroughtUpToDateBesideWriters(t *testing.T) {
	server := servers.OwnPostgres(t, "deadlock_timeout=10ms")
	s, admin := openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 2}), asAdministrator(t, server.URL())
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			var begun []domain.EmailEvent
			for n := 0; ctx.Err() == nil; n++ {
				received, delivered := receivedAndDelivered(2*n+w, 300)
				if _, err := s.Commit(t.Context(), ports.Unit{Events: slices.Concat(received, begun)}); err != nil {
					t.Error(err)
				}
				begun = delivered
			}
		})
	}
	for range 30 {
		tell(t, admin, "DELETE FROM kumotrail.bun_migrations WHERE name = '20261127060000'")
		if _, err := sqlstore.MigratePostgres(t.Context(), server.URL(), sqlstore.PostgresConfig{}); err != nil {
			t.Error(err)
		}
	}
	stop()
	writers.Wait()
}
