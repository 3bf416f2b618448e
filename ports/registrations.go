package ports

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
)

// Registrations keeps what applications say of messages before the MTA does.
// Pruner.Prune lets go of it by its bound for logs, and RegisteredAt.
type Registrations interface {
	// Register keeps those whose ids are not known yet, and says of each whether
	// it did. A known one stays as it is; of several with one id the first
	// counts. All are kept or none.
	Register(ctx context.Context, regs []domain.Registration) (added []bool, err error)
	// FindRegistrations returns up to limit registrations that id may mean, in
	// order of their own ids: the id of a registration (in any spelling of a
	// UUID) means that one alone, every other id those of that application's id,
	// spelled the same. None is an empty slice and a nil error; so it is for the
	// empty id and for one that no registration can have, with a NUL in it or
	// broken UTF-8.
	FindRegistrations(ctx context.Context, id string, limit int) ([]domain.Registration, error)
}
