package ports

import (
	"context"
	"time"
)

// Vitals are figures by which an operator sees how a store does.
type Vitals struct {
	// Announcements is how many stand in the outbox, held and published ones
	// included until they are Done, and Announced how many events they have.
	// Announcements of suppressions have none.
	Announcements, Announced int64
	// OldestAnnounced is when the first event of the oldest announcement was
	// received, or its suppressions changed; zero where there is none, or where the
	// event is no longer kept.
	OldestAnnounced time.Time
	// Unsummed is how many notes of what was committed the sums of a Roller do not
	// have yet, and OldestUnsummed when the oldest of them was made, by the store's
	// clock; zero where there is none, or where that is not known. How much a note
	// is of is the store's matter: a unit's share, or a single event.
	Unsummed       int64
	OldestUnsummed time.Time
	// Quarantined is the number of entries of the quarantine.
	Quarantined int64
	// OldestDay and NewestDay are the UTC days of the oldest and the newest event
	// that is kept, by the time in their ids; zero where none has one.
	OldestDay, NewestDay time.Time
	// Partitions is how many days events have a partition for, and LastPartition
	// the newest of them; 0 and zero in a store that has no partitions.
	Partitions    int64
	LastPartition time.Time
	// Bytes is what all of it takes on disk, 0 where that is not known.
	Bytes int64
}

// VitalsReader tells how a store does.
type VitalsReader interface {
	// Vitals takes some milliseconds and holds up no commit. The figures are of
	// about the same time. A closed store is ErrUnavailable.
	Vitals(ctx context.Context) (Vitals, error)
}
