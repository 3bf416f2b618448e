package sqlstore_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// counted fails t unless the store counts just these events and their messages,
// before it has summed them up and afterwards.
func counted(t *testing.T, s contract.Store, events []domain.EmailEvent) {
	t.Helper()
	types, statuses := map[domain.EventType]int64{}, map[string]int64{}
	for _, e := range events {
		types[e.Type]++
	}
	for _, l := range domain.Fold(events) {
		if l.Confirmed && !l.OfReport {
			statuses[l.Status().String()]++
		}
	}
	for more := true; ; {
		gotTypes, gotStatuses := map[domain.EventType]int64{}, map[string]int64{}
		counts, err := s.CountEvents(t.Context(), ports.StatsQuery{Width: 24 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range counts {
			gotTypes[c.Type] += c.Count
		}
		messages, err := s.CountMessages(t.Context(), ports.StatsQuery{Width: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range messages {
			gotStatuses[c.Status] += c.Count
		}
		if diff := cmp.Diff(types, gotTypes) + cmp.Diff(statuses, gotStatuses); diff != "" {
			t.Errorf("figures: -want +got\n%s", diff)
		}
		if !more {
			return
		}
		if more, err = s.Roll(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func rollAll(tb testing.TB, s ports.Roller) {
	tb.Helper()
	for more := true; more; {
		var err error
		if more, err = s.Roll(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
}
