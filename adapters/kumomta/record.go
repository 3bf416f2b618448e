package kumomta

import (
	"errors"
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// record is one log record (kumomta.md, section 1.1) as it stands: clean texts,
// not yet cut. What is missing, null or empty is the zero value, for a record
// that went through Lua has lost the difference (section 1.6).
type record struct {
	recordType, id, nodeID, sessionID string
	sender                            string
	recipients                        []string
	one                               [1]string // backs recipients of the usual record
	queue, site                       string
	eventTime, createdTime            string
	timestamp, created                int64
	hasTimestamp                      bool
	at                                time.Time // eventTime, zero if it is none; set by check
	attempts, size                    int64
	response                          domain.Response
	classification                    string
	peerName, peerAddress             string
	egressPool, egressSource          string
	sourceAddress                     string
	deliveryProtocol                  string
	receptionProtocol                 string
	providerName                      string
	tenant, campaign                  string
	applicationID                     [3]string // by precedence
	meta                              string
	// JSON, left for those records that it says something of: feedback_report,
	// and of meta x_orig_id and xfer_prior_id.
	feedback, originalID, priorID string
	commands                      bool // there may be other commands than that of response
}

// read reads the value at s.pos. fault says, for an operator, why a whole value
// is no record; err that it is not JSON, s.pos being where.
func (r *record) read(s *scanner) (fault, err error) {
	start, depth := s.pos, s.depth
	*r = record{}
	if s.peek() == '{' {
		fault = s.object(func(name string) error { return r.field(s, name) })
	} else {
		fault = errNoObject
	}
	if fault == nil {
		return nil, nil
	}
	if broken := (*syntaxError)(nil); errors.As(fault, &broken) {
		return nil, fault
	}
	s.pos, s.depth = start, depth
	return fault, s.value()
}

// Seconds of the years 1 to 9999, the ones that times can be written in.
const (
	earliestSecond = -62135596799
	latestSecond   = 253402300799
)

var (
	errNoObject   = errors.New("not an object: a log record is one")
	errNoType     = errors.New("no type: a log record has one")
	errRecipients = fmt.Errorf("more than %d recipients", maxRecipients)
	errNoTime     = errors.New("no event_time and no timestamp: a log record has one of them")
)

// settle checks that a record just read from raw has what it must, derives its
// identity from the whole of it, and brings it to the form in which it may be
// kept: without secrets, giant texts cut. It returns the bytes of that form.
func (r *record) settle(raw string, scratch *[]byte) (kept string, id domain.Digest, err error) {
	if err := r.check(); err != nil {
		return "", id, err
	}
	secrets := r.hideSecret()
	identity := r.identity()
	id, *scratch = identity.Digest(*scratch)
	if !secrets && len(raw) <= maxText {
		return raw, id, nil
	}
	kept, changed := tidyRaw(raw, secrets, maxText)
	if !changed {
		return raw, id, nil
	}
	// Read again, so that it says the same as when it is read back one day.
	fault, err := r.read(&scanner{text: kept})
	if err := errors.Join(fault, err); err != nil {
		return "", id, err
	}
	r.hideSecret()
	return kept, id, r.check()
}

// check says what a record lacks that all have. It leaves the record's times.
func (r *record) check() error {
	if r.recordType == "" {
		return errNoType
	}
	if len(r.recipients) > maxRecipients {
		return errRecipients
	}
	if r.at = parseTime(r.eventTime); r.at.IsZero() && !r.hasTimestamp {
		return errNoTime
	}
	return nil
}

func (r *record) identity() domain.Identity {
	return domain.Identity{
		NodeID: r.nodeID, RecordType: r.recordType, MessageID: r.id,
		EventTime: r.at, Timestamp: r.timestamp, Created: r.created,
		Recipients: r.recipients, Sender: r.sender, Response: r.response,
		Attempts: int(r.attempts), Site: r.site, Queue: r.queue,
		SessionID: r.sessionID, PeerAddress: r.peerAddress,
	}
}

// occurredAt is the record's time, to the second before October 2025.
func (r *record) occurredAt() time.Time {
	if !r.at.IsZero() {
		return r.at.Truncate(time.Microsecond)
	}
	return time.Unix(r.timestamp, 0).UTC()
}

// acceptedAt is the time in the message's id, else when the record says that the
// message was created; zero if neither is known.
func (r *record) acceptedAt() time.Time {
	if r.id == "" {
		return time.Time{}
	}
	at, ok := domain.MessageTime(r.id)
	if !ok {
		at = parseTime(r.createdTime)
	}
	if at.IsZero() && r.created > 0 {
		at = time.Unix(r.created, 0).UTC()
	}
	if !writable(at) {
		return time.Time{}
	}
	return at.Truncate(time.Microsecond)
}

// parseTime returns the zero time for a text that is no time.
func parseTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || !writable(t) {
		return time.Time{}
	}
	return t.UTC()
}

// writable says whether t, in UTC, lies within the years that RFC 3339 can write.
func writable(t time.Time) bool {
	return t.Unix() >= earliestSecond && t.Unix() <= latestSecond
}
