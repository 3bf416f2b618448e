package memory

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.EventIndex = (*Store)(nil)

// KnownEvents implements ports.EventIndex.
func (s *Store) KnownEvents(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "look for known events"); err != nil {
		return nil, err
	}
	known := map[domain.EventID]string{}
	for _, id := range ids {
		if e, ok := s.events[id]; ok {
			known[id] = e.NodeID
		}
	}
	return known, nil
}

// EventIDs implements ports.EventIndex. The sequence is of the moment it starts.
func (s *Store) EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	return func(yield func(domain.EventID, error) bool) {
		ids, err := s.idsWithin(ctx, ceilMilli(from), ceilMilli(to))
		if err != nil {
			yield(domain.EventID{}, err)
			return
		}
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

func (s *Store) idsWithin(ctx context.Context, from, to time.Time) (ids []domain.EventID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read ids of events"); err != nil {
		return nil, err
	}
	for id := range s.events {
		if at, dated := id.Time(); dated && !at.Before(from) && at.Before(to) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b domain.EventID) int { return bytes.Compare(a[:], b[:]) })
	return ids, nil
}
