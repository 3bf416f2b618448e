package memory_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// deliveries returns n events of n messages.
func deliveries(n int) []domain.EmailEvent {
	var events []domain.EmailEvent
	for i := range n {
		r := contract.Record{Recipients: []string{"a@example.com"}}
		r.RecordType, r.MessageID = "Delivery", string(rune('a'+i))
		r.OccurredAt = time.Date(2026, 3, 1, 12, 0, i, 0, time.UTC)
		events = append(events, r.Events(r.OccurredAt)...)
	}
	return events
}

// stored counts the events that are kept.
func stored(t *testing.T, s *memory.Store) int64 {
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

func TestStoreFaultsStoreOrLoseUnits(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(*memory.Store)
		want   error
		stored int64
	}{
		"fail":   {func(s *memory.Store) { s.FailNext(ports.ErrUnavailable) }, ports.ErrUnavailable, 0},
		"lose":   {func(s *memory.Store) { s.Lose(1) }, ports.ErrUnavailable, 3},
		"refuse": {func(s *memory.Store) { s.Refuse(second) }, ports.ErrRefused, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.NewStore()
			c.breaks(s)
			u := ports.Unit{Events: deliveries(3)}
			if _, err := s.Commit(t.Context(), u); !errors.Is(err, c.want) {
				t.Errorf("commit: got error %v, want %v", err, c.want)
			}
			if n := stored(t, s); n != c.stored {
				t.Errorf("stored %d events, want %d", n, c.stored)
			}
			s.Refuse(nil)
			got, err := s.Commit(t.Context(), u)
			if err != nil {
				t.Fatalf("commit again: %v", err)
			}
			if got.New[0] != (c.stored == 0) {
				t.Errorf("commit again: New is %t, want %t", got.New[0], c.stored == 0)
			}
		})
	}
}

func second(e *domain.EmailEvent) bool { return e.MessageID == "b" }

func TestBusFaultsLeaveEventsUnacknowledged(t *testing.T) {
	for name, c := range map[string]struct {
		breaks  func(*memory.Bus)
		want    error
		acked   []bool
		arrived int
	}{
		"fail":   {func(b *memory.Bus) { b.FailNext(ports.ErrUnavailable) }, ports.ErrUnavailable, []bool{false, false, false}, 0},
		"lose":   {func(b *memory.Bus) { b.Lose(2) }, ports.ErrUnavailable, []bool{false, false, true}, 3},
		"refuse": {func(b *memory.Bus) { b.Refuse(second) }, ports.ErrRefused, []bool{true, false, true}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := memory.NewBus()
			c.breaks(b)
			events := deliveries(3)
			var announced []ports.Announced
			for i := range events {
				announced = append(announced, ports.Announced{Event: &events[i]})
			}
			acked, err := b.Publish(t.Context(), announced)
			if !errors.Is(err, c.want) {
				t.Errorf("publish: got error %v, want %v", err, c.want)
			}
			if diff := cmp.Diff(c.acked, acked); diff != "" {
				t.Errorf("acknowledged: -want +got\n%s", diff)
			}
			if n := len(b.Arrived()); n != c.arrived {
				t.Errorf("%d events arrived, want %d", n, c.arrived)
			}
			b.Refuse(nil)
			if _, err := b.Publish(t.Context(), announced); err != nil || len(b.Arrived()) != 3 {
				t.Errorf("publish again: error %v, %d events arrived, want all 3", err, len(b.Arrived()))
			}
		})
	}
}

func TestHoldsEndByTheStoresClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		stores := map[string]struct {
			store *memory.Store
			wait  func(time.Duration)
		}{
			"time.Now": {memory.NewStore(), time.Sleep}, // the bubble's
			"own":      {memory.NewStoreWithClock(func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }},
		}
		for name, c := range stores {
			if _, err := c.store.Commit(t.Context(), ports.Unit{Events: deliveries(1), Hold: time.Minute}); err != nil {
				t.Fatal(err)
			}
			c.wait(time.Minute - 1)
			before := claimed(t, c.store)
			c.wait(1)
			if after := claimed(t, c.store); before != 0 || after != 1 {
				t.Errorf("%s: claimed %d before the hold's end and %d after, want 0 and 1", name, before, after)
			}
		}
	})
}

func claimed(t *testing.T, s *memory.Store) int {
	t.Helper()
	all, err := s.Claim(context.Background(), 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
