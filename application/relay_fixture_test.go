package application_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// bus is a bus that remembers what it was asked to send, and when.
type bus struct {
	*memory.Bus
	down  bool          // takes nothing
	delay time.Duration // before it takes anything

	mu    sync.Mutex
	tries []time.Time
	sent  map[domain.EventID]int
}

func newBus() *bus { return &bus{Bus: memory.NewBus(), sent: map[domain.EventID]int{}} }

func (b *bus) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	b.mu.Lock()
	b.tries = append(b.tries, time.Now())
	down, delay := b.down, b.delay
	for _, e := range events {
		b.sent[e.ID()]++
	}
	b.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
	}
	if down {
		return make([]bool, len(events)), fmt.Errorf("publish: %w", ports.ErrUnavailable)
	}
	return b.Bus.Publish(ctx, events)
}

// set changes what the bus does.
func (b *bus) set(down bool, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.down, b.delay = down, delay
}

// gaps returns the times between tries, and forgets the tries.
func (b *bus) gaps() []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var gaps []time.Duration
	for i := 1; i < len(b.tries); i++ {
		gaps = append(gaps, b.tries[i].Sub(b.tries[i-1]))
	}
	b.tries = nil
	return gaps
}

// times returns how often the bus was asked to send each of the events.
func (b *bus) times(events []domain.EmailEvent) []int {
	b.mu.Lock()
	defer b.mu.Unlock()
	var times []int
	for _, e := range events {
		times = append(times, b.sent[e.ID])
	}
	return times
}

// outbox counts claims, and fails where it is told to.
type outbox struct {
	*memory.Store
	mu       sync.Mutex
	claims   int
	claimed  int // announcements
	failDone int // times
	down     bool
}

// set changes what the outbox does, and returns what it counted since then.
func (o *outbox) set(down bool, failDone int) (claims, claimed int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	claims, claimed = o.claims, o.claimed
	o.claims, o.claimed, o.down, o.failDone = 0, 0, down, failDone
	return claims, claimed
}

func (o *outbox) Claim(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims++
	if o.down {
		return nil, fmt.Errorf("claim: %w", ports.ErrUnavailable)
	}
	list, err := o.Store.Claim(ctx, limit, hold)
	o.claimed += len(list)
	return list, err
}

func (o *outbox) Done(ctx context.Context, ids []ports.AnnouncementID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failDone > 0 {
		o.failDone--
		return fmt.Errorf("done: %w", ports.ErrUnavailable)
	}
	return o.Store.Done(ctx, ids)
}

// relaying is a relay at work in a bubble.
type relaying struct {
	t      *testing.T
	outbox *outbox
	bus    *bus
	relay  *application.Relay
	commit *application.Committer
	stop   func()
}

// startRelay starts a relay over an empty store. It is up to date when this
// returns, and has ended when the test has.
func startRelay(t *testing.T, config application.RelayConfig) *relaying {
	return startRelayOver(t, memory.NewStore(), config)
}

func startRelayOver(t *testing.T, store *memory.Store, config application.RelayConfig) *relaying {
	w := &relaying{t: t, outbox: &outbox{Store: store}, bus: newBus()}
	w.relay = application.NewRelay(w.outbox, w.bus, silent, config)
	w.commit = application.NewCommitter(store, w.relay)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.relay.Run(ctx, time.Minute) })
	w.stop = func() { cancel(); running.Wait() }
	t.Cleanup(w.stop)
	synctest.Wait()
	return w
}

// take commits records about messages, a unit each, and returns their events.
func (w *relaying) take(messages ...int) []domain.EmailEvent {
	w.t.Helper()
	var events []domain.EmailEvent
	for _, n := range messages {
		u := unit(lines(n))
		if _, err := w.commit.Commit(w.t.Context(), u); err != nil {
			w.t.Fatal(err)
		}
		events = append(events, u.Events...)
	}
	synctest.Wait()
	return events
}

// checkArrived fails unless exactly these events have arrived in this order.
func (w *relaying) checkArrived(events []domain.EmailEvent) {
	w.t.Helper()
	var want, got []domain.EventID
	for _, e := range events {
		want = append(want, e.ID)
	}
	for _, a := range w.bus.Arrived() {
		got = append(got, a.ID())
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%d events arrived, want %d in the order of commit\n got %v\nwant %v", len(got), len(want), got, want)
	}
}

// checkDone fails if the outbox has something left.
func (w *relaying) checkDone() {
	w.t.Helper()
	time.Sleep(time.Hour) // the bubble's: all holds are over
	left, err := w.outbox.Store.Claim(w.t.Context(), 1000, time.Second)
	if err != nil || len(left) > 0 {
		w.t.Errorf("the outbox has %d announcements left (%v)", len(left), err)
	}
}

func each(n, count int) []int { return slices.Repeat([]int{n}, count) }
