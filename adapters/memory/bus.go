package memory

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Bus is a ports.Publisher that keeps what arrives, and a ports.Feed of that.
// Safe for concurrent use.
type Bus struct {
	mu      sync.Mutex
	arrived []ports.Announced
	known   map[domain.EventID]bool
	fail    []error
	lose    int
	refuse  func(*domain.EmailEvent) bool

	dropped uint64        // messages up to that one are gone
	changed chan struct{} // closed when there may be more to read
	away    bool
}

var _ ports.Publisher = (*Bus)(nil)

// NewBus returns an empty bus.
func NewBus() *Bus {
	return &Bus{known: map[domain.EventID]bool{}, changed: make(chan struct{})}
}

// Publish implements ports.Publisher.
func (b *Bus) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	acked := make([]bool, len(events))
	if err := b.usable(ctx); err != nil {
		return acked, fmt.Errorf("publish %d events: %w", len(events), err)
	}
	var failed error
	for i, a := range events {
		switch {
		case b.refuse != nil && a.Event != nil && b.refuse(a.Event):
			failed = fmt.Errorf("publish %d events: event %d: %w", len(events), i, ports.ErrRefused)
		case b.lose > 0:
			b.lose--
			b.take(a)
			failed = fmt.Errorf("publish %d events: answer lost: %w", len(events), ports.ErrUnavailable)
		default:
			b.take(a)
			acked[i] = true
		}
	}
	return acked, failed
}

// usable is nil if the caller still waits and no failure was asked for.
func (b *Bus) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	if len(b.fail) > 0 {
		err := b.fail[0]
		b.fail = b.fail[1:]
		return err
	}
	return nil
}

// take keeps a copy of a unless it is known.
func (b *Bus) take(a ports.Announced) {
	if b.known[a.ID()] {
		return
	}
	b.known[a.ID()] = true
	if a.Event != nil {
		event := *a.Event
		a.Event = &event
	}
	b.arrived = append(b.arrived, a)
	b.wake()
}

// Arrived returns what has arrived so far, oldest first, each event once.
func (b *Bus) Arrived() []ports.Announced {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.arrived)
}

// FailNext makes the next Publish take nothing and return err; calls add up,
// one failed Publish each.
func (b *Bus) FailNext(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = append(b.fail, err)
}

// Lose makes the next n events arrive without being acknowledged.
func (b *Bus) Lose(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lose = n
}

// Refuse makes the bus refuse events for which refuse is true; nil takes all
// again. It must not call the bus.
func (b *Bus) Refuse(refuse func(*domain.EmailEvent) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = refuse
}
