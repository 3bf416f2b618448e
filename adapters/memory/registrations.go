package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Registrations = (*Store)(nil)

// Register implements ports.Registrations.
func (s *Store) Register(ctx context.Context, regs []domain.Registration) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "register"); err != nil {
		return nil, err
	}
	added := make([]bool, len(regs))
	for i, r := range regs {
		if _, known := s.registered[r.ID()]; !known {
			s.registered[r.ID()], added[i] = r, true
		}
	}
	return added, nil
}

// FindRegistrations implements ports.Registrations.
func (s *Store) FindRegistrations(ctx context.Context, id string, limit int) ([]domain.Registration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "find registrations"); err != nil || id == "" {
		return nil, err
	}
	if own, err := domain.ParseRegistrationID(id); err == nil {
		if r, ok := s.registered[own]; ok {
			return []domain.Registration{r}, nil
		}
	}
	var found []domain.Registration
	for _, r := range s.registered {
		if r.ApplicationID == id {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b domain.Registration) int {
		x, y := a.ID(), b.ID()
		return bytes.Compare(x[:], y[:])
	})
	return found[:min(limit, len(found))], nil
}
