package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Quarantine = (*Store)(nil)

// addReject keeps r unless its bytes are kept already.
func (s *Store) addReject(r *domain.Reject) {
	id := r.ID()
	if s.entry(id) >= 0 {
		return
	}
	s.quarantine = append(s.quarantine, ports.Quarantined{
		ID: id, Reason: r.Reason, ReceivedAt: r.ReceivedAt, Size: len(r.Raw), Raw: r.Raw,
	})
}

// entry returns where the entry stands, and -1 for none.
func (s *Store) entry(id domain.QuarantineID) int {
	return slices.IndexFunc(s.quarantine, func(q ports.Quarantined) bool { return q.ID == id })
}

// List implements ports.Quarantine.
func (s *Store) List(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "list quarantine"); err != nil {
		return nil, err
	}
	all := slices.Clone(s.quarantine)
	slices.Reverse(all)
	slices.SortStableFunc(all, func(a, b ports.Quarantined) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	if after != (domain.QuarantineID{}) {
		i := slices.IndexFunc(all, func(q ports.Quarantined) bool { return q.ID == after })
		if i < 0 {
			return nil, nil
		}
		all = all[i+1:]
	}
	all = all[:min(limit, len(all))]
	for i := range all {
		all[i].Raw = ""
	}
	return all, nil
}

// Get implements ports.Quarantine.
func (s *Store) Get(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "get quarantined"); err != nil {
		return ports.Quarantined{}, err
	}
	i := s.entry(id)
	if i < 0 {
		return ports.Quarantined{}, fmt.Errorf("get quarantined %s: %w", id, ports.ErrNotFound)
	}
	return s.quarantine[i], nil
}

// Remove implements ports.Quarantine.
func (s *Store) Remove(ctx context.Context, ids ...domain.QuarantineID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "remove quarantined"); err != nil {
		return err
	}
	s.quarantine = slices.DeleteFunc(s.quarantine, func(q ports.Quarantined) bool {
		return slices.Contains(ids, q.ID)
	})
	return nil
}
