package domain

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Reject is bytes that could not be taken as a record, kept in quarantine with
// the reason.
type Reject struct {
	Index      int    // of the record in what was received, from 0
	Reason     string // a sentence for an operator, without addresses
	Raw        string
	ReceivedAt time.Time
}

// QuarantineID tells quarantined bytes apart: the same bytes have the same id.
type QuarantineID [16]byte

// ID derives the id from the bytes, so that what is resent is kept once.
func (r *Reject) ID() QuarantineID {
	sum := sha256.Sum256([]byte(r.Raw))
	return QuarantineID(sum[:16])
}

// String returns the id as 32 hexadecimal digits.
func (id QuarantineID) String() string { return hex.EncodeToString(id[:]) }

// ParseQuarantineID is the inverse of String.
func ParseQuarantineID(s string) (QuarantineID, error) {
	var id QuarantineID
	err := parseUUID(id[:], s)
	return id, err
}
