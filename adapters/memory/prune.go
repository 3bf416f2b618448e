package memory

import (
	"context"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Pruner = (*Store)(nil)

// Prune implements ports.Pruner, in one step.
func (s *Store) Prune(ctx context.Context, events, logs time.Time) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "prune"); err != nil {
		return 0, err
	}
	before := s.size()
	s.pruneEvents(events)
	s.quarantine = slices.DeleteFunc(s.quarantine, func(q ports.Quarantined) bool {
		return q.ReceivedAt.Before(events)
	})
	for key, l := range s.logs {
		if t, ok := key.Time(); came(t, ok, l.cameAt).Before(logs) {
			delete(s.logs, key)
		}
	}
	for id, r := range s.registered {
		if r.RegisteredAt.Before(logs) {
			delete(s.registered, id)
		}
	}
	return int64(before - s.size()), nil
}

// size is how many rows there are that age.
func (s *Store) size() int {
	return len(s.events) + len(s.quarantine) + len(s.logs) + len(s.registered)
}

// pruneEvents removes events, and announcements that are left without any.
func (s *Store) pruneEvents(cutoff time.Time) {
	old := func(e *domain.EmailEvent) bool {
		t, ok := e.ID.Time()
		return came(t, ok, e.ReceivedAt).Before(cutoff)
	}
	for id, events := range s.messages {
		for _, e := range events {
			if old(e) {
				delete(s.events, e.ID)
			}
		}
		if s.messages[id] = slices.DeleteFunc(events, old); len(s.messages[id]) == 0 {
			delete(s.messages, id)
		}
	}
	s.outbox = slices.DeleteFunc(s.outbox, func(q queued) bool { return len(q.changes) == 0 && len(s.kept(q.events)) == 0 })
}

// came is the time in an id, and where it has none when its bearer came.
func came(inID time.Time, ok bool, receivedAt time.Time) time.Time {
	if ok {
		return inID
	}
	return receivedAt
}
