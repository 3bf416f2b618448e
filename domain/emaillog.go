package domain

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"
)

// LogKey is the identity of a log: 48 bits of the time in the message id in
// milliseconds (0 if it has none), 40 bits of a hash of the message id and 40
// of a hash of the recipient. Keys order by time of acceptance, and a message's
// logs stand together.
type LogKey [16]byte

// NewLogKey derives the key. Spellings of one id or of one domain give the same
// key.
func NewLogKey(messageID, recipient string) LogKey {
	return keyOfNormal(NormalizeMessageID(messageID), NormalizeRecipient(recipient))
}

func keyOfNormal(id, recipient string) LogKey {
	var key LogKey
	if t, ok := timeOfNormal(id); ok {
		putMillis(key[:], idMillis(t))
	}
	m := sha256.Sum256([]byte(id))
	r := sha256.Sum256([]byte(recipient))
	copy(key[6:11], m[:])
	copy(key[11:16], r[:])
	return key
}

// KeysOfMessage returns the least and the greatest key that a log of the
// message can have.
func KeysOfMessage(messageID string) (least, greatest LogKey) {
	least = NewLogKey(messageID, "")
	greatest = least
	for i := 11; i < len(least); i++ {
		least[i], greatest[i] = 0, 0xff
	}
	return least, greatest
}

// String returns the key in the form of a UUID.
func (k LogKey) String() string { return formatUUID(k) }

// Time returns the key's instant in milliseconds, and false where it has none.
func (k LogKey) Time() (time.Time, bool) { return uuidTime(k) }

// ParseLogKey is the inverse of String.
func ParseLogKey(s string) (LogKey, error) {
	var k LogKey
	err := parseUUID(k[:], s)
	return k, err
}

// EmailLog is what became of one message for one recipient: a join of facts, in
// which no event overwrites another. Of texts "" and of times zero means not
// known.
type EmailLog struct {
	Key       LogKey
	MessageID string
	Recipient string // domain in lower case

	Sender        string
	Tenant        string
	Campaign      string
	ApplicationID string
	Provider      string
	EgressSource  string

	// PriorID and NextID are the ids that the message had before and has now,
	// where it was transferred between nodes.
	PriorID string
	NextID  string

	// Confirmed is false while only others have spoken of the message: reports,
	// or the other node of a transfer. Such a log is not shown.
	Confirmed bool
	OfReport  bool // the message is a report, no mail of ours

	Size     int64 // bytes, the greatest seen
	Attempts int   // to deliver, made so far

	AcceptedAt   time.Time
	DeliveredAt  time.Time // first
	FailedAt     time.Time // first
	ComplainedAt time.Time // first

	Decision Decision
}

// Status is the log's status, that of its decision.
func (l *EmailLog) Status() Status { return l.Decision.Status }

// Decision is the event that decides a log's status, its response and what that
// means.
type Decision struct {
	Status       Status
	At           time.Time
	EventID      EventID // zero for no decision
	Code         int
	Enhanced     EnhancedCode
	Response     string
	ResponseHash uint64
	Verdict      Verdict
	Confidence   Confidence // of the tie, where a report decides
}

// Precedence orders decisions: of two, the one with the greater bytes decides.
type Precedence [30]byte

// Precedence is (status, time, event id), where a deferral prefers the latest
// and every other status the earliest time: the last answer of a message that
// is still tried, and the first word on one that is settled. Behind that stands
// what copies of one event may disagree on, a verdict before none. No decision
// comes last.
func (d *Decision) Precedence() Precedence {
	p := d.byEvent()
	if d.EventID == (EventID{}) {
		return p
	}
	if d.Verdict.Cause != "" && d.Verdict.Cause != CauseUnknown {
		p[25] = 1
	}
	binary.BigEndian.PutUint32(p[26:], d.fingerprint())
	return p
}

// byEvent is the Precedence but for what copies of one event may disagree on.
func (d *Decision) byEvent() Precedence {
	var p Precedence
	if d.EventID == (EventID{}) {
		return p
	}
	p[0] = byte(d.Status)
	// Micros with the sign bit turned order as unsigned bytes.
	at := uint64(d.At.UnixMicro()) ^ 1<<63
	if d.Status != Deferred {
		at = ^at
	}
	binary.BigEndian.PutUint64(p[1:], at)
	copy(p[9:], d.EventID[:])
	return p
}

// fingerprint tells apart what copies of one event are taken to mean: by other
// meta, or by rules of another version.
func (d *Decision) fingerprint() uint32 {
	if d.Verdict == (Verdict{}) && d.Confidence == "" && d.ResponseHash == 0 {
		return 0
	}
	v, h := &d.Verdict, uint32(fnvOffset)
	for _, s := range [...]string{
		string(v.Cause), string(v.Subcause), string(v.Permanence), string(v.Fault), v.Rule, string(d.Confidence),
	} {
		for i := range len(s) {
			h = (h ^ uint32(s[i])) * fnvPrime
		}
		h *= fnvPrime // a zero byte
	}
	for n := d.ResponseHash; n > 0; n >>= 8 {
		h = (h ^ uint32(n&0xff)) * fnvPrime
	}
	return h
}

// Of FNV-1a with 32 bits, by hand because hash/fnv allocates.
const (
	fnvOffset = 2166136261
	fnvPrime  = 16777619
)

// Decides says whether d decides over o.
func (d *Decision) Decides(o *Decision) bool {
	p, q := d.byEvent(), o.byEvent()
	if p == q {
		p, q = d.Precedence(), o.Precedence()
	}
	return bytes.Compare(p[:], q[:]) > 0
}

// Join returns what l and o, two logs of one key, say together. It is
// commutative, associative and idempotent, so events may come in any order,
// twice, or in any grouping. No fact asks which came first to us.
func (l EmailLog) Join(o EmailLog) EmailLog {
	l.Add(&o)
	return l
}

// Add makes l what Join returns. Logs are large: of many this copies none.
func (l *EmailLog) Add(o *EmailLog) {
	l.Sender = least(l.Sender, o.Sender)
	l.Tenant = least(l.Tenant, o.Tenant)
	l.Campaign = least(l.Campaign, o.Campaign)
	l.ApplicationID = least(l.ApplicationID, o.ApplicationID)
	l.Provider = least(l.Provider, o.Provider)
	l.EgressSource = least(l.EgressSource, o.EgressSource)
	l.PriorID = least(l.PriorID, o.PriorID)
	l.NextID = least(l.NextID, o.NextID)
	l.Confirmed = l.Confirmed || o.Confirmed
	l.OfReport = l.OfReport || o.OfReport
	l.Size = max(l.Size, o.Size)
	l.Attempts = max(l.Attempts, o.Attempts)
	l.AcceptedAt = earliest(l.AcceptedAt, o.AcceptedAt)
	l.DeliveredAt = earliest(l.DeliveredAt, o.DeliveredAt)
	l.FailedAt = earliest(l.FailedAt, o.FailedAt)
	l.ComplainedAt = earliest(l.ComplainedAt, o.ComplainedAt)
	if o.Decision.Decides(&l.Decision) {
		l.Decision = o.Decision
	}
}

// Fold joins what events say, one log per key, sorted by key.
func Fold(events []EmailEvent) []EmailLog {
	said := make([]EmailLog, 0, len(events))
	for i := range events {
		said = AppendLogs(said, &events[i])
	}
	order := make([]int32, len(said))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(said[a].Key[:], said[b].Key[:]) })

	folded := make([]EmailLog, 0, len(said))
	for _, i := range order {
		if n := len(folded); n > 0 && folded[n-1].Key == said[i].Key {
			folded[n-1].Add(&said[i])
			continue
		}
		folded = append(folded, said[i])
	}
	return folded
}

// least returns the bytewise lesser of two texts that are known.
func least(a, b string) string {
	if a == "" || (b != "" && b < a) {
		return b
	}
	return a
}

// earliest returns the earlier of two times that are known.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
