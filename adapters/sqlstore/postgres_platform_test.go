//go:build !embedded

package sqlstore_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// shape is a table as platforms have it; %s is its schema.
type shape struct{ create, delivered, failed, reason string }

var shapes = map[string]shape{
	"camel case and an enum": {
		`CREATE TYPE %s.email_status AS ENUM ('pending', 'sent', 'delivered', 'bounced', 'complained', 'archived');
		CREATE TABLE %s.email_log (id text PRIMARY KEY, status %s.email_status NOT NULL DEFAULT 'pending',
			"deliveredAt" timestamp, "failedAt" timestamp, "errorMessage" text)`,
		`"deliveredAt"`, `"failedAt"`, `"errorMessage"`,
	},
	"snake case and UUIDs": {
		`CREATE TABLE %s.email_log (id uuid PRIMARY KEY, status varchar(20) NOT NULL,
			delivered_at timestamptz, failed_at timestamptz, error_message varchar(500))`,
		"delivered_at", "failed_at", "error_message",
	},
	"names without quotes": {
		`CREATE TABLE %s.email_log (ID varchar(100) PRIMARY KEY, Status text, DeliveredAt timestamp(3), FailedAt timestamptz(3), Error text)`,
		"deliveredat", "failedat", "error",
	},
}

func TestPostgresKeepsContractOfPlatformTable(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			contract.TestPlatformTable(t, func(t *testing.T) contract.PlatformHarness { return openPlatform(t, s) })
		})
	}
}

// platformTable returns the platform's schema with a table in it.
func platformTable(t *testing.T, admin *pgx.Conn, create string) string {
	t.Helper()
	schema := servers.Schema(t)
	tell(t, admin, "CREATE SCHEMA "+schema)
	for statement := range strings.SplitSeq(create, ";") {
		tell(t, admin, strings.ReplaceAll(statement, "%s", schema))
	}
	return schema
}

func newPlatform(t *testing.T, s *sqlstore.Postgres, name string) *sqlstore.PostgresPlatform {
	t.Helper()
	p, err := sqlstore.NewPostgresPlatform(s, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func openPlatform(t *testing.T, s shape) contract.PlatformHarness {
	admin := asAdministrator(t, servers.Postgres(t))
	table := platformTable(t, admin, s.create) + ".email_log"
	store := openPostgresStore(t).(*sqlstore.Postgres)
	return contract.PlatformHarness{
		PlatformTable: newPlatform(t, store, table), Store: store,
		Insert: func(t *testing.T, rows ...domain.PlatformRow) {
			t.Helper()
			for _, r := range rows {
				tell(t, admin, "INSERT INTO "+table+" (id, status, "+s.delivered+", "+s.failed+", "+s.reason+") VALUES ($1, $2, $3, $4, nullif($5, ''))",
					r.ID, r.Status, orNull(r.DeliveredAt), orNull(r.FailedAt), r.Error)
			}
		},
		Row: func(t *testing.T, id string) domain.PlatformRow {
			t.Helper()
			r := domain.PlatformRow{ID: id}
			var delivered, failed *time.Time
			err := admin.QueryRow(t.Context(), "SELECT status::text, "+s.delivered+"::timestamp AT TIME ZONE 'UTC', "+s.failed+
				"::timestamp AT TIME ZONE 'UTC', coalesce("+s.reason+", '') FROM "+table+" WHERE id = $1", id).
				Scan(&r.Status, &delivered, &failed, &r.Error)
			if err != nil {
				t.Fatal(err)
			}
			r.DeliveredAt, r.FailedAt = orZero(delivered), orZero(failed)
			return r
		},
	}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// told of one message, delivered or bounced, with the application's id.
func platformUnit(kind, application string) (unit ports.Unit, messageID string) {
	r := contract.Record{EmailEvent: domain.EmailEvent{
		RecordType: kind, MessageID: "019ca945-0de8-7000-8000-000000000001", ApplicationID: application,
		OccurredAt: time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC),
		Response:   domain.Response{Code: 550, Content: strings.Repeat("ü", 40)},
	}, Recipients: []string{"user@example.com"}}
	return ports.Unit{Events: r.Events(r.OccurredAt)}, r.MessageID
}

func TestPlatformTableOfNumbersAndOtherNames(t *testing.T) {
	admin := asAdministrator(t, servers.Postgres(t))
	schema := platformTable(t, admin, `CREATE TYPE %s."Outcome" AS ENUM ('PENDING', 'DELIVERED', 'FAILED', 'SPAM');
		CREATE TABLE %s."Email Log" (id bigint PRIMARY KEY, status %s."Outcome", "deliveredAt" timestamp, "failedAt" timestamp, error varchar(10));
		CREATE TABLE %s."EmailLog" (LIKE %s."Email Log");
		INSERT INTO %s."EmailLog" (id, status) VALUES (7, 'PENDING'), (8, 'PENDING')`)
	store := openPostgresStore(t).(*sqlstore.Postgres)
	unit, message := platformUnit("Bounce", "7")
	mustCommit(t, store, unit)
	p := newPlatform(t, store, schema+".EmailLog")
	changed, err := p.Update(t.Context(), []string{message}, ports.PlatformPosition{}, ports.PlatformPosition{})
	if err != nil || changed != 1 {
		t.Fatalf("%d rows changed: %v", changed, err)
	}
	got := told[string](t, admin, `SELECT string_agg(concat_ws('|', id, status, "failedAt", error), ' ' ORDER BY id) FROM `+schema+`."EmailLog"`)
	if want := "7|FAILED|2026-03-01 12:00:05|550 " + strings.Repeat("ü", 6) + " 8|PENDING"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

func TestPlatformTableThatIsNotOneIsRefusedWithWhatWasLookedFor(t *testing.T) {
	admin := asAdministrator(t, servers.Postgres(t))
	schema := platformTable(t, admin, `CREATE TABLE %s.empty (); CREATE TABLE %s.others (id text, status integer, delivered_at text, "failedAt" timestamp);
		CREATE SEQUENCE %s.numbers`)
	store := openPostgresStore(t).(*sqlstore.Postgres)
	for table, wants := range map[string][]string{
		"missing": {"there is no table " + schema + ".missing"},
		"numbers": {"there is no table"},
		"empty":   {"no column id", "no column status", "no column deliveredAt or delivered_at", "no column failedAt or failed_at"},
		"others":  {"column status is int4, not text or varchar or enum", "column delivered_at is text, not timestamptz"},
	} {
		err := newPlatform(t, store, schema+"."+table).Check(t.Context())
		for _, want := range wants {
			if !errors.Is(err, ports.ErrRefused) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", table, err, want)
			}
		}
	}
}

func TestPlatformTableThatMayNotBeWrittenIsUnavailableUntilItMay(t *testing.T) {
	server := servers.Postgres(t)
	admin := asAdministrator(t, server)
	schema := platformTable(t, admin, "CREATE TABLE %s.email_log (id text, status text, delivered_at timestamp, failed_at timestamp); INSERT INTO %s.email_log VALUES ('app', 'sent')")
	own := servers.Schema(t)
	role := own + "_role"
	tell(t, admin, "CREATE ROLE "+role+" LOGIN PASSWORD 'secret'")
	t.Cleanup(func() {
		if _, err := admin.Exec(context.Background(), "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	tell(t, admin, "CREATE SCHEMA "+own+" AUTHORIZATION "+role)
	store := openPostgres(t, asRole(t, server, role), sqlstore.PostgresConfig{Schema: own, DaysAhead: 1})
	unit, message := platformUnit("Delivery", "app")
	mustCommit(t, store, unit)
	p := newPlatform(t, store, schema+".email_log")
	for _, grant := range []string{"USAGE ON SCHEMA " + schema, "SELECT ON " + schema + ".email_log", "UPDATE (status) ON " + schema + ".email_log"} {
		if _, err := p.Update(t.Context(), []string{message}, ports.PlatformPosition{}, ports.PlatformPosition{}); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("before GRANT %s: %v, want %v", grant, err, ports.ErrUnavailable)
		}
		tell(t, admin, "GRANT "+grant+" TO "+role)
	}
	tell(t, admin, "GRANT UPDATE (delivered_at, failed_at) ON "+schema+".email_log TO "+role)
	changed, err := p.Update(t.Context(), []string{message}, ports.PlatformPosition{}, ports.PlatformPosition{})
	if err != nil || changed != 1 {
		t.Errorf("%d rows changed: %v", changed, err)
	}
}

func asRole(t *testing.T, server, role string) string {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "secret")
	return u.String()
}

func TestPlatformTableMayRefuseARow(t *testing.T) {
	admin := asAdministrator(t, servers.Postgres(t))
	schema := platformTable(t, admin, `CREATE TABLE %s.email_log (id text, status text CHECK (status IN ('pending', 'sent')), delivered_at timestamp, failed_at timestamp);
		INSERT INTO %s.email_log VALUES ('app', 'sent')`)
	store := openPostgresStore(t).(*sqlstore.Postgres)
	unit, message := platformUnit("Delivery", "app")
	mustCommit(t, store, unit)
	to := ports.PlatformPosition{Sequence: 1}
	if _, err := newPlatform(t, store, schema+".email_log").Update(t.Context(), []string{message}, ports.PlatformPosition{}, to); !errors.Is(err, ports.ErrRefused) {
		t.Errorf("%v, want %v", err, ports.ErrRefused)
	}
	if at := told[int](t, admin, "SELECT count(*) FROM "+schema+".email_log WHERE status = 'sent' AND delivered_at IS NULL"); at != 1 {
		t.Error("the row has changed")
	}
}

func TestPlatformNames(t *testing.T) {
	for name, isGood := range map[string]bool{
		"email_log": true, "public.email_log": true, "Public.EmailLog": true, "kumotrail2.email_log": true,
		"": false, ".": false, "a.": false, ".a": false, "a.b.c": false, `"a"`: false, "a;b": false, "a b": false, "a'": false,
		"kumotrail.email_log": false, strings.Repeat("a", 64): false, "a\x00": false,
	} {
		if err := sqlstore.CheckPlatformName(name, "kumotrail"); (err == nil) != isGood {
			t.Errorf("%q: %v", name, err)
		}
	}
}
