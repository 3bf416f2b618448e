package memory

import (
	"context"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Outbox = (*Store)(nil)

// queued is an announcement that is not done.
type queued struct {
	id        ports.AnnouncementID
	events    []domain.EventID
	changes   []domain.SuppressionChange
	heldUntil time.Time
}

func (s *Store) enqueue(added []*domain.EmailEvent, hold time.Duration) ports.AnnouncementID {
	s.lastID++
	q := queued{id: s.lastID, heldUntil: s.now().Add(hold)}
	for _, e := range added {
		q.events = append(q.events, e.ID)
	}
	s.outbox = append(s.outbox, q)
	return q.id
}

func (s *Store) enqueueChanges(changes ...domain.SuppressionChange) {
	if len(changes) > 0 {
		s.lastID++
		s.outbox = append(s.outbox, queued{id: s.lastID, changes: changes})
	}
}

// Claim implements ports.Outbox.
func (s *Store) Claim(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "claim"); err != nil {
		return nil, err
	}
	now := s.now()
	claimed := []ports.Announcement{}
	for i := range s.outbox {
		if len(claimed) == limit {
			break
		}
		q := &s.outbox[i]
		if q.heldUntil.After(now) {
			continue
		}
		q.heldUntil = now.Add(max(hold, time.Second))
		a := ports.Announcement{ID: q.id, Events: s.announced(s.kept(q.events))}
		for _, c := range q.changes {
			a.Events = append(a.Events, ports.Announced{Change: &c})
		}
		claimed = append(claimed, a)
	}
	return claimed, nil
}

// kept returns those of the events that are not pruned.
func (s *Store) kept(ids []domain.EventID) []*domain.EmailEvent {
	var events []*domain.EmailEvent
	for _, id := range ids {
		if e, ok := s.events[id]; ok {
			events = append(events, e)
		}
	}
	return events
}

// Done implements ports.Outbox.
func (s *Store) Done(ctx context.Context, ids []ports.AnnouncementID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "done"); err != nil {
		return err
	}
	s.outbox = slices.DeleteFunc(s.outbox, func(q queued) bool { return slices.Contains(ids, q.id) })
	return nil
}
