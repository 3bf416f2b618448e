package ports

import (
	"context"
	"math"
)

// AllLines stands in a checkpoint for a file that is finished (Slice.Done) and
// done: Segments does not open it again. It is more lines than any file has, so
// reading on behind them finds nothing either.
const AllLines = math.MaxInt64

// Checkpoint remembers over restarts how far log files were read: by file, as
// Segments names it, how many of its lines are done, or AllLines. It is what
// Segments.Read starts from.
type Checkpoint interface {
	// Load returns what was saved last, without the files that are gone since:
	// they cost nothing to name again, and would pile up. Nothing saved yet is an
	// empty map and a nil error; what is there but is no checkpoint is an error,
	// for who starts from nothing reads everything again unasked. The map is the
	// caller's own.
	Load(ctx context.Context) (map[string]int64, error)
	// Save puts done in place of what was saved, whole or not at all: whoever
	// looks, also after a crash of the machine, sees the one or the other. The
	// map stays the caller's own. It is not called concurrently.
	Save(ctx context.Context, done map[string]int64) error
}
