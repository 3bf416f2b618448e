package contract

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// testRolled holds a store against a plain count on mail of the last days, which
// stores may keep finer sums of, while it is summed up now and then. It is one
// store all along: to make some takes long.
func testRolled(t *testing.T, open Open) {
	t.Run("StatsOfLastDaysAreThoseOfPlainCount", func(t *testing.T) {
		s, l := open(t), newLedger()
		rapid.Check(t, func(rt *rapid.T) {
			records := lastDays(time.Now()).Draw(rt, "records")
			order := rapid.Permutation(append(records, records[:len(records)/2]...)).Draw(rt, "order")
			for part := range slices.Chunk(order, 1+rapid.IntRange(0, 7).Draw(rt, "unit")) {
				u := ports.Unit{Events: eventsOf(part...)}
				l.take(u)
				commit(rt, s, u)
				if rapid.Bool().Draw(rt, "roll") {
					roll(rt, s)
				}
			}
			for range 6 {
				q := statsQueries().Draw(rt, "query")
				q.From, q.To = near(rt, "from"), near(rt, "to")
				checkStats(rt, s, l, &q)
			}
		})
		fine(t, "close", s.Close())
	})
}

// roll sums up something.
func roll(t rapid.TB, s Store) {
	t.Helper()
	_, err := s.Roll(context.Background())
	fine(t, "roll up", err)
}

// near draws a time of the last days, or none.
func near(t *rapid.T, name string) time.Time {
	if rapid.IntRange(0, 5).Draw(t, "no "+name) == 0 {
		return time.Time{}
	}
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(rapid.IntRange(-30, 12*24).Draw(t, name+" hours")) * time.Hour)
	off := []time.Duration{0, 0, time.Minute, 17 * time.Minute, time.Second, -time.Microsecond, 59*time.Minute + 59*time.Second}
	return at.Add(rapid.SampledFrom(off).Draw(t, name+" off"))
}

// lastDays generates what happened to some messages, most of them accepted
// within the last days.
func lastDays(now time.Time) *rapid.Generator[[]Record] {
	kinds := []string{"Reception", "TransientFailure", "Delivery", "Bounce", "Expiration", "OOB", "Feedback"}
	return rapid.Custom(func(t *rapid.T) []Record {
		var records []Record
		for m := range rapid.IntRange(1, 6).Draw(t, "messages") {
			accepted := now.UTC().Truncate(time.Millisecond).Add(-time.Duration(rapid.IntRange(0, 10*24*3600).Draw(t, "age")) * time.Second)
			name := rapid.SampledFrom([]string{"", "a", "B", "é"})
			tenant, campaign, provider := name.Draw(t, "tenant"), name.Draw(t, "campaign"), name.Draw(t, "provider")
			for i, kind := range rapid.Permutation(kinds).Draw(t, "kinds")[:rapid.IntRange(1, 5).Draw(t, "events")] {
				r := record(kind, m, i, rapid.SampledFrom([]string{"a@example.com", "b@EXAMPLE.org", "odd"}).Draw(t, "recipient"))
				r.MessageID, r.AcceptedAt = idAt(accepted, m), accepted
				r.OccurredAt = accepted.Add(time.Duration(rapid.IntRange(-1000, 300_000_000).Draw(t, "after")) * time.Microsecond)
				if kind == "OOB" || kind == "Feedback" {
					about := r
					r = reportOn(kind, m*10+i, about)
					r.OccurredAt = about.OccurredAt.Add(time.Duration(i) * 20 * time.Hour)
				}
				r.Tenant, r.Campaign, r.Provider, r.Attempts = tenant, campaign, provider, i/2
				if kind == "Delivery" {
					r.EgressSource = name.Draw(t, "source")
				}
				records = append(records, r)
			}
		}
		return records
	})
}

// countsBesideOthers has senders send the same mail at once, each in an order of
// its own, while others sum it up and one asks.
func countsBesideOthers(t *testing.T, s Store) {
	start := time.Now().UTC().Truncate(time.Millisecond).Add(-3 * time.Hour)
	var records []Record
	for m := range 40 {
		for i, kind := range []string{"Reception", "TransientFailure", "Delivery"} {
			r := record(kind, m, i, "a@example.com", fmt.Sprintf("user@example%d.org", m%3))
			r.AcceptedAt = start.Add(time.Duration(m) * 4 * time.Minute)
			r.MessageID, r.OccurredAt = idAt(r.AcceptedAt, m), r.AcceptedAt.Add(time.Duration(i)*time.Minute)
			r.Tenant, r.Attempts = []string{"acme", "globex"}[m%2], i/2
			records = append(records, r)
		}
	}
	l := newLedger()
	l.take(ports.Unit{Events: eventsOf(records...)})
	var senders, others sync.WaitGroup
	ended, stop := context.WithCancel(context.Background())
	for range 2 {
		others.Go(func() {
			for ended.Err() == nil {
				if _, err := s.Roll(context.Background()); err != nil {
					t.Errorf("roll up beside others: %v", err)
					return
				}
			}
		})
	}
	others.Go(func() { asksBesideOthers(ended, t, s, int64(len(l.known))) })
	for sender := range 4 {
		units := shuffledUnits(records, rand.Uint64N(1000)+uint64(sender))
		senders.Go(func() {
			for _, u := range units {
				if _, err := commitPatiently(s, u); err != nil {
					t.Errorf("commit beside others: %v", err)
					return
				}
			}
		})
	}
	senders.Wait()
	stop()
	others.Wait()
	for _, width := range []time.Duration{time.Minute, time.Hour, day} {
		checkStats(t, s, l, &ports.StatsQuery{Width: width, By: []ports.Dimension{ports.ByTenant}, From: start.Truncate(time.Minute)})
	}
}

// asksBesideOthers fails t if what is counted ever gets less, or more than there
// is.
func asksBesideOthers(ctx context.Context, t *testing.T, s Store, all int64) {
	for last := int64(0); ctx.Err() == nil; {
		rows, err := s.CountEvents(context.Background(), ports.StatsQuery{Width: day})
		if n := total(rows); err != nil || n < last || n > all {
			t.Errorf("counted %d of %d after %d, %v", n, all, last, err)
			return
		}
		last = total(rows)
	}
}

// losesNothingMidway has its summing up broken off again and again.
func losesNothingMidway(t *testing.T, s Store) {
	l := newLedger()
	for i := range 12 {
		u := ports.Unit{Events: eventsOf(deliveries(i*50, 100)...)}
		l.take(u)
		commit(t, s, u)
		ctx, cancel := context.WithTimeout(context.Background(), rand.N(10*time.Millisecond))
		_, err := s.Roll(ctx)
		cancel()
		if err != nil {
			is(t, "roll up under an ending context", err, ports.ErrUnavailable)
		}
		checkStats(t, s, l, &ports.StatsQuery{Width: time.Hour, By: []ports.Dimension{ports.ByDomain}})
	}
}

// countsNothingPruned prunes what is summed up and what is not yet.
func countsNothingPruned(t *testing.T, s Store) {
	commitRecords(t, s, onDay(1, -40*day), onDay(2, -time.Millisecond), onDay(3, 0))
	roll(t, s)
	commitRecords(t, s, onDay(4, -day), onDay(5, day))
	prune(t, s, midnight, midnight, 6)
	left := []domain.EmailEvent{eventsOf(onDay(3, 0))[0], eventsOf(onDay(5, day))[0]}
	for range 2 {
		for _, width := range []time.Duration{time.Minute, time.Hour, day} {
			got, err := s.CountEvents(context.Background(), ports.StatsQuery{Width: width})
			fine(t, "count events", err)
			same(t, "counts after pruning", countsOf(left, width), got)
		}
		same(t, "messages after pruning", []ports.MessageCount{
			{Bucket: midnight, Status: "delivered", Count: 1}, {Bucket: midnight.Add(day), Status: "delivered", Count: 1},
		}, messages(t, s, ports.StatsQuery{}))
		roll(t, s)
	}
	commitRecords(t, s, onDay(4, -day))
	same(t, "messages, one of them again", int64(3), func() (n int64) {
		for _, c := range messages(t, s, ports.StatsQuery{}) {
			n += c.Count
		}
		return n
	}())
}
