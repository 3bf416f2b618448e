package ports

import (
	"context"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// EventIndex tells which events are stored, without what they say.
type EventIndex interface {
	// KnownEvents returns those of ids that are stored, each with its NodeID. ids
	// may be some thousands, in any order, and more than once there. None is an
	// empty map and a nil error.
	KnownEvents(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error)
	// EventIDs streams in bytewise order, which is that of time, the ids of the
	// events whose id has a time in [from, to), rounded up to milliseconds. It
	// takes no more memory however many there are. An event that is committed or
	// pruned meanwhile may be there or not. The sequence ends at its first error.
	EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error]
}
