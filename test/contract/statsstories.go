package contract

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func countsInBuckets(t *testing.T, s Store) {
	var records []Record
	times := append(slices.Clone(instants), midnight, midnight.Add(-time.Microsecond),
		midnight.Add(time.Hour), midnight.Add(time.Hour-time.Microsecond), time.Unix(0, -1000).UTC())
	for i, occurred := range times {
		for j, kind := range []string{"Reception", "AdminBounce", "XferIn", "Unheard"}[i%4:] {
			r := record(kind, i*4+j, 0, "a@example.com", "b@example.com")
			r.OccurredAt = occurred
			records = append(records, r)
		}
	}
	events := eventsOf(records...)
	commit(t, s, ports.Unit{Events: events})
	ranges := [][2]time.Time{{}, {midnight, {}}, {{}, midnight}, {midnight.Add(-time.Microsecond), at(11)}, {at(11), at(11)}}
	for _, width := range []time.Duration{time.Minute, 5 * time.Minute, time.Hour, day} {
		for _, r := range ranges {
			inside := slices.DeleteFunc(slices.Clone(events), func(e domain.EmailEvent) bool {
				return e.OccurredAt.Before(r[0]) || !r[1].IsZero() && !e.OccurredAt.Before(r[1])
			})
			got, err := s.CountEvents(context.Background(), ports.StatsQuery{From: r[0], To: r[1], Width: width})
			fine(t, "count events", err)
			same(t, fmt.Sprintf("counts in [%s, %s) by %s", r[0], r[1], width), countsOf(inside, width), got)
		}
	}
}

func countsOnce(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com", "b@example.com")
	commitRecords(t, s, r, otherwise(r))
	commitRecords(t, s, otherwise(r))
	got, err := s.CountEvents(context.Background(), ports.StatsQuery{Width: day})
	fine(t, "count events", err)
	same(t, "counts", []ports.EventCount{{Bucket: midnight, Type: domain.Delivery, Count: 2}}, got)
}

func messages(t *testing.T, s Store, q ports.StatsQuery) []ports.MessageCount {
	t.Helper()
	q.Width = day
	rows, err := s.CountMessages(context.Background(), q)
	fine(t, "count messages", err)
	return rows
}

func latencies(t *testing.T, s Store, q ports.StatsQuery) []ports.Latency {
	t.Helper()
	q.Width = day
	rows, err := s.Latencies(context.Background(), q)
	fine(t, "measure latencies", err)
	return rows
}

// countsLateReports has reports that are logged long after they came.
func countsLateReports(t *testing.T, s Store) {
	var records []Record
	for i, late := range []time.Duration{0, time.Hour, 23 * time.Hour, 25 * time.Hour, 40 * day} {
		r := reportOn("OOB", i, record("Delivery", i, 5, "a@example.com"))
		r.OccurredAt = at(0).Add(late)
		r.AcceptedAt = at(0)
		records = append(records, r)
	}
	commitRecords(t, s, records...)
	for n, q := range []ports.StatsQuery{{}, {From: at(0), To: at(1)}, {From: at(60), To: at(86400 * 3)}} {
		q.Width = time.Hour
		rows, err := s.CountEvents(context.Background(), q)
		fine(t, "count events", err)
		same(t, fmt.Sprintf("reports by query %d", n), []int64{5, 1, 3}[n], total(rows))
	}
	rows, err := s.CountEvents(context.Background(), ports.StatsQuery{From: at(86400 * 2), Width: time.Hour})
	fine(t, "count events", err)
	same(t, "reports of another clock", int64(1), total(rows))
}

func countsMailAlone(t *testing.T, s Store) {
	mail, ofReport := record("Delivery", 1, 5, "a@example.com"), record("Delivery", 2, 5, "a@example.com")
	ofReport.OfReport = true
	out := record("XferOut", 3, 5, "a@example.com")
	out.TransferID = messageID(4) // of which nobody else has spoken
	commitRecords(t, s, mail, ofReport, out, reportOn("OOB", 5, record("Delivery", 6, 5, "b@example.com")))
	same(t, "messages", []ports.MessageCount{
		{Bucket: midnight, Status: "delivered", Count: 1}, {Bucket: midnight, Status: "transferred", Count: 1},
	}, messages(t, s, ports.StatsQuery{}))
	commitRecords(t, s, reportOn("OOB", 7, mail))
	same(t, "messages after a late bounce", []ports.MessageCount{
		{Bucket: midnight, Status: "bounced", Count: 1}, {Bucket: midnight, Status: "transferred", Count: 1},
	}, messages(t, s, ports.StatsQuery{}))
}

func countsUnknown(t *testing.T, s Store) {
	known, unknown := record("Delivery", 1, 5, `"a@b"@EXAMPLE.com`, "c@example.com"), record("Delivery", 2, 5, "Postmaster", "odd@")
	known.Provider = "google"
	commitRecords(t, s, known, unknown)
	by := []ports.Dimension{ports.ByDomain, ports.ByProvider}
	same(t, "messages", []ports.MessageCount{
		{Bucket: midnight, Status: "delivered", Count: 2},
		{Bucket: midnight, Group: ports.Group{"example.com", "google"}, Status: "delivered", Count: 2},
	}, messages(t, s, ports.StatsQuery{By: by}))
	rows, err := s.CountEvents(context.Background(), ports.StatsQuery{By: by, Width: day})
	fine(t, "count events", err)
	same(t, "events", []ports.EventCount{
		{Bucket: midnight, Type: domain.Delivery, Count: 2},
		{Bucket: midnight, Group: ports.Group{"example.com", "google"}, Type: domain.Delivery, Count: 2},
	}, rows)
}

func countsNothingByOddTexts(t *testing.T, s Store) {
	commitRecords(t, s, mixedRecords()...)
	for _, odd := range []string{"\x00", "a\x00", "\xff", "' OR '1'='1", "$1", "?"} {
		for _, q := range []ports.StatsQuery{{Tenant: odd}, {Campaign: odd}, {Provider: odd}, {Domain: odd}} {
			q.Width = day
			rows, err := s.CountEvents(context.Background(), q)
			fine(t, "count events", err)
			same(t, "rows by an odd text", 0, len(rows)+len(messages(t, s, q))+len(latencies(t, s, q)))
		}
	}
}

func measuresLatency(t *testing.T, s Store) {
	for _, n := range []int{1, 19, 80, 100} {
		tenant := fmt.Sprint("tenant-", n)
		var records []Record
		for i := range n {
			r := record("Delivery", n*1000+i, 0, "a@example.com")
			r.OccurredAt, r.Tenant = r.AcceptedAt.Add(time.Duration((i*37)%n)*time.Second), tenant
			if i == 1 {
				r.OccurredAt = r.AcceptedAt.Add(-time.Minute) // by a clock that is late
			}
			records = append(records, r)
		}
		failed := record("Bounce", n*1000+n, n*1000+n, "a@example.com")
		failed.Tenant = tenant
		commitRecords(t, s, append(records, failed)...)
		var times []int64
		for i := range n {
			times = append(times, max(0, records[i].OccurredAt.Sub(records[i].AcceptedAt).Microseconds()))
		}
		slices.Sort(times)
		want := ports.Latency{Messages: int64(n) + 1, Tried: int64(n) + 1, Delivered: int64(n), AtFirst: int64(n)}
		for p, percent := range ports.Percentiles {
			want.Took[p] = times[(n*percent+99)/100-1]
		}
		got := latencies(t, s, ports.StatsQuery{Tenant: tenant, By: []ports.Dimension{ports.ByTenant}})
		var sum ports.Latency
		if len(got) == 1 {
			sum = got[0]
		}
		want.Bucket, want.Group = sum.Bucket, ports.Group{tenant}
		same(t, "latency of "+tenant, []ports.Latency{want}, asExact([]ports.Latency{want}, got))
	}
}

func measuresAttempts(t *testing.T, s Store) {
	later := record("TransientFailure", 2, 10, "a@example.com")
	second := record("Delivery", 2, 20, "a@example.com")
	second.Attempts = 1
	gone := record("Expiration", 5, 30, "a@example.com")
	gone.Attempts = 1
	commitRecords(t, s, record("Delivery", 1, 5, "a@example.com"), later, second,
		record("TransientFailure", 3, 10, "a@example.com"), record("Bounce", 4, 10, "a@example.com"), gone,
		record("Reception", 6, 6, "a@example.com"), record("Delayed", 7, 8, "a@example.com"))
	want := []ports.Latency{{
		Bucket: midnight, Messages: 7, Tried: 5, Deferred: 3, Delivered: 2, AtFirst: 1,
		Took: [4]int64{4_000_000, 18_000_000, 18_000_000, 18_000_000},
	}}
	same(t, "latency", want, asExact(want, latencies(t, s, ports.StatsQuery{})))
}

func countsUpToLimit(t *testing.T, s Store) {
	commitRecords(t, s, deliveries(0, 200)...)
	q := ports.StatsQuery{Width: time.Minute, Limit: 1}
	events, err := s.CountEvents(context.Background(), q)
	fine(t, "count events", err)
	through, err := s.Latencies(context.Background(), q)
	fine(t, "measure latencies", err)
	logs, err := s.CountMessages(context.Background(), q)
	fine(t, "count messages", err)
	same(t, "rows", [3]int{1, 1, 1}, [3]int{len(events), len(through), len(logs)})
}

func endedContextCounts(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, q := range []ports.StatsQuery{{Width: day}, {Width: day, Tenant: "\x00"}} {
		_, err := s.CountEvents(ctx, q)
		is(t, "events under an ended context", err, ports.ErrUnavailable)
		_, err = s.CountMessages(ctx, q)
		is(t, "messages under an ended context", err, ports.ErrUnavailable)
		_, err = s.Latencies(ctx, q)
		is(t, "latencies under an ended context", err, ports.ErrUnavailable)
	}
}
