//go:build !embedded

package sqlstore_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// asAdministrator connects as an operator might.
func asAdministrator(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// tell runs a statement of the administrator's.
func tell(t *testing.T, conn *pgx.Conn, query string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// told returns what a query of the administrator's answers.
func told[T any](t *testing.T, conn *pgx.Conn, query string, args ...any) (answer T) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func stored(t *testing.T, s ports.StatsReader) int64 {
	t.Helper()
	counts, err := s.CountEvents(t.Context(), ports.StatsQuery{Width: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, c := range counts {
		n += c.Count
	}
	return n
}

func mustCommit(t *testing.T, s ports.Journal, u ports.Unit) ports.Committed {
	t.Helper()
	c, err := s.Commit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSchemaIsMadeOnceByManyInstances(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			s, err := sqlstore.OpenPostgres(t.Context(), url, contract.Decoder{}, sqlstore.PostgresConfig{Schema: schema})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Commit(t.Context(), mailUnit(i, 10)); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, KeepSchema: true})
	if n := stored(t, s); n != 60 {
		t.Errorf("%d events are stored, want 60", n)
	}
}

func TestStatusOfMigrationsChangesNothing(t *testing.T) {
	url, cfg := servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t)}
	list, err := sqlstore.PostgresMigrations(t.Context(), url, cfg)
	if err != nil || len(list) == 0 || !list[0].AppliedAt.IsZero() {
		t.Fatalf("migrations of an empty database: %v, %v, want the first unapplied", list, err)
	}
	if told[bool](t, asAdministrator(t, url), "SELECT to_regnamespace($1) IS NOT NULL", cfg.Schema) {
		t.Error("the schema was made")
	}
	keep := cfg
	keep.KeepSchema = true
	if _, err := sqlstore.OpenPostgres(t.Context(), url, contract.Decoder{}, keep); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Fatalf("opening without a schema: %v, want what is missing", err)
	}
	made, err := sqlstore.MigratePostgres(t.Context(), url, cfg)
	if err != nil || slices.ContainsFunc(made, func(m sqlstore.Migration) bool { return m.AppliedAt.IsZero() }) {
		t.Fatalf("migrated: %v, %v", made, err)
	}
	again, err := sqlstore.MigratePostgres(t.Context(), url, cfg)
	if diff := cmp.Diff(made, again); diff != "" || err != nil {
		t.Errorf("migrated again: %v, -first +again\n%s", err, diff)
	}
	openPostgres(t, url, keep)
}

func TestSchemaOfNewerVersionIsRefused(t *testing.T) {
	url, cfg := servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t)}
	if _, err := sqlstore.MigratePostgres(t.Context(), url, cfg); err != nil {
		t.Fatal(err)
	}
	tell(t, asAdministrator(t, url), "INSERT INTO "+cfg.Schema+".bun_migrations (name, group_id) VALUES ('99990101000000', 9)")
	for _, keep := range []bool{false, true} {
		cfg.KeepSchema = keep
		if _, err := sqlstore.OpenPostgres(t.Context(), url, contract.Decoder{}, cfg); err == nil || !strings.Contains(err.Error(), "newer") {
			t.Errorf("keeping the schema is %t: %v, want that it is a newer one", keep, err)
		}
	}
}

func TestNothingOutsideOfSchemaIsTouched(t *testing.T) {
	url := servers.Postgres(t)
	admin := asAdministrator(t, url)
	schema := `Odd "name", ` + servers.Schema(t)
	t.Cleanup(func() {
		_, err := admin.Exec(context.Background(), "DROP SCHEMA "+pgx.Identifier{schema}.Sanitize()+" CASCADE")
		if err != nil {
			t.Error(err)
		}
	})
	tell(t, admin, "CREATE TABLE IF NOT EXISTS public.email_log (id int)")
	const others = `SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public'`
	before := told[int](t, admin, others)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	mustCommit(t, s, mailUnit(1, 20))
	if _, err := s.Prune(t.Context(), time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, mailUnit(1, 20))
	if n := stored(t, s); n != 20 {
		t.Errorf("%d events are stored, want 20", n)
	}
	if after := told[int](t, admin, others); after != before {
		t.Errorf("the schema public has %d relations, had %d", after, before)
	}
}

func TestTextsCompareBytewise(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	n := told[int](t, asAdministrator(t, url), `SELECT count(*) FROM information_schema.columns
		WHERE table_schema = $1 AND table_name !~ '^bun_' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'`, schema)
	if n > 0 {
		t.Errorf("%d text columns compare as the database's locale does", n)
	}
}

func TestCommitIsOnDiskWhateverServerSays(t *testing.T) {
	server := servers.OwnPostgres(t, "synchronous_commit=off")
	s := openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 1})
	mustCommit(t, s, mailUnit(1, 20))
	admin := asAdministrator(t, server.URL())
	const notOnDisk = "SELECT pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()"
	for i := range 20 {
		mustCommit(t, s, mailUnit(2+i, 2))
		if told[bool](t, admin, notOnDisk) {
			t.Fatal("a commit was acknowledged before it was on disk")
		}
	}
}

func TestResentUnitWritesNothing(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	mustCommit(t, s, mailUnit(1, 100))
	const rows = `SELECT md5(string_agg(t, ' ' ORDER BY t)) FROM (
		SELECT ctid || ' ' || xmin || ' ' || tableoid AS t FROM email_log UNION ALL
		SELECT ctid || ' ' || xmin || ' ' || tableoid FROM email_event UNION ALL
		SELECT ctid || ' ' || xmin || ' ' || tableoid FROM record_chunk UNION ALL
		SELECT ctid || ' ' || xmin || ' ' || tableoid FROM outbox) r`
	before := told[string](t, admin, rows)
	for range 3 {
		if c := mustCommit(t, s, mailUnit(1, 100)); slices.Contains(c.New, true) {
			t.Fatal("a resent event counts as new")
		}
	}
	if after := told[string](t, admin, rows); after != before {
		t.Error("rows were written again")
	}
}

func TestContentThatServerRefusesIsRefusedWithoutBeingQuoted(t *testing.T) {
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t)})
	for name, spoil := range map[string]func(*domain.EmailEvent){
		"NUL":       func(e *domain.EmailEvent) { e.Sender = "secret\x00@example.com" },
		"not UTF-8": func(e *domain.EmailEvent) { e.Sender = "secret\xff@example.com" },
		"time":      func(e *domain.EmailEvent) { e.OccurredAt = time.Date(-9999, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		u := mailUnit(1, 4)
		spoil(&u.Events[2])
		_, err := s.Commit(t.Context(), u)
		if !errors.Is(err, ports.ErrRefused) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %v and no content", name, err, ports.ErrRefused)
		}
	}
	if n := stored(t, s); n != 0 {
		t.Errorf("%d events of refused units are stored", n)
	}
}

func TestOpenNamesEveryFaultOfPostgresConfig(t *testing.T) {
	cfg := sqlstore.PostgresConfig{Writers: -1, LockTimeout: -1, Schema: strings.Repeat("x", 64)}
	_, err := sqlstore.OpenPostgres(t.Context(), "postgres://127.0.0.1", contract.Decoder{}, cfg)
	for _, fault := range []string{"writers", "lock timeout", "schema"} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("got %v, want a word on %s", err, fault)
		}
	}
	if _, err := sqlstore.OpenPostgres(t.Context(), "postgres://u:secret@[", contract.Decoder{}, sqlstore.PostgresConfig{}); err == nil ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("a URL that is none: %v", err)
	}
}

func TestClosedPostgresLeavesNoGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s, err := sqlstore.OpenPostgres(t.Context(), servers.Postgres(t), contract.Decoder{}, sqlstore.PostgresConfig{Schema: servers.Schema(t)})
	if err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, mailUnit(1, 20))
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
