package application

import (
	"context"
	"fmt"
	"slices"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Quarantine looks after what could not be taken.
type Quarantine struct {
	store  ports.Quarantine
	ingest *Ingest
}

// NewQuarantine retries by ingest.
func NewQuarantine(store ports.Quarantine, ingest *Ingest) *Quarantine {
	return &Quarantine{store, ingest}
}

// List returns up to limit entries behind after, newest first, without their
// bytes; the zero id starts at the newest.
func (q *Quarantine) List(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
	return q.store.List(ctx, after, limit)
}

// Show returns one entry with its bytes, or ErrNotFound.
func (q *Quarantine) Show(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	return q.store.Get(ctx, id)
}

// Retry reads an entry's bytes as if they had come now. The entry goes unless
// it ends in quarantine again under the same id; bytes of which only a part can
// be taken leave the rest as entries of their own.
func (q *Quarantine) Retry(ctx context.Context, id domain.QuarantineID) (Receipt, error) {
	entry, err := q.store.Get(ctx, id)
	if err != nil {
		return Receipt{}, fmt.Errorf("retry %s: %w", id, err)
	}
	receipt, err := q.ingest.Ingest(ctx, entry.Raw)
	if err != nil {
		return receipt, fmt.Errorf("retry %s of %d bytes: %w", id, entry.Size, err)
	}
	again := slices.ContainsFunc(receipt.Quarantine, func(n QuarantineNote) bool { return n.ID == id })
	if again || receipt.Received == 0 {
		return receipt, nil
	}
	if err := q.store.Remove(ctx, id); err != nil {
		return receipt, fmt.Errorf("retry %s: taken, but not removed: %w", id, err)
	}
	return receipt, nil
}

// All calls visit for every entry, newest first, until it fails. visit may take
// the entry out.
func (q *Quarantine) All(ctx context.Context, visit func(ports.Quarantined) error) error {
	const page = 100
	entries, err := q.store.List(ctx, domain.QuarantineID{}, page)
	for err == nil && len(entries) > 0 {
		// The next page is read as long as the entry that it follows is there.
		var next []ports.Quarantined
		if next, err = q.store.List(ctx, entries[len(entries)-1].ID, page); err != nil {
			break
		}
		for _, e := range entries {
			if err := visit(e); err != nil {
				return err
			}
		}
		entries = next
	}
	return err
}
