package domain

import (
	"encoding/binary"
	"time"
)

// SuppressionChange is an address that was added to the list of suppressions, or
// taken out of it.
type SuppressionChange struct {
	// ID tells it from every other one: a UUID v7 of At, as EventID.
	ID      EventID
	Removed bool
	// Suppression is the entry, as it is or as it was.
	Suppression
	At time.Time // when it changed, cut to microseconds
}

// NewSuppressionChange returns a change at the time at, with an id of that and of
// what random brings, which the caller draws.
func NewSuppressionChange(s Suppression, removed bool, at time.Time, random uint64) SuppressionChange {
	c := SuppressionChange{Removed: removed, Suppression: s, At: at.UTC().Truncate(time.Microsecond)}
	putMillis(c.ID[:], idMillis(c.At))
	// In order within the millisecond, as far as version 7 has room.
	binary.BigEndian.PutUint16(c.ID[6:], 0x7000|uint16(c.At.Nanosecond()/1000%1000))
	binary.BigEndian.PutUint64(c.ID[8:], random)
	c.ID[8] = c.ID[8]&0x3f | 0x80
	return c
}

// Type is the change's name in subjects: "suppression.added" or
// "suppression.removed".
func (c *SuppressionChange) Type() string {
	if c.Removed {
		return "suppression.removed"
	}
	return "suppression.added"
}
