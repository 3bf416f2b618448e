package contract_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// stats is a store that counts otherwise.
type stats struct {
	contract.Store
	ask       func(*ports.StatsQuery)
	events    func([]ports.EventCount) []ports.EventCount
	messages  func([]ports.MessageCount) []ports.MessageCount
	latencies func([]ports.Latency) []ports.Latency
}

func (s *stats) CountEvents(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
	s.ask(&q)
	rows, err := s.Store.CountEvents(ctx, q)
	return s.events(rows), err
}

func (s *stats) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	s.ask(&q)
	rows, err := s.Store.CountMessages(ctx, q)
	return s.messages(rows), err
}

func (s *stats) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	s.ask(&q)
	rows, err := s.Store.Latencies(ctx, q)
	return s.latencies(rows), err
}

func asCounted[R any](rows []R) []R { return rows }

// inStats breaks what a store counts.
func inStats(change func(*stats)) breaks {
	return func(b *broken) {
		s := &stats{b.Store, func(*ports.StatsQuery) {}, asCounted[ports.EventCount], asCounted[ports.MessageCount], asCounted[ports.Latency]}
		change(s)
		b.Store, b.count = s, s.CountEvents
	}
}

// asks makes a store count by another query.
func asks(change func(*ports.StatsQuery)) breaks {
	return inStats(func(s *stats) { s.ask = change })
}

// measures changes each row of latencies.
func measures(change func(*ports.Latency)) breaks {
	return inStats(func(s *stats) {
		s.latencies = func(rows []ports.Latency) []ports.Latency {
			for i := range rows {
				change(&rows[i])
			}
			return rows
		}
	})
}

// statsFaults are those about figures.
var statsFaults = []fault{
	{"ignores tenants of figures", "StatsAreThoseOfPlainCount", asks(func(q *ports.StatsQuery) { q.Tenant = "" })},
	{"ignores domains of figures", "StatsAreThoseOfPlainCount", asks(func(q *ports.StatsQuery) { q.Domain = "" })},
	{"turns dimensions around", "Stats/TellWhatIsNotKnownApart", asks(func(q *ports.StatsQuery) { slices.Reverse(q.By) })},
	{"leaves out what is not known", "Stats/TellWhatIsNotKnownApart", inStats(func(s *stats) {
		s.messages = func(rows []ports.MessageCount) []ports.MessageCount {
			return slices.DeleteFunc(rows, func(r ports.MessageCount) bool { return r.Group == ports.Group{} })
		}
	})},
	{"counts statuses backwards", "Stats/CountMailAlone", inStats(func(s *stats) {
		s.messages = func(rows []ports.MessageCount) []ports.MessageCount {
			slices.Reverse(rows)
			return rows
		}
	})},
	{"counts reports twice", "Stats/CountLateReportsByTheirOwnTime", inStats(func(s *stats) {
		s.events = func(rows []ports.EventCount) []ports.EventCount {
			return append(rows, rows...)
		}
	})},
	{"cuts odd texts of figures", "Stats/ChooseByOddTextsNothing",
		asks(func(q *ports.StatsQuery) { q.Tenant, _, _ = strings.Cut(q.Tenant, "\x00") })},
	{"measures the next rank", "Stats/MeasureByNearestRank", measures(func(l *ports.Latency) { l.Took[3] = l.Took[2] })},
	{"takes all for first attempts", "Stats/MeasureFirstAttemptsAndDeferrals", measures(func(l *ports.Latency) { l.AtFirst = l.Delivered })},
	{"takes no failure for a deferral", "Stats/MeasureFirstAttemptsAndDeferrals", measures(func(l *ports.Latency) { l.Deferred = 1 })},
	{"widens ranges to whole hours", "StatsOfLastDaysAreThoseOfPlainCount",
		asks(func(q *ports.StatsQuery) { q.From = q.From.Truncate(time.Hour) })},
	{"loses what is summed up", "Stats/StayExactBesideWritersAndRollers", inStats(func(s *stats) {
		s.events = func(rows []ports.EventCount) []ports.EventCount { return rows[:len(rows)/2] }
	})},
	{"loses figures midway", "Stats/SurviveSummingUpMidway", inStats(func(s *stats) {
		s.messages = func(rows []ports.MessageCount) []ports.MessageCount { return nil }
	})},
	{"counts what is pruned", "Stats/ForgetWhatIsPruned",
		cutoffs(func(events, logs time.Time) (time.Time, time.Time) { return events, logs.Add(-48 * time.Hour) })},
	{"counts over limit", "Stats/EndAtLimit", asks(func(q *ports.StatsQuery) { q.Limit = 0 })},
}
