package application

import (
	"context"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Suppressions looks after the addresses that must not be mailed.
type Suppressions struct {
	store ports.Suppressions
	now   func() time.Time
}

// NewSuppressions keeps the list in store, with the times of now.
func NewSuppressions(store ports.Suppressions, now func() time.Time) *Suppressions {
	return &Suppressions{store, now}
}

// Add adds entries, whose times it sets, as ports.Suppressions.Suppress does.
func (s *Suppressions) Add(ctx context.Context, entries []domain.Suppression) (added []bool, err error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	stamped := make([]domain.Suppression, len(entries))
	for i, e := range entries {
		e.AddedAt = now
		stamped[i] = e
	}
	return s.store.Suppress(ctx, stamped)
}

// Remove takes an address out, or is ErrNotFound.
func (s *Suppressions) Remove(ctx context.Context, address string) error {
	return s.store.Unsuppress(ctx, address, s.now())
}

// Lookup returns those of the addresses that are there, by address.
func (s *Suppressions) Lookup(ctx context.Context, addresses []string) (map[string]domain.Suppression, error) {
	found, err := s.store.FindSuppressed(ctx, addresses)
	byAddress := make(map[string]domain.Suppression, len(found))
	for _, e := range found {
		byAddress[e.Address] = e
	}
	return byAddress, err
}

// Page returns up to limit entries that f chooses, in order of address, behind
// the address after. next is the address to go on behind, "" at the end.
func (s *Suppressions) Page(ctx context.Context, f ports.SuppressionFilter, after string, limit int) (page []domain.Suppression, next string, err error) {
	page, err = s.store.ListSuppressed(ctx, f, after, limit+1)
	if len(page) > limit {
		page = page[:limit]
		next = page[limit-1].Address
	}
	return page, next, err
}

// All streams the entries that f chooses in order of address, in constant memory.
// What changes meanwhile may be seen or not, nothing twice. The sequence ends at
// its first error.
func (s *Suppressions) All(ctx context.Context, f ports.SuppressionFilter) iter.Seq2[domain.Suppression, error] {
	const size = 1000
	return func(yield func(domain.Suppression, error) bool) {
		for after := ""; ; {
			page, next, err := s.Page(ctx, f, after, size)
			if err != nil {
				yield(domain.Suppression{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			after = next
		}
	}
}
