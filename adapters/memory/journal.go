package memory

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Journal = (*Store)(nil)

// Commit implements ports.Journal.
func (s *Store) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "commit"); err != nil {
		return ports.Committed{}, err
	}
	if err := s.faults.before(u); err != nil {
		return ports.Committed{}, err
	}
	// Nothing below can fail, so the unit is taken whole.
	c := ports.Committed{New: make([]bool, len(u.Events))}
	var added []*domain.EmailEvent
	for i := range u.Events {
		if e, isNew := s.addEvent(&u.Events[i]); isNew {
			c.New[i] = true
			added = append(added, e)
		}
		s.joinLogs(&u.Events[i])
	}
	for i := range u.Rejects {
		s.addReject(&u.Rejects[i])
	}
	if len(added) > 0 {
		s.unsummed = append(s.unsummed, s.now())
		c.Announcement = ports.Announcement{ID: s.enqueue(added, u.Hold), Events: s.announced(added)}
	}
	if err := s.faults.after(); err != nil {
		return ports.Committed{}, err
	}
	return c, nil
}

// addEvent keeps a copy of e unless one of its copies is kept already.
func (s *Store) addEvent(e *domain.EmailEvent) (added *domain.EmailEvent, isNew bool) {
	if known, ok := s.events[e.ID]; ok {
		return known, false
	}
	kept := *e
	s.events[e.ID] = &kept
	for _, id := range timelinesOf(&kept) {
		s.messages[id] = append(s.messages[id], &kept)
	}
	return &kept, true
}

// timelinesOf returns the ids of the messages that an event tells of: its own,
// and that which a report is tied to.
func timelinesOf(e *domain.EmailEvent) []string {
	own := domain.NormalizeMessageID(e.MessageID)
	if e.Original == nil || e.Original.MessageID == own {
		return []string{own}
	}
	return []string{own, e.Original.MessageID}
}

func (s *Store) joinLogs(e *domain.EmailEvent) {
	for _, said := range domain.AppendLogs(nil, e) {
		if known, ok := s.logs[said.Key]; ok {
			known.EmailLog = known.Join(said)
			if e.ReceivedAt.Before(known.cameAt) {
				known.cameAt = e.ReceivedAt
			}
			continue
		}
		s.logs[said.Key] = &storedLog{EmailLog: said, cameAt: e.ReceivedAt}
	}
}

// announced pairs events with the statuses that their logs have now.
func (s *Store) announced(events []*domain.EmailEvent) []ports.Announced {
	all := make([]ports.Announced, len(events))
	for i, e := range events {
		all[i].Event = e
		if key, ok := e.LogKey(); ok {
			if log, ok := s.logs[key]; ok && log.Confirmed {
				all[i].Status, all[i].HasLog = log.Status(), true
			}
		}
	}
	return all
}
