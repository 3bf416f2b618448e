package contract

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// PlatformHarness is a platform's table beside a store. Its ids are UUIDs or any
// text, and of the statuses that are wanted it takes delivered, bounced and
// complained.
type PlatformHarness struct {
	ports.PlatformTable
	Store  Store
	Insert func(t *testing.T, rows ...domain.PlatformRow)
	Row    func(t *testing.T, id string) domain.PlatformRow
}

// OpenPlatform gives a fresh and empty table beside a fresh and empty store, and
// registers with t what has to be done when the test ends.
type OpenPlatform func(t *testing.T) PlatformHarness

// TestPlatformTable holds a table to the words of ports.PlatformTable.
func TestPlatformTable(t *testing.T, open OpenPlatform) {
	t.Run("PlatformTable", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, PlatformHarness){
			"RaisesRowsByWhatBecameOfMessages":   raisesRows,
			"NeverTakesARowDownInAnyOrder":       neverTakesDown,
			"LeavesThePlatformsOwnWordsAlone":    leavesOwnWords,
			"PassesOverWhatIsNotTheirs":          passesOver,
			"RaisesManyAtOnce":                   raisesMany,
			"MovesThePositionWithTheRows":        movesPosition,
			"LetsOneOfSeveralMoveThePosition":    letsOneMove,
			"IsUnavailableBesideStoreThatClosed": platformClosed,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	})
}

func platformID(n int) string { return fmt.Sprintf("0199c0de-0000-7000-8000-%012x", n) }

// ofPlatform returns a record of message n, which has the application's id n.
func ofPlatform(kind string, n, second int) Record {
	r := record(kind, n, second, "user@example.com")
	r.ApplicationID = platformID(n)
	return r
}

// lateBounce returns a report of what became of message n after its delivery.
func lateBounce(n, second int) Record {
	r := record("OOB", 500+n, second, "bounces@sender.example")
	r.Response, r.AcceptedAt = responses["Bounce"], at(second) // when the report was made
	r.Original = &domain.Original{
		MessageID: domain.NormalizeMessageID(messageID(n)), Recipients: []string{"user@example.com"}, By: domain.TieVERP,
	}
	return r
}

// raise updates the rows of messages and leaves the position where it is.
func (h PlatformHarness) raise(t *testing.T, messages ...int) int {
	t.Helper()
	var ids []string
	for _, n := range messages {
		ids = append(ids, messageID(n))
	}
	at, err := h.Position(context.Background())
	fine(t, "position", err)
	changed, err := h.Update(context.Background(), ids, at, at)
	fine(t, "update", err)
	return changed
}

func (h PlatformHarness) insertPending(t *testing.T, messages ...int) {
	t.Helper()
	for _, n := range messages {
		h.Insert(t, domain.PlatformRow{ID: platformID(n), Status: "pending"})
	}
}

const refusal = "550 5.1.1 no such user"

func raisesRows(t *testing.T, h PlatformHarness) {
	for n, c := range []struct {
		kinds []string
		want  domain.PlatformRow
	}{
		{[]string{"Reception"}, domain.PlatformRow{Status: "pending"}},
		{[]string{"Reception", "TransientFailure"}, domain.PlatformRow{Status: "pending"}},
		{[]string{"Delivery"}, domain.PlatformRow{Status: "delivered", DeliveredAt: at(10)}},
		{[]string{"Bounce"}, domain.PlatformRow{Status: "bounced", FailedAt: at(10), Error: refusal}},
		{[]string{"Expiration"}, domain.PlatformRow{Status: "bounced", FailedAt: at(10), Error: "551 5.4.7 expired"}},
	} {
		var records []Record
		for _, kind := range c.kinds {
			records = append(records, ofPlatform(kind, n, 10))
		}
		commit(t, h.Store, ports.Unit{Events: eventsOf(records...)})
		h.insertPending(t, n)
		c.want.ID = platformID(n)
		changes := 0
		if c.want.Status != "pending" {
			changes = 1
		}
		for range 2 {
			same(t, fmt.Sprintf("rows that change by %v", c.kinds), changes, h.raise(t, n))
			same(t, fmt.Sprintf("row after %v", c.kinds), c.want, h.Row(t, platformID(n)))
			changes = 0 // the second time
		}
	}
}

// neverTakesDown commits what is said of messages in every order, and looks at
// the rows in between.
func neverTakesDown(t *testing.T, h PlatformHarness) {
	ranks := map[string]int{"pending": 0, "delivered": 1, "bounced": 2}
	for n, order := range permutations(4) {
		said := []Record{ofPlatform("Reception", n, 0), ofPlatform("TransientFailure", n, 10), ofPlatform("Delivery", n, 20), lateBounce(n, 30)}
		h.insertPending(t, n)
		last := "pending"
		for _, i := range order {
			commit(t, h.Store, ports.Unit{Events: eventsOf(said[i])})
			h.raise(t, n)
			got := h.Row(t, platformID(n)).Status
			if ranks[got] < ranks[last] {
				t.Fatalf("order %v: status %s after %s", order, got, last)
			}
			last = got
		}
		same(t, fmt.Sprintf("row after order %v", order), domain.PlatformRow{
			ID: platformID(n), Status: "bounced", DeliveredAt: at(20), FailedAt: at(30), Error: refusal,
		}, h.Row(t, platformID(n)))
	}
}

// permutations returns all orders of n things.
func permutations(n int) (all [][]int) {
	if n == 0 {
		return [][]int{nil}
	}
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

func leavesOwnWords(t *testing.T, h PlatformHarness) {
	commit(t, h.Store, ports.Unit{Events: eventsOf(ofPlatform("Delivery", 1, 10), ofPlatform("Bounce", 2, 10), ofPlatform("Delivery", 3, 10))})
	complained := domain.PlatformRow{ID: platformID(1), Status: "complained", DeliveredAt: at(1)}
	delivered := domain.PlatformRow{ID: platformID(2), Status: "delivered", DeliveredAt: at(2)}
	h.Insert(t, complained, delivered)
	h.Insert(t, domain.PlatformRow{ID: platformID(3), Status: "archived", Error: "own"})
	same(t, "rows that changed", 1, h.raise(t, 1, 2, 3))
	same(t, "row that is above", complained, h.Row(t, platformID(1)))
	same(t, "row of a message that bounced elsewhere", delivered, h.Row(t, platformID(2)))
	same(t, "row of another status", domain.PlatformRow{ID: platformID(3), Status: "archived", DeliveredAt: at(10), Error: "own"}, h.Row(t, platformID(3)))
}

func passesOver(t *testing.T, h PlatformHarness) {
	without := record("Delivery", 1, 10, "user@example.com")
	unconfirmed := lateBounce(3, 10)
	commit(t, h.Store, ports.Unit{Events: eventsOf(without, ofPlatform("Delivery", 2, 10), unconfirmed, ofPlatform("Delivery", 4, 10))})
	h.insertPending(t, 1, 3, 4, 5)
	same(t, "rows that changed", 0, h.raise(t))
	same(t, "rows that changed", 1, h.raise(t, 1, 2, 3, 4, 5))
	for _, n := range []int{1, 3, 5} {
		same(t, "row of which nothing is known", domain.PlatformRow{ID: platformID(n), Status: "pending"}, h.Row(t, platformID(n)))
	}
	same(t, "status of the row among them", "delivered", h.Row(t, platformID(4)).Status)
	at, err := h.Position(context.Background())
	fine(t, "position", err)
	changed, err := h.Update(context.Background(), []string{"", "no id", "%", "\x00"}, at, at)
	fine(t, "update by odd ids", err)
	same(t, "rows that changed by odd ids", 0, changed)
}

func raisesMany(t *testing.T, h PlatformHarness) {
	var records []Record
	var messages []int
	for n := range 400 {
		records, messages = append(records, ofPlatform("Delivery", n, 500)), append(messages, n)
	}
	commit(t, h.Store, ports.Unit{Events: eventsOf(records...)})
	h.insertPending(t, messages...)
	slices.Reverse(messages)
	same(t, "rows that changed", 400, h.raise(t, append(messages, messages...)...))
	same(t, "rows that changed the second time", 0, h.raise(t, messages...))
}

func movesPosition(t *testing.T, h PlatformHarness) {
	ctx := context.Background()
	commit(t, h.Store, ports.Unit{Events: eventsOf(ofPlatform("Delivery", 1, 10))})
	h.insertPending(t, 1)
	begin, err := h.Position(ctx)
	fine(t, "position", err)
	same(t, "position at first", ports.PlatformPosition{}, begin)
	to := ports.PlatformPosition{Sequence: 7, Digest: "seven"}
	_, err = h.Update(ctx, nil, begin, to)
	fine(t, "update", err)
	moved, err := h.Position(ctx)
	fine(t, "position", err)
	if moved.At.IsZero() || moved.At.Location() != time.UTC {
		t.Fatalf("position reached at %v", moved.At)
	}
	to.At = moved.At
	same(t, "position", to, moved)
	for _, from := range []ports.PlatformPosition{begin, {Sequence: 7}, {Sequence: 6, Digest: "seven"}} {
		for _, to := range []ports.PlatformPosition{from, {Sequence: 8, Digest: "eight"}} {
			_, err = h.Update(ctx, []string{messageID(1)}, from, to)
			is(t, "update from another position", err, ports.ErrMoved)
		}
	}
	same(t, "status", "pending", h.Row(t, platformID(1)).Status)
	h.raise(t, 1)
	stayed, err := h.Position(ctx)
	fine(t, "position", err)
	same(t, "position that is not moved", moved, stayed)
	same(t, "status", "delivered", h.Row(t, platformID(1)).Status)
}

func letsOneMove(t *testing.T, h PlatformHarness) {
	ctx := context.Background()
	for round := range uint64(5) {
		from, err := h.Position(ctx)
		fine(t, "position", err)
		var wg sync.WaitGroup
		moved := make(chan error, 6)
		for i := range 6 {
			wg.Go(func() {
				_, err := h.Update(ctx, nil, from, ports.PlatformPosition{Sequence: round + 1, Digest: fmt.Sprint(i)})
				moved <- err
			})
		}
		wg.Wait()
		close(moved)
		n := 0
		for err := range moved {
			if err == nil {
				n++
			} else if !errors.Is(err, ports.ErrMoved) {
				t.Errorf("update at the same time: %v, want %v", err, ports.ErrMoved)
			}
		}
		same(t, "updates that moved the position", 1, n)
	}
}

func platformClosed(t *testing.T, h PlatformHarness) {
	fine(t, "close", h.Store.Close())
	_, err := h.Position(context.Background())
	is(t, "position beside a closed store", err, ports.ErrUnavailable)
	_, err = h.Update(context.Background(), nil, ports.PlatformPosition{}, ports.PlatformPosition{Sequence: 1})
	is(t, "update beside a closed store", err, ports.ErrUnavailable)
}
