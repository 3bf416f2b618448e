//go:build !embedded

package sqlstore_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// addLogs adds n logs of a millisecond, 0 for none, of which some are not confirmed
// and some are reports.
func addLogs(t *testing.T, conn *pgx.Conn, milli int64, n int) {
	t.Helper()
	tell(t, conn, `INSERT INTO email_log (key, accepted_at, received_at, confirmed, of_report, message_id, recipient,
			attempts, status, cause, decision)
		SELECT (lpad(to_hex($1::bigint), 12, '0') || left(md5(i::text), 20))::uuid,
			CASE WHEN $1 > 0 THEN to_timestamp($1 / 1000.0) END, now(), i % 50 > 0, i % 70 = 0, 'odd ' || i, 'a@example.com',
			1, 'delivered', CASE WHEN i % 100 = 1 THEN 'recipient' END, '\x05'::bytea || decode(repeat('00', 24), 'hex')
		FROM generate_series(1, $2::bigint) i`, milli, n)
}

func storedKeys(t *testing.T, conn *pgx.Conn, condition string, args ...any) []domain.LogKey {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT uuid_send(key) FROM email_log WHERE "+condition+" ORDER BY key DESC", args...)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (key domain.LogKey, err error) {
		var b []byte
		err = row.Scan(&b)
		copy(key[:], b)
		return key, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestExportsHaveAllLogsOfTheirTime exports some days of mail, with a burst and a
// gap between, and logs without a time: by time, and by lists that have more of them
// than are read at once, before these are packed and after.
func TestExportsHaveAllLogsOfTheirTime(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	now := time.Now().UTC().Truncate(24 * time.Hour)
	awaitDays(t, admin, schema, 3)
	fillDays(t, admin, now.AddDate(0, 0, -40), 2, 4000)
	fillDays(t, admin, now, 2, 6000)
	noon := now.Add(-36 * time.Hour)
	addLogs(t, admin, noon.UnixMilli(), 20_000)
	addLogs(t, admin, 0, 3000)
	from, to := noon.Add(-time.Hour), noon.Add(time.Minute)
	for name, c := range map[string]struct {
		f         ports.LogFilter
		condition string
		args      []any
	}{
		"all":              {ports.LogFilter{}, "confirmed AND NOT of_report", nil},
		"from":             {ports.LogFilter{From: noon}, "confirmed AND NOT of_report AND accepted_at >= $1", []any{noon}},
		"to":               {ports.LogFilter{To: noon}, "confirmed AND NOT of_report AND accepted_at < $1", []any{noon}},
		"from and to":      {ports.LogFilter{From: from, To: to}, "confirmed AND NOT of_report AND accepted_at >= $1 AND accepted_at < $2", []any{from, to}},
		"reports":          {ports.LogFilter{Reports: true}, "confirmed AND of_report", nil},
		"cause":            {ports.LogFilter{Cause: domain.CauseRecipient}, "confirmed AND NOT of_report AND cause = 'recipient'", nil},
		"a common status":  {ports.LogFilter{Statuses: []domain.Status{domain.Delivered}}, "confirmed AND NOT of_report AND status = 'delivered'", nil},
		"nothing, by time": {ports.LogFilter{From: to, To: from}, "false", nil},

		"provider":            {ports.LogFilter{Provider: "google"}, "provider = 'google'", nil},
		"provider, some time": {ports.LogFilter{Provider: "google", From: noon, To: now}, "provider = 'google' AND accepted_at >= $1 AND accepted_at < $2", []any{noon, now}},
		"provider and status": {ports.LogFilter{Provider: "google", Statuses: []domain.Status{domain.Delivered}}, "provider = 'google' AND status = 'delivered'", nil},
		"domain":              {ports.LogFilter{Domain: "example.com"}, "confirmed AND NOT of_report AND recipient LIKE '%@example.com'", nil},
		"domain of reports":   {ports.LogFilter{Domain: "example.com", Reports: true}, "confirmed AND of_report AND recipient LIKE '%@example.com'", nil},
	} {
		logs, want := s.Logs(t.Context(), c.f), storedKeys(t, admin, c.condition, c.args...)
		if isNone := name == "nothing, by time"; isNone != (len(want) == 0) {
			t.Fatalf("by %s: %d logs are stored", name, len(want))
		}
		for again := range 2 { // a sequence can be read again
			if again > 0 && len(want) > 0 && sqlstore.IsListed(c.f) {
				rollAll(t, s)
			}
			var got []domain.LogKey
			for l, err := range logs {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, l.Key)
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %s: %d logs, want %d, or in another order", name, len(got), len(want))
			}
		}
	}
}

// TestExportThatIsCutOffSaysSo ends the context of exports while pages of them are
// read.
func TestExportThatIsCutOffSaysSo(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	awaitDays(t, admin, schema, 3)
	fillDays(t, admin, time.Now().UTC().Truncate(24*time.Hour), 2, 25_000)
	for _, f := range []ports.LogFilter{{Provider: "google"}, {Domain: "gmail.com"}, {}} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		logs := 0
		for _, err := range s.Logs(ctx, f) {
			cancel()
			if last = err; err == nil {
				logs++
			}
		}
		if logs == 0 || logs >= 20_000 || !errors.Is(last, ports.ErrUnavailable) {
			t.Errorf("by %+v: %d logs and then %v, want some and then ErrUnavailable", f, logs, last)
		}
	}
}

// TestWindowsWalkThePrimaryKey holds windows to plans that walk the primary key of
// their days, upward where they read, and sort nothing.
func TestWindowsWalkThePrimaryKey(t *testing.T) {
	_, admin, now := openForPlans(t, 60, 400)
	for name, f := range map[string]ports.LogFilter{
		"time": {}, "cause": {Cause: domain.CauseRecipient}, "status": {Statuses: []domain.Status{domain.Delivered}},
	} {
		f.From, f.To = now.AddDate(0, 0, -3), now.AddDate(0, 0, -1)
		queries, args := sqlstore.PostgresWindowQueries(f)
		for i, scan := range []string{"Only Scan Backward using email_log_", " Scan using email_log_", " Scan Backward using email_log_"} {
			plan := planOf(t, admin, queries[i], args[i])
			if strings.Count(plan, scan) != 2 || strings.Count(plan, "_pkey on ") != 2 || strings.Contains(plan, "Sort") {
				t.Errorf("by %s: not two scans %q by the primary key in\n%.2000s", name, scan, plan)
			}
		}
	}
}
