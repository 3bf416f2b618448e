package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Quarantined is one entry of the quarantine.
type Quarantined struct {
	ID         domain.QuarantineID
	Reason     string
	ReceivedAt time.Time // first
	Size       int       // bytes
	Raw        string    // "" in lists
}

// Quarantine keeps what could not be taken until someone looks at it. The
// Journal fills it.
type Quarantine interface {
	// List returns up to limit entries, newest first, that came before the
	// entry after; the zero id starts at the newest.
	List(ctx context.Context, after domain.QuarantineID, limit int) ([]Quarantined, error)
	// Get returns one entry with its bytes, or ErrNotFound.
	Get(ctx context.Context, id domain.QuarantineID) (Quarantined, error)
	// Remove takes entries out. Unknown ids are ignored.
	Remove(ctx context.Context, ids ...domain.QuarantineID) error
}
