package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Store implements all ports of a store. Safe for concurrent use.
type Store struct {
	now func() time.Time

	mu         sync.Mutex
	closed     bool
	events     map[domain.EventID]*domain.EmailEvent
	messages   map[string][]*domain.EmailEvent // by normalized message id
	logs       map[domain.LogKey]*storedLog
	quarantine []ports.Quarantined // in order of arrival
	outbox     []queued            // oldest first
	registered map[domain.RegistrationID]domain.Registration
	suppressed map[string]domain.Suppression // by address
	lastID     ports.AnnouncementID
	unsummed   []time.Time // when units came that no Roll has come after
	faults     faults
}

// storedLog is a log and when it came, which is what it is pruned by where its
// key has no time.
type storedLog struct {
	domain.EmailLog
	cameAt time.Time
}

// NewStore returns an empty store whose holds are timed by time.Now, which in a
// testing/synctest bubble is the bubble's.
func NewStore() *Store { return NewStoreWithClock(time.Now) }

// NewStoreWithClock returns an empty store whose holds are timed by now.
func NewStoreWithClock(now func() time.Time) *Store {
	return &Store{
		now:      now,
		events:   map[domain.EventID]*domain.EmailEvent{},
		messages: map[string][]*domain.EmailEvent{},
		logs:     map[domain.LogKey]*storedLog{},

		registered: map[domain.RegistrationID]domain.Registration{},
		suppressed: map[string]domain.Suppression{},
	}
}

// Close makes every later call but Close ErrUnavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// Ping implements ports.Health.
func (s *Store) Ping(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.usable(ctx, "ping")
}

// usable is nil if the store is open and the caller still waits.
func (s *Store) usable(ctx context.Context, operation string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", operation, ports.ErrUnavailable, err)
	}
	if s.closed {
		return fmt.Errorf("%s: store is closed: %w", operation, ports.ErrUnavailable)
	}
	return nil
}
