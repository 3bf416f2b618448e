package contract

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestStats holds a store to the words of ports.StatsReader.
func TestStats(t *testing.T, open Open) {
	testCounts(t, open)
	testRolled(t, open)
	tellAll(t, "Stats", open, []story{
		{"CountEventsInBuckets", countsInBuckets},
		{"CountEventsOfOneCopy", countsOnce},
		{"CountLateReportsByTheirOwnTime", countsLateReports},
		{"CountMailAlone", countsMailAlone},
		{"TellWhatIsNotKnownApart", countsUnknown},
		{"ChooseByOddTextsNothing", countsNothingByOddTexts},
		{"MeasureByNearestRank", measuresLatency},
		{"MeasureFirstAttemptsAndDeferrals", measuresAttempts},
		{"EndAtLimit", countsUpToLimit},
		{"StayExactBesideWritersAndRollers", countsBesideOthers},
		{"SurviveSummingUpMidway", losesNothingMidway},
		{"ForgetWhatIsPruned", countsNothingPruned},
		{"EndedContextIsUnavailable", endedContextCounts},
	})
}

var dimensions = []ports.Dimension{
	ports.ByProvider, ports.ByDomain, ports.ByTenant, ports.ByCampaign, ports.ByEgressSource, ports.ByCause,
}

// testCounts holds a store against a plain count on random units.
func testCounts(t *testing.T, open Open) {
	t.Run("StatsAreThoseOfPlainCount", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			units := Units().Draw(rt, "units")
			s := open(t)
			l := newLedger()
			for _, u := range units {
				l.take(u)
				commit(rt, s, u)
				if rapid.Bool().Draw(rt, "roll") {
					roll(rt, s)
				}
			}
			for range 4 {
				q := statsQueries().Draw(rt, "query")
				checkStats(rt, s, l, &q)
			}
			fine(rt, "close", s.Close())
		})
	})
}

func statsQueries() *rapid.Generator[ports.StatsQuery] {
	return rapid.Custom(func(t *rapid.T) ports.StatsQuery {
		q := ports.StatsQuery{
			Width: rapid.SampledFrom([]time.Duration{time.Minute, 5 * time.Minute, time.Hour, day}).Draw(t, "width"),
			Limit: rapid.SampledFrom([]int{0, 0, 1, 3, 1000}).Draw(t, "limit"),
		}
		by := rapid.Permutation(dimensions).Draw(t, "by")
		q.By = by[:rapid.IntRange(0, 2).Draw(t, "dimensions")]
		bounds := append(slices.Clone(instants), time.Time{}, time.Time{}, at(1), at(9999), midnight, at(86400*2))
		q.From = rapid.SampledFrom(bounds).Draw(t, "from")
		q.To = rapid.SampledFrom(bounds).Draw(t, "to")
		if rapid.Bool().Draw(t, "chooses") {
			name := rapid.SampledFrom(append(slices.Clone(names), "", "", "", "", "", ""))
			q.Tenant, q.Campaign = name.Draw(t, "tenant"), name.Draw(t, "campaign")
			q.Provider = name.Draw(t, "provider")
			q.Domain = rapid.SampledFrom([]string{"", "", "example.com", "EXAMPLE.org", "例え.jp"}).Draw(t, "domain")
		}
		return q
	})
}

func checkStats(t rapid.TB, s Store, l *ledger, q *ports.StatsQuery) {
	t.Helper()
	ctx, what := context.Background(), fmt.Sprintf("%+v", *q)
	events, err := s.CountEvents(ctx, *q)
	fine(t, "count events", err)
	same(t, "events of "+what, l.eventCounts(q), events)
	messages, err := s.CountMessages(ctx, *q)
	fine(t, "count messages", err)
	same(t, "messages of "+what, l.messageCounts(q), messages)
	latencies, err := s.Latencies(ctx, *q)
	fine(t, "measure latencies", err)
	want := l.latencies(q)
	same(t, "latencies of "+what, want, asExact(want, latencies))
}

// asExact returns rows with the percentiles that are wanted where they are as
// near as they have to be.
func asExact(want, got []ports.Latency) []ports.Latency {
	got = slices.Clone(got)
	for i := range min(len(want), len(got)) {
		for p, exact := range want[i].Took {
			if off := got[i].Took[p] - exact; max(off, -off) <= exact/100+1 && (exact > 0 || off == 0) {
				got[i].Took[p] = exact
			}
		}
	}
	return got
}

// groupOf returns the values of a query's dimensions.
func groupOf(q *ports.StatsQuery, values ...string) (g ports.Group) {
	for i, d := range q.By {
		g[i] = values[slices.Index(dimensions, d)]
	}
	return g
}

func domainPart(recipient string) string {
	parts := strings.Split(recipient, "@")
	if len(parts) == 1 {
		return ""
	}
	return strings.ToLower(parts[len(parts)-1])
}

// fits says whether a query chooses what has these values and time.
func fits(q *ports.StatsQuery, at time.Time, values []string) bool {
	return (q.From.IsZero() || !at.Before(q.From)) && (q.To.IsZero() || at.Before(q.To)) &&
		(q.Provider == "" || q.Provider == values[0]) && (q.Domain == "" || strings.EqualFold(q.Domain, values[1])) &&
		(q.Tenant == "" || q.Tenant == values[2]) && (q.Campaign == "" || q.Campaign == values[3])
}

func (l *ledger) eventCounts(q *ports.StatsQuery) []ports.EventCount {
	counts := map[ports.EventCount]int64{}
	for _, e := range l.known {
		values := []string{e.Provider, domainPart(e.Recipient), e.Tenant, e.Campaign, e.EgressSource, string(e.Verdict.Cause)}
		if fits(q, e.OccurredAt, values) {
			counts[ports.EventCount{Bucket: e.OccurredAt.Truncate(q.Width), Group: groupOf(q, values...), Type: e.Type}]++
		}
	}
	var rows []ports.EventCount
	for row, n := range counts {
		row.Count = n
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ports.EventCount) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), slices.Compare(a.Group[:], b.Group[:]), strings.Compare(a.Type.String(), b.Type.String()))
	})
	return upTo(q.Limit, rows)
}

// each calls visit with each log that q chooses.
func (l *ledger) each(q *ports.StatsQuery, visit func(log *domain.EmailLog, group ports.Group)) {
	for _, log := range shown(domain.Fold(l.said), false) {
		values := []string{
			log.Provider, domainPart(log.Recipient), log.Tenant, log.Campaign, log.EgressSource, string(log.Decision.Verdict.Cause),
		}
		if !log.AcceptedAt.IsZero() && fits(q, log.AcceptedAt, values) {
			visit(&log, groupOf(q, values...))
		}
	}
}

func (l *ledger) messageCounts(q *ports.StatsQuery) []ports.MessageCount {
	counts := map[ports.MessageCount]int64{}
	l.each(q, func(log *domain.EmailLog, group ports.Group) {
		counts[ports.MessageCount{Bucket: log.AcceptedAt.Truncate(q.Width), Group: group, Status: log.Status().String()}]++
	})
	var rows []ports.MessageCount
	for row, n := range counts {
		row.Count = n
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ports.MessageCount) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), slices.Compare(a.Group[:], b.Group[:]), strings.Compare(a.Status, b.Status))
	})
	return upTo(q.Limit, rows)
}

func (l *ledger) latencies(q *ports.StatsQuery) []ports.Latency {
	var rows []ports.Latency
	took := map[ports.Latency][]int64{} // by a row's place
	l.each(q, func(log *domain.EmailLog, group ports.Group) {
		place := ports.Latency{Bucket: log.AcceptedAt.Truncate(q.Width), Group: group}
		i := slices.IndexFunc(rows, func(r ports.Latency) bool { return r.Bucket.Equal(place.Bucket) && r.Group == group })
		if i < 0 {
			i, rows = len(rows), append(rows, place)
		}
		addLatency(&rows[i], log)
		if !log.DeliveredAt.IsZero() {
			took[place] = append(took[place], max(0, log.DeliveredAt.UnixMicro()-log.AcceptedAt.UnixMicro()))
		}
	})
	for i := range rows {
		times := took[ports.Latency{Bucket: rows[i].Bucket, Group: rows[i].Group}]
		slices.Sort(times)
		for p, percent := range ports.Percentiles {
			// The least that at least so many of a hundred do not exceed.
			for rank := len(times); rank > 0 && rank*100 >= percent*len(times); rank-- {
				rows[i].Took[p] = times[rank-1]
			}
		}
	}
	slices.SortFunc(rows, func(a, b ports.Latency) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), slices.Compare(a.Group[:], b.Group[:]))
	})
	return upTo(q.Limit, rows)
}

func addLatency(row *ports.Latency, log *domain.EmailLog) {
	for _, count := range []struct {
		of   *int64
		when bool
	}{
		{&row.Messages, true},
		{&row.Tried, log.Attempts > 0},
		{&row.Deferred, log.Attempts > 1 || log.Attempts == 1 && slices.Contains([]string{"deferred", "expired"}, log.Status().String())},
		{&row.Delivered, !log.DeliveredAt.IsZero()},
		{&row.AtFirst, !log.DeliveredAt.IsZero() && log.Attempts < 2},
	} {
		if count.when {
			*count.of++
		}
	}
}

func upTo[T any](limit int, rows []T) []T {
	if limit > 0 && len(rows) > limit {
		return rows[:limit]
	}
	return rows
}
