//go:build !embedded

package sqlstore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// fillDays puts perDay logs into each of the days before day: of 200 tenants and
// 1,000 campaigns, to a hundred thousand recipients, two in five of them at one
// domain. One in fifty bounced and one in five thousand complained; one in ten
// thousand is of provider "rare", and none of "silent".
func fillDays(t testing.TB, conn *pgx.Conn, day time.Time, days, perDay int) {
	t.Helper()
	for d := range days {
		start := day.AddDate(0, 0, -d-1)
		name := start.Format("email_log_20060102")
		bound := func(t time.Time) string { return fmt.Sprintf("%012x%020x", t.UnixMilli(), 0) }
		for _, statement := range []string{
			"CREATE TABLE IF NOT EXISTS " + name + " (LIKE email_log INCLUDING ALL) WITH (fillfactor = 50)",
			fmt.Sprintf("ALTER TABLE email_log ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')",
				name, bound(start), bound(start.AddDate(0, 0, 1))),
		} {
			if _, err := conn.Exec(t.Context(), statement); err != nil && d > 1 { // the store has made the latest
				t.Fatal(err)
			}
		}
		_, err := conn.Exec(t.Context(), `INSERT INTO email_log (key, accepted_at, confirmed, of_report, message_id, recipient,
				tenant, campaign, application_id, provider, attempts, status, response, decision)
			SELECT (lpad(to_hex(ms), 12, '0') || left(encode(sha256(id::bytea), 'hex'), 10) || left(encode(sha256(recipient::bytea), 'hex'), 10))::uuid,
				to_timestamp(ms / 1000.0), true, false, id, recipient, 'tenant-' || i % 200, 'campaign-' || i % 1000, 'eml_' || id,
				CASE WHEN i % 10000 = 9 THEN 'rare' WHEN i % 5 < 2 THEN 'google' ELSE 'other' END, 1, status, '250 OK queued',
				CASE status WHEN 'bounced' THEN '\x04'::bytea WHEN 'complained' THEN '\x07' ELSE '\x05' END || substr(decode(id, 'hex'), 1, 16) || '\x0000000000000000'
			FROM (SELECT i, $1::bigint + i * 86400000 / $2::bigint AS ms, md5($1 || '-' || i) AS id,
					'user' || h % 100000 || CASE WHEN i % 5 < 2 THEN '@gmail.com' ELSE '@domain' || h % 997 || '.example' END AS recipient,
					CASE WHEN h % 5000 = 4 THEN 'complained' WHEN h % 50 = 3 THEN 'bounced' ELSE 'delivered' END AS status
				FROM (SELECT i, abs(hashint8(i * 1000 + $3::bigint)::bigint) AS h FROM generate_series(0::bigint, $2::bigint - 1) i) n) n`,
			start.UnixMilli(), perDay, d)
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(t.Context(), "ANALYZE email_log"); err != nil {
		t.Fatal(err)
	}
}

// question is a page that is asked for, by the n-th of what it may ask for.
type question struct {
	name  string
	index string // what the index's condition speaks of
	of    func(n int, now time.Time) ports.LogFilter
}

func lastDay(now time.Time, f ports.LogFilter) ports.LogFilter {
	f.From, f.To = now.Add(-24*time.Hour), now
	return f
}

var questions = []question{
	{"recipient", "hashtext(recipient", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{Recipient: fmt.Sprintf("user%d@gmail.com", n)}
	}},
	{"application", "hashtext(application_id", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{ApplicationID: fmt.Sprintf("eml_%d", n)}
	}},
	{"tenant", "", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{Tenant: fmt.Sprintf("tenant-%d", n%200)}
	}},
	{"tenant, bounced", "", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{Tenant: fmt.Sprintf("tenant-%d", n%200), Statuses: []domain.Status{domain.Bounced, domain.BouncedLate}}
	}},
	{"tenant, complained", "", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{Tenant: fmt.Sprintf("tenant-%d", n%200), Statuses: []domain.Status{domain.Complained}}
	}},
	{"tenant and campaign", "", func(n int, _ time.Time) ports.LogFilter {
		return ports.LogFilter{Tenant: fmt.Sprintf("tenant-%d", n%200), Campaign: fmt.Sprintf("campaign-%d", n%200)}
	}},
	{"domain in a day", "", func(n int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Domain: fmt.Sprintf("domain%d.example", n%997)})
	}},
	{"bounced in a day", "", func(_ int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Statuses: []domain.Status{domain.Bounced}})
	}},
	{"complained in a day", "", func(_ int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Statuses: []domain.Status{domain.Complained}})
	}},
	{"provider in a day", "", func(_ int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Provider: "google"})
	}},
	{"rare provider in a day", "", func(_ int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Provider: "rare"})
	}},
	{"silent provider in a day", "", func(_ int, now time.Time) ports.LogFilter {
		return lastDay(now, ports.LogFilter{Provider: "silent"})
	}},
	{"nothing", "", func(int, time.Time) ports.LogFilter { return ports.LogFilter{} }},
}

// BenchmarkPostgresLogPage asks for pages of 50 logs, the first and one as deep
// as the list goes up to the thousandth, of 90 days with as many logs each as
// KUMOTRAIL_BENCH_LOGS_PER_DAY says, 20,000 if it says nothing.
//
//	go test -run '^$' -bench PostgresLogPage -benchtime 300x ./adapters/sqlstore
func BenchmarkPostgresLogPage(b *testing.B) {
	perDay, err := strconv.Atoi(os.Getenv("KUMOTRAIL_BENCH_LOGS_PER_DAY"))
	if err != nil {
		perDay = 20_000
	}
	server := servers.OwnPostgres(b, "shared_buffers=1GB")
	s := openPostgres(b, server.URL(), sqlstore.PostgresConfig{})
	admin, err := pgx.Connect(b.Context(), server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = admin.Close(context.Background()) }()
	if _, err := admin.Exec(b.Context(), "SET search_path TO kumotrail"); err != nil {
		b.Fatal(err)
	}
	now := time.Now().UTC().Truncate(24 * time.Hour)
	fillDays(b, admin, now, 90, perDay)
	rollAll(b, s)
	for _, q := range questions {
		for _, depth := range []int{0, 50 * 1000} {
			b.Run(fmt.Sprintf("%s/behind=%d", q.name, depth), func(b *testing.B) { askForPages(b, s, q, now, depth) })
		}
	}
}

func askForPages(b *testing.B, s *sqlstore.Postgres, q question, now time.Time, depth int) {
	const kinds = 20
	places := map[int]domain.LogKey{}
	ask := func(n int) time.Duration {
		start := time.Now()
		if _, err := s.LogPage(b.Context(), q.of(n, now), places[n], 50); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	for n := range kinds { // warm, and with plans
		places[n] = placeAt(b, s, q.of(n, now), depth)
		ask(n)
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, ask(rand.IntN(kinds)))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// placeAt returns the key of the log at depth, or of the last but some.
func placeAt(b *testing.B, s *sqlstore.Postgres, f ports.LogFilter, depth int) (place domain.LogKey) {
	for seen := 0; seen < depth; seen += 500 {
		page, err := s.LogPage(b.Context(), f, place, 500)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) < 500 {
			return place
		}
		place = page[len(page)-1].Key
	}
	return place
}
