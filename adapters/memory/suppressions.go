package memory

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Suppressions = (*Store)(nil)

// Suppress implements ports.Suppressions.
func (s *Store) Suppress(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "suppress"); err != nil {
		return nil, err
	}
	added := make([]bool, len(entries))
	var changes []domain.SuppressionChange
	for i, e := range entries {
		if _, known := s.suppressed[e.Address]; !known {
			s.suppressed[e.Address], added[i] = e, true
			changes = append(changes, domain.NewSuppressionChange(e, false, e.AddedAt, rand.Uint64()))
		}
	}
	s.enqueueChanges(changes...)
	return added, nil
}

// Unsuppress implements ports.Suppressions.
func (s *Store) Unsuppress(ctx context.Context, address string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "unsuppress"); err != nil {
		return err
	}
	e, known := s.suppressed[address]
	if !known {
		return fmt.Errorf("unsuppress: %w", ports.ErrNotFound)
	}
	delete(s.suppressed, address)
	s.enqueueChanges(domain.NewSuppressionChange(e, true, at, rand.Uint64()))
	return nil
}

// FindSuppressed implements ports.Suppressions.
func (s *Store) FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
	return s.someSuppressed(ctx, func(e *domain.Suppression) bool { return slices.Contains(addresses, e.Address) })
}

// ListSuppressed implements ports.Suppressions.
func (s *Store) ListSuppressed(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
	all, err := s.someSuppressed(ctx, func(e *domain.Suppression) bool {
		return e.Address > after && (f.Reason == "" || f.Reason == e.Reason) &&
			(f.Domain == "" || f.Domain == domain.AddressDomain(e.Address))
	})
	return all[:min(limit, len(all))], err
}

// someSuppressed returns the entries for which choose is true in order of
// address.
func (s *Store) someSuppressed(ctx context.Context, choose func(*domain.Suppression) bool) ([]domain.Suppression, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read suppressions"); err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(slices.Collect(maps.Values(s.suppressed)), func(e domain.Suppression) bool { return !choose(&e) })
	slices.SortFunc(chosen, func(a, b domain.Suppression) int { return strings.Compare(a.Address, b.Address) })
	return chosen, nil
}
