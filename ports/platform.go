package ports

import (
	"context"
	"errors"
	"time"
)

// ErrMoved says that someone else has moved a position since it was read.
var ErrMoved = errors.New("moved by someone else")

// PlatformPosition is how far a platform's table has been told what was
// announced. The zero position is before everything.
type PlatformPosition struct {
	Sequence uint64 // of the last message that is dealt with
	// Digest is of that message, "" where it is not known: a bus that was made
	// anew has another one there.
	Digest string
	// At is when the position was moved there, by the table's clock.
	At time.Time
}

// PlatformTable is a table of the sending platform itself, with a row for each
// message by the application's id, that is told what became of it. It stands
// beside a store and reads logs there.
type PlatformTable interface {
	// Position says how far the table was told.
	Position(ctx context.Context) (PlatformPosition, error)
	// Update raises, as domain.PlatformRow.Raise does, the rows of the messages of
	// these ids by their confirmed logs that are not of reports, and says how many
	// changed. Messages without an application's id and those that have no row
	// are passed over. In the same transaction the position, which has to be at
	// from, goes to to; their At says nothing, and where the rest of them is the same
	// the position stays as it is.
	//
	// It is ErrMoved if the position is not at from, ErrRefused if the table does
	// not take a row's new content, and ErrUnavailable else; then nothing has
	// changed, or in the case of a lost answer everything.
	Update(ctx context.Context, messageIDs []string, from, to PlatformPosition) (changed int, err error)
}
