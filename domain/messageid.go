package domain

import (
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"
)

// Instants that a derived id can carry; outside them its time is 0, so that a
// broken clock somewhere cannot ask for a day of its own.
var (
	earliestIDTime = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	latestIDTime   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// idMillis returns t as milliseconds of the Unix epoch, and 0 outside 2020 to
// 2100.
func idMillis(t time.Time) int64 {
	if t.Before(earliestIDTime) || !t.Before(latestIDTime) {
		return 0
	}
	return t.UnixMilli()
}

// NormalizeMessageID returns id in the one spelling that all copies share:
// lower case, without dashes.
func NormalizeMessageID(id string) string {
	for i := range len(id) {
		if !inNormalID[id[i]] {
			return strings.ReplaceAll(strings.ToLower(id), "-", "")
		}
	}
	return id // as KumoMTA writes it
}

// inNormalID has the bytes that the one spelling may have. A table, for a
// record's id is looked at half a dozen times.
var inNormalID = func() (in [256]bool) {
	for c := range utf8.RuneSelf {
		in[c] = c != '-' && (c < 'A' || c > 'Z')
	}
	return in
}()

// gregorianOffset is the number of 100 ns ticks from 15 October 1582, where
// UUID v1 counts from, to the Unix epoch (RFC 9562, section 5.1).
const gregorianOffset = 0x01b21dd213814000

// MessageTime returns the time of acceptance that KumoMTA embeds in a message
// id, UUID v1 today and perhaps v7 tomorrow (kumomta.md, section 1.1), and
// false for every other id.
func MessageTime(id string) (time.Time, bool) { return timeOfNormal(NormalizeMessageID(id)) }

func timeOfNormal(id string) (time.Time, bool) {
	var b [16]byte
	if len(id) != 32 {
		return time.Time{}, false
	}
	if _, err := hex.Decode(b[:], []byte(id)); err != nil {
		return time.Time{}, false
	}
	switch b[6] >> 4 {
	case 1:
		ticks := int64(b[6]&0x0f)<<56 | int64(b[7])<<48 |
			int64(b[4])<<40 | int64(b[5])<<32 |
			int64(b[0])<<24 | int64(b[1])<<16 | int64(b[2])<<8 | int64(b[3])
		ticks -= gregorianOffset
		return time.Unix(ticks/1e7, ticks%1e7*100).UTC(), true
	case 7:
		ms := int64(b[0])<<40 | int64(b[1])<<32 | int64(b[2])<<24 |
			int64(b[3])<<16 | int64(b[4])<<8 | int64(b[5])
		return time.UnixMilli(ms).UTC(), true
	}
	return time.Time{}, false
}
