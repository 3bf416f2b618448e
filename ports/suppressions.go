package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// SuppressionFilter chooses suppressions; zero fields choose all.
type SuppressionFilter struct {
	Reason domain.SuppressionReason
	Domain string // of the address, in lower case
}

// Suppressions is a list of addresses that must not be mailed. Addresses are as
// domain.SuppressionAddress returns them, notes valid UTF-8 without NUL.
type Suppressions interface {
	// Suppress adds what is not there yet and says of each entry whether it did.
	// An address that is there stays as it is, reason and time too; of several
	// entries of one address the first counts. All are added or none, and with them
	// the announcement of those that were added is queued, in their order.
	Suppress(ctx context.Context, entries []domain.Suppression) (added []bool, err error)
	// Unsuppress takes an address out at the time at and queues the announcement
	// of that, or is ErrNotFound.
	Unsuppress(ctx context.Context, address string, at time.Time) error
	// FindSuppressed returns those of the addresses that are there, in order of
	// address, each once.
	FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error)
	// ListSuppressed returns up to limit entries that f chooses, in bytewise
	// order of address, behind the address after; "" starts at the first. The
	// address after need not be there.
	ListSuppressed(ctx context.Context, f SuppressionFilter, after string, limit int) ([]domain.Suppression, error)
}
