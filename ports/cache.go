package ports

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
)

// Ticket lets its holder keep one answer. The zero Ticket keeps nothing.
type Ticket string

// LookupCache remembers for a short time which logs an id meant, as
// LogReader.FindLogs says it: a hint that may be lost at any time. It never
// fails, and never keeps its caller waiting for more than some milliseconds:
// what it cannot do it leaves undone, as if the answer had been lost.
//
// Ids that differ only in case and dashes may share one place, where the answer
// to one pushes out that to another, but an answer is only given to the id that
// it was kept for.
//
// An answer is never older than the cache's time limit, counted from when its
// ticket was given, and that is the only promise that holds in an outage. In
// its absence none is older than the last Forget of its id: who reads after
// Forget has returned sees nothing that was read before Forget began. That is
// what tickets are for. Of reader R and committer C,
//
//	R: Get misses       C: commits, forgets       R: Put
//	R: reads the store
//
// R may have read what was there before the commit, so Forget makes R's ticket
// worthless and its Put does nothing.
type LookupCache interface {
	// Get returns the logs that were kept for id, which may be none, or, where
	// ok is false, a ticket for an answer that is read after Get returned.
	// Several callers may get the same ticket; the first to use it does. The
	// logs are the caller's own.
	Get(ctx context.Context, id string) (logs []domain.EmailLog, ticket Ticket, ok bool)
	// Put keeps the answer to id if the ticket, of a Get of the same id, is
	// still good. logs stay the caller's own.
	Put(ctx context.Context, id string, ticket Ticket, logs []domain.EmailLog)
	// Forget drops the answers to ids in all their spellings, and makes the
	// tickets for them worthless. It is done also when ctx has ended: what it
	// forgets is out of date in any case.
	Forget(ctx context.Context, ids []string)
}
