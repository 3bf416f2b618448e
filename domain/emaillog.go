package domain

import (
	"bytes"
	"crypto/sha256"
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
	id := NormalizeMessageID(messageID)
	var key LogKey
	if t, ok := MessageTime(id); ok {
		putMillis(key[:], idMillis(t))
	}
	m := sha256.Sum256([]byte(id))
	r := sha256.Sum256([]byte(NormalizeRecipient(recipient)))
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

// Decision is the event that decides a log's status, and its response.
type Decision struct {
	Status   Status
	At       time.Time
	EventID  EventID
	Code     int
	Enhanced EnhancedCode
	Response string
}

// Precedence orders decisions: of two, the one with the greater bytes decides.
type Precedence [25]byte

// Precedence is (status, time, event id), where a deferral prefers the latest
// and every other status the earliest time: the last answer of a message that
// is still tried, and the first word on one that is settled.
func (d *Decision) Precedence() Precedence {
	var p Precedence
	p[0] = byte(d.Status)
	// Micros with the sign bit turned order as unsigned bytes.
	at := uint64(d.At.UnixMicro()) ^ 1<<63
	if d.Status != Deferred {
		at = ^at
	}
	for i := range 8 {
		p[1+i] = byte(at >> (56 - 8*i))
	}
	copy(p[9:], d.EventID[:])
	return p
}

// Decides says whether d decides over o.
func (d *Decision) Decides(o *Decision) bool {
	p, q := d.Precedence(), o.Precedence()
	return bytes.Compare(p[:], q[:]) > 0
}

// LogOf is what one event alone says about its message, and false where it says
// nothing (see EmailEvent.LogKey).
func LogOf(e *EmailEvent) (EmailLog, bool) {
	key, ok := e.LogKey()
	if !ok {
		return EmailLog{}, false
	}
	l := EmailLog{
		Key:           key,
		MessageID:     NormalizeMessageID(e.MessageID),
		Recipient:     NormalizeRecipient(e.Recipient),
		Sender:        e.Sender,
		Tenant:        e.Tenant,
		Campaign:      e.Campaign,
		ApplicationID: e.ApplicationID,
		Provider:      e.Provider,
		EgressSource:  e.EgressSource,
		Size:          e.Size,
		Attempts:      e.Attempts,
		AcceptedAt:    e.AcceptedAt,
		Decision: Decision{
			Status: statusOf(e), At: e.OccurredAt, EventID: e.ID,
			Code: e.Response.Code, Enhanced: e.Response.Enhanced, Response: e.Response.Content,
		},
	}
	if e.isAttempt() {
		l.Attempts++
	}
	switch l.Decision.Status {
	case Delivered:
		l.DeliveredAt = e.OccurredAt
	case Bounced, Expired:
		l.FailedAt = e.OccurredAt
	}
	return l, true
}

// Join returns what l and o, two logs of one key, say together. It is
// commutative, associative and idempotent, so events may come in any order,
// twice, or in any grouping. No fact asks which came first to us.
func (l EmailLog) Join(o EmailLog) EmailLog {
	l.Sender = least(l.Sender, o.Sender)
	l.Tenant = least(l.Tenant, o.Tenant)
	l.Campaign = least(l.Campaign, o.Campaign)
	l.ApplicationID = least(l.ApplicationID, o.ApplicationID)
	l.Provider = least(l.Provider, o.Provider)
	l.EgressSource = least(l.EgressSource, o.EgressSource)
	l.Size = max(l.Size, o.Size)
	l.Attempts = max(l.Attempts, o.Attempts)
	l.AcceptedAt = earliest(l.AcceptedAt, o.AcceptedAt)
	l.DeliveredAt = earliest(l.DeliveredAt, o.DeliveredAt)
	l.FailedAt = earliest(l.FailedAt, o.FailedAt)
	l.ComplainedAt = earliest(l.ComplainedAt, o.ComplainedAt)
	if o.Decision.Decides(&l.Decision) {
		l.Decision = o.Decision
	}
	return l
}

// Fold joins what events say, one log per key, sorted by key.
func Fold(events []EmailEvent) []EmailLog {
	said := make([]EmailLog, 0, len(events))
	for i := range events {
		if l, ok := LogOf(&events[i]); ok {
			said = append(said, l)
		}
	}
	order := make([]int32, len(said))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(said[a].Key[:], said[b].Key[:]) })

	folded := make([]EmailLog, 0, len(said))
	for _, i := range order {
		if n := len(folded); n > 0 && folded[n-1].Key == said[i].Key {
			folded[n-1] = folded[n-1].Join(said[i])
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
