package contract

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// testWhole holds Commit to taking units whole or not at all, whatever happens
// beside it.
func testWhole(t *testing.T, open Open) {
	tellAll(t, "Whole", open, []story{
		{"ClosedStoreIsUnavailable", closedIsUnavailable},
		{"EndedContextStoresWholeUnitOrNothing", endedContextIsWhole},
		{"ContextEndingMidwayStoresWholeUnitOrNothing", endingContextIsWhole},
		{"ConcurrentOverlappingUnitsMarkEachEventNewOnce", concurrentUnits},
	})
}

func endedContextIsWhole(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	u := unitWithReject(0, 40)
	_, err := s.Commit(ctx, u)
	is(t, "commit under an ended context", err, ports.ErrUnavailable)
	checkWhole(t, s, newLedger(), u)
}

func endingContextIsWhole(t *testing.T, s Store) {
	l := newLedger()
	for i := range 12 {
		u := unitWithReject(i*1000, 100)
		ctx, cancel := context.WithTimeout(context.Background(), rand.N(10*time.Millisecond))
		_, err := s.Commit(ctx, u)
		cancel()
		if err != nil {
			is(t, "commit whose context ends", err, ports.ErrUnavailable)
			checkWhole(t, s, l, u)
			continue
		}
		l.take(u)
		l.check(t, s)
		claim(t, s, 1000)
	}
}

func unitWithReject(first, n int) ports.Unit {
	return ports.Unit{
		Events:  eventsOf(deliveries(first, n)...),
		Rejects: []domain.Reject{{Reason: "not JSON", Raw: fmt.Sprint("{", first), ReceivedAt: received}},
	}
}

// checkWhole fails t unless a store that held what l says now holds all of u
// too, or nothing of it: events, logs, rejects and the announcement. Then it
// commits u again, which is safe. All announcements of before have to be
// claimed.
func checkWhole(t *testing.T, s Store, l *ledger, u ports.Unit) {
	t.Helper()
	counts, err := s.CountEvents(context.Background(), time.Time{}, time.Time{}, day)
	fine(t, "count events", err)
	stored := total(counts) > int64(len(l.known))
	claimed := map[domain.EventID]bool{}
	for _, a := range claim(t, s, 1000) {
		for _, e := range a.Events {
			claimed[e.Event.ID] = true
		}
	}
	for i, e := range u.Events {
		if claimed[e.ID] != stored {
			t.Fatalf("event %d: announced is %t, but stored is %t", i, claimed[e.ID], stored)
		}
	}
	if stored {
		l.take(u)
	}
	l.check(t, s)
	same(t, "New of the unit committed again", l.take(u), commit(t, s, u).New)
	l.check(t, s)
	claim(t, s, 1000)
}

func total(counts []ports.EventCount) int64 {
	var n int64
	for _, c := range counts {
		n += c.Count
	}
	return n
}

// concurrentUnits has eight senders send the same records, each in an order and
// in units of its own.
func concurrentUnits(t *testing.T, s Store) {
	var records []Record
	for i := range 60 {
		n := i / 3 // three records a message
		kind := []string{"Reception", "TransientFailure", "Delivery"}[i%3]
		records = append(records, record(kind, n, n+i, "a@example.com", "b@example.com"))
	}
	events := eventsOf(records...)
	var (
		senders   sync.WaitGroup
		isNew     [120]atomic.Int32
		announced [120]atomic.Int32
		place     = map[domain.EventID]int{}
	)
	for i, e := range events {
		place[e.ID] = i
	}
	for sender := range 8 {
		senders.Go(func() {
			for _, u := range shuffledUnits(records, uint64(sender)) {
				c, err := commitPatiently(s, u)
				if err != nil {
					t.Errorf("commit beside others: %v", err)
					return
				}
				for i, fresh := range c.New {
					if fresh {
						isNew[place[u.Events[i].ID]].Add(1)
					}
				}
				for _, a := range c.Announcement.Events {
					announced[place[a.Event.ID]].Add(1)
				}
			}
		})
	}
	senders.Wait()
	for i := range events {
		if n, a := isNew[i].Load(), announced[i].Load(); n != 1 || a != 1 {
			t.Errorf("event %d was new %d times and announced %d times, want once", i, n, a)
		}
	}
	l := newLedger()
	l.take(ports.Unit{Events: events})
	l.check(t, s)
}

// commitPatiently commits as senders do: what is unavailable now is tried
// again.
func commitPatiently(s Store, u ports.Unit) (c ports.Committed, err error) {
	for range 20 {
		if c, err = s.Commit(context.Background(), u); !errors.Is(err, ports.ErrUnavailable) {
			break
		}
	}
	return c, err
}

// shuffledUnits splits the records, in an order of the seed's, into units.
func shuffledUnits(records []Record, seed uint64) []ports.Unit {
	random := rand.New(rand.NewPCG(seed, 0))
	var units []ports.Unit
	var rest []Record
	for _, i := range random.Perm(len(records)) {
		rest = append(rest, records[i])
		if random.IntN(5) == 0 {
			units = append(units, ports.Unit{Events: eventsOf(rest...)})
			rest = nil
		}
	}
	return append(units, ports.Unit{Events: eventsOf(rest...)})
}
