package domain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

// EventID is the identity of an event: a UUID v7 (RFC 9562, section 5.7) that
// is derived from what all copies of the event agree on, so that a resent
// record, its copy in another batch and its copy in the MTA's log file are the
// same event. Ids order by time; id's time is 0 where the record's lies outside
// 2020 to 2100.
type EventID [16]byte

// String returns the id in the usual form with dashes.
func (id EventID) String() string { return formatUUID(id) }

// Time returns the id's instant in milliseconds, and false where it has none.
func (id EventID) Time() (time.Time, bool) { return uuidTime(id) }

// ParseEventID is the inverse of String.
func ParseEventID(s string) (EventID, error) {
	var id EventID
	err := parseUUID(id[:], s)
	return id, err
}

// Identity is what tells one record from another (kumomta.md, section 3). What
// copies of a record may disagree on (meta, headers, size, classification) is
// not in it. Texts are clean as in EmailEvent, but whole: not cut.
type Identity struct {
	NodeID     string
	RecordType string
	MessageID  string
	EventTime  time.Time // zero if the record has none, as before October 2025
	Timestamp  int64     // Unix seconds
	Created    int64     // Unix seconds, places an OOB whose id has no time
	Recipients []string  // as in the record
	Sender     string
	Response   Response

	// What else tells records apart that share a second.
	Attempts    int
	Site        string
	Queue       string
	SessionID   string
	PeerAddress string
}

// identitySchema starts every hash. Ids are stored for months: what goes into
// the hash may never change, or a resent record would be a new event.
const identitySchema = "kumotrail.event.1"

// Digest derives ids of one record's events.
type Digest struct {
	sum    [sha256.Size]byte
	millis int64
}

// Digest hashes the identity. buf is scratch space that is returned grown.
func (i *Identity) Digest(buf []byte) (Digest, []byte) {
	var scratch [48]byte
	recordType := EventTypeOfRecord(i.RecordType)
	b := buf[:0]
	b = appendPart(b, identitySchema)
	b = appendPart(b, strings.ToLower(i.NodeID))
	b = appendPart(b, i.RecordType)
	b = appendPart(b, NormalizeMessageID(i.MessageID))
	b = appendPart(b, i.appendTime(scratch[:0], recordType))
	recipients := i.sortedRecipients()
	b = binary.AppendUvarint(b, uint64(len(recipients)))
	for _, r := range recipients {
		b = appendPart(b, r)
	}
	b = appendPart(b, strconv.AppendInt(scratch[:0], int64(i.Response.Code), 10))
	b = appendPart(b, i.Response.Enhanced.append(scratch[:0]))
	b = appendPart(b, i.Response.Content)
	if i.EventTime.IsZero() {
		b = appendPart(b, strconv.AppendInt(scratch[:0], int64(i.Attempts), 10))
		b = appendPart(b, i.Site)
		b = appendPart(b, i.Queue)
		b = appendPart(b, i.SessionID)
		b = appendPart(b, i.PeerAddress)
		b = appendPart(b, i.Response.Command)
	}
	switch recordType {
	case OOB:
		b = appendPart(b, i.Sender)
	case Rejection:
		b = appendPart(b, i.Sender)
		b = appendPart(b, i.SessionID)
		b = appendPart(b, i.PeerAddress)
	}
	return Digest{sum: sha256.Sum256(b), millis: idMillis(i.placeInTime(recordType))}, b
}

// EventID returns the id of the record's event for recipient.
func (d *Digest) EventID(recipient string) EventID {
	var scratch [256]byte
	b := append(scratch[:0], d.sum[:]...)
	b = append(b, recipient...)
	sum := sha256.Sum256(b)

	var id EventID
	putMillis(id[:], d.millis)
	copy(id[6:], sum[:10])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// appendTime appends the record's time as all copies have it. An OOB without
// Last-Attempt-Date gets its time from each logger's clock, so it takes no part.
func (i *Identity) appendTime(b []byte, recordType EventType) []byte {
	switch {
	case recordType == OOB:
		return b
	case i.EventTime.IsZero():
		return strconv.AppendInt(append(b, 's'), i.Timestamp, 10)
	}
	// Seconds and nanoseconds apart: years past 2262 overflow UnixNano.
	b = append(strconv.AppendInt(b, i.EventTime.Unix(), 10), '.')
	return strconv.AppendInt(b, int64(i.EventTime.Nanosecond()), 10)
}

// placeInTime is the instant in the id. It chooses the day that keeps the
// event, so it too must be the same for all copies.
func (i *Identity) placeInTime(recordType EventType) time.Time {
	if recordType == OOB {
		if t, ok := MessageTime(i.MessageID); ok {
			return t
		}
		return time.Unix(i.Created, 0)
	}
	if i.EventTime.IsZero() {
		return time.Unix(i.Timestamp, 0)
	}
	return i.EventTime
}

func (i *Identity) sortedRecipients() []string {
	if len(i.Recipients) < 2 {
		return i.Recipients
	}
	sorted := slices.Clone(i.Recipients)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// appendPart appends s behind its length, so that no two lists of parts run
// together into the same bytes.
func appendPart[T string | []byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func putMillis(b []byte, ms int64) {
	b[0], b[1], b[2] = byte(ms>>40), byte(ms>>32), byte(ms>>24)
	b[3], b[4], b[5] = byte(ms>>16), byte(ms>>8), byte(ms)
}

func uuidTime(b [16]byte) (time.Time, bool) {
	ms := int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 |
		int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
	return time.UnixMilli(ms).UTC(), ms != 0
}

func formatUUID(b [16]byte) string {
	var s [36]byte
	hex.Encode(s[0:], b[0:4])
	hex.Encode(s[9:], b[4:6])
	hex.Encode(s[14:], b[6:8])
	hex.Encode(s[19:], b[8:10])
	hex.Encode(s[24:], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

var errUUID = errors.New("not a UUID: want 32 hexadecimal digits, dashes optional")

func parseUUID(dst []byte, s string) error {
	s = strings.ReplaceAll(s, "-", "")
	if len(s) != 32 {
		return errUUID
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return errUUID
	}
	return nil
}
