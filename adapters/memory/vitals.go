package memory

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.VitalsReader = (*Store)(nil)

// Vitals implements ports.VitalsReader. It walks all events.
func (s *Store) Vitals(ctx context.Context) (ports.Vitals, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read vitals"); err != nil {
		return ports.Vitals{}, err
	}
	v := ports.Vitals{Announcements: int64(len(s.outbox)), Quarantined: int64(len(s.quarantine))}
	for _, q := range s.outbox {
		v.Announced += int64(len(q.events))
	}
	if v.Unsummed = int64(len(s.unsummed)); v.Unsummed > 0 {
		v.OldestUnsummed = s.unsummed[0]
	}
	if len(s.outbox) > 0 {
		if oldest := s.outbox[0]; len(oldest.changes) > 0 {
			v.OldestAnnounced = oldest.changes[0].At
		} else if e, ok := s.events[oldest.events[0]]; ok {
			v.OldestAnnounced = e.ReceivedAt
		}
	}
	for id := range s.events {
		at, ok := id.Time()
		if !ok {
			continue
		}
		day := at.Truncate(24 * time.Hour)
		if v.OldestDay.IsZero() || day.Before(v.OldestDay) {
			v.OldestDay = day
		}
		if day.After(v.NewestDay) {
			v.NewestDay = day
		}
	}
	return v, nil
}
