package contract

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
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
	stored := settled(t, s) > int64(len(l.known))
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

// settled returns how many events are stored when that no longer changes: a
// server may still be at a commit whose caller has left.
func settled(t *testing.T, s Store) int64 {
	t.Helper()
	const quiet = 100 * time.Millisecond
	for n := int64(-1); ; {
		counts, err := s.CountEvents(context.Background(), ports.StatsQuery{Width: day})
		fine(t, "count events", err)
		if total(counts) == n {
			return n
		}
		n = total(counts)
		<-time.After(quiet)
	}
}

func total(counts []ports.EventCount) int64 {
	var n int64
	for _, c := range counts {
		n += c.Count
	}
	return n
}

// tally counts how often each event was new and how often announced.
type tally struct {
	mu               sync.Mutex
	isNew, announced map[domain.EventID]int
}

func (c *tally) add(u ports.Unit, answer ports.Committed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, fresh := range answer.New {
		if fresh {
			c.isNew[u.Events[i].ID]++
		}
	}
	for _, a := range answer.Announcement.Events {
		c.announced[a.Event.ID]++
	}
}

// concurrentUnits has eight senders send the same records at once, each in an
// order and in units of its own, round after round.
func concurrentUnits(t *testing.T, s Store) {
	count := &tally{isNew: map[domain.EventID]int{}, announced: map[domain.EventID]int{}}
	once := map[domain.EventID]int{}
	l := newLedger()
	for round := range 12 {
		records := attempts(round*2, 4)
		for _, e := range eventsOf(records...) {
			once[e.ID] = 1
		}
		l.take(ports.Unit{Events: eventsOf(records...)})
		sendAtOnce(t, s, records, count)
	}
	same(t, "times that each event was new", once, count.isNew)
	same(t, "times that each event was announced", once, count.announced)
	l.check(t, s)
}

// attempts returns three records of each of n messages, numbered from first.
func attempts(first, n int) []Record {
	var records []Record
	for m := first; m < first+n; m++ {
		for i, kind := range []string{"Reception", "TransientFailure", "Delivery"} {
			records = append(records, record(kind, m, m+10*i, "a@example.com", "b@example.com"))
		}
	}
	return records
}

func sendAtOnce(t *testing.T, s Store, records []Record, count *tally) {
	t.Helper()
	var senders sync.WaitGroup
	start := make(chan struct{})
	for sender := range 8 {
		units := shuffledUnits(records, uint64(sender))
		senders.Go(func() {
			<-start
			for _, u := range units {
				c, err := commitPatiently(s, u)
				if err != nil {
					t.Errorf("commit beside others: %v", err)
					return
				}
				count.add(u, c)
			}
		})
	}
	close(start)
	senders.Wait()
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
		if random.IntN(6) == 0 {
			units = append(units, ports.Unit{Events: eventsOf(rest...)})
			rest = nil
		}
	}
	return append(units, ports.Unit{Events: eventsOf(rest...)})
}
