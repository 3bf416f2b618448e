package kumomta

import (
	"errors"
	"fmt"
	"math"
	"strings"
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
	attempts, size                    int64
	response                          domain.Response
	classification                    string
	peerName, peerAddress             string
	egressPool, egressSource          string
	sourceAddress                     string
	deliveryProtocol                  string
	receptionProtocol                 string
	provider                          string
	tenant, campaign                  string
	applicationID                     [3]string // by precedence
	meta                              string
	nested                            bool // meta holds another record
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

// field reads one field. Those that tell records apart must be what they should
// be; of the others what is not understood counts as not known, and is still in
// the raw bytes.
func (r *record) field(s *scanner, name string) (err error) {
	switch name {
	case "type":
		r.recordType, err = requireText(s, name)
	case "id":
		r.id, err = requireText(s, name)
	case "nodeid":
		r.nodeID, err = requireText(s, name)
	case "session_id":
		r.sessionID, err = requireText(s, name)
	case "sender":
		r.sender, err = requireText(s, name)
	case "queue":
		r.queue, err = requireText(s, name)
	case "site":
		r.site, err = requireText(s, name)
	case "recipient":
		err = r.readRecipients(s)
	case "event_time":
		r.eventTime, err = requireText(s, name)
	case "created_time":
		r.createdTime, err = text(s)
	case "timestamp":
		r.timestamp, r.hasTimestamp, err = requireInteger(s, name, earliestSecond, latestSecond)
	case "created":
		r.created, err = integer(s)
	case "num_attempts":
		r.attempts, _, err = requireInteger(s, name, 0, math.MaxInt32-1)
	case "size":
		r.size, err = integer(s)
		r.size = max(r.size, 0)
	case "response":
		err = fields(s, name, r.responseField)
	case "peer_address":
		err = fields(s, name, r.peerField)
	case "meta":
		err = r.readMeta(s)
	case "headers":
		err = fields(s, name, r.headerField)
	default:
		return r.optionalField(s, name)
	}
	return err
}

func (r *record) optionalField(s *scanner, name string) (err error) {
	switch name {
	case "bounce_classification":
		r.classification, err = text(s)
	case "egress_pool":
		r.egressPool, err = text(s)
	case "egress_source":
		r.egressSource, err = text(s)
	case "delivery_protocol":
		r.deliveryProtocol, err = text(s)
	case "reception_protocol":
		r.receptionProtocol, err = text(s)
	case "provider_name":
		r.provider, err = text(s)
	case "source_address":
		if s.peek() != '{' {
			return s.value()
		}
		err = fields(s, name, func(s *scanner, name string) (err error) {
			if name != "address" {
				return s.value()
			}
			r.sourceAddress, err = text(s)
			return err
		})
	default:
		err = s.value()
	}
	return err
}

// readRecipients takes a string, a list, or what Lua makes of an empty list.
func (r *record) readRecipients(s *scanner) error {
	r.recipients = nil
	switch s.peek() {
	case '"':
		one, err := s.str()
		r.one[0] = one
		r.recipients = r.one[:]
		return err
	case '[':
		return s.array(func() error {
			one, err := requireText(s, "recipient")
			r.recipients = append(r.recipients, one)
			return err
		})
	case 'n':
		return s.literal("null")
	}
	return fields(s, "recipient", func(s *scanner, _ string) error {
		return wrongKind(s, "recipient", "a string or a list of strings")
	})
}

func (r *record) responseField(s *scanner, name string) (err error) {
	switch name {
	case "code":
		var code int64
		code, _, err = requireInteger(s, "response.code", math.MinInt32, math.MaxInt32)
		r.response.Code = int(code)
	case "enhanced_code":
		r.response.Enhanced = domain.EnhancedCode{}
		err = fields(s, "response.enhanced_code", r.enhancedField)
	case "content":
		r.response.Content, err = requireText(s, "response.content")
		r.response.Content = oneLine(r.response.Content)
	case "command":
		r.response.Command, err = requireText(s, "response.command")
	default:
		err = s.value()
	}
	return err
}

func (r *record) enhancedField(s *scanner, name string) error {
	var into *int
	switch name {
	case "class":
		into = &r.response.Enhanced.Class
	case "subject":
		into = &r.response.Enhanced.Subject
	case "detail":
		into = &r.response.Enhanced.Detail
	default:
		return s.value()
	}
	n, _, err := requireInteger(s, "response.enhanced_code", 0, math.MaxInt32)
	*into = int(n)
	return err
}

func (r *record) peerField(s *scanner, name string) (err error) {
	switch name {
	case "name":
		r.peerName, err = text(s)
	case "addr":
		r.peerAddress, err = requireText(s, "peer_address.addr")
	default:
		err = s.value()
	}
	return err
}

func (r *record) readMeta(s *scanner) error {
	r.meta = ""
	start := s.pos
	if err := fields(s, "meta", r.metaField); err != nil {
		return err
	}
	if m := s.text[start:s.pos]; m[0] == '{' {
		r.meta = strings.ToValidUTF8(m, "\uFFFD")
	}
	return nil
}

// Names of the application's id for a message, by precedence: as meta of that
// name, as `import_x_headers` names it, as a header.
const applicationIDHeader = "X-Email-Log-ID"

func (r *record) metaField(s *scanner, name string) (err error) {
	switch name {
	case "tenant":
		r.tenant, err = text(s)
	case "campaign":
		r.campaign, err = text(s)
	case applicationIDHeader:
		r.applicationID[0], err = text(s)
	case "x_email_log_id":
		r.applicationID[1], err = text(s)
	case "log_record":
		r.nested = true
		err = s.value()
	default:
		err = s.value()
	}
	return err
}

// headerField reads a header. The name's case is that of the message, and a
// repeated header is a list (kumomta.md, section 1.2).
func (r *record) headerField(s *scanner, name string) (err error) {
	if !strings.EqualFold(name, applicationIDHeader) {
		return s.value()
	}
	if s.peek() != '[' {
		r.applicationID[2], err = text(s)
		return err
	}
	first := true
	return s.array(func() error {
		one, err := text(s)
		if first {
			r.applicationID[2], first = one, false
		}
		return err
	})
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
	secrets := r.hideSecret()
	if err := r.check(); err != nil {
		return "", id, err
	}
	identity := r.identity()
	id, *scratch = identity.Digest(*scratch)
	if !secrets && len(raw) <= maxText {
		return raw, id, nil
	}
	kept, changed := tidyRaw(raw, secrets)
	if !changed {
		return raw, id, nil
	}
	// Read again, so that it says the same as when it is read back one day.
	fault, err := r.read(&scanner{text: kept})
	r.hideSecret()
	return kept, id, errors.Join(fault, err)
}

// check says what a record lacks that all have.
func (r *record) check() error {
	if r.recordType == "" {
		return errNoType
	}
	if len(r.recipients) > maxRecipients {
		return errRecipients
	}
	if _, ok := parseTime(r.eventTime); !ok && !r.hasTimestamp {
		return errNoTime
	}
	return nil
}

func (r *record) identity() domain.Identity {
	at, _ := parseTime(r.eventTime)
	return domain.Identity{
		NodeID: r.nodeID, RecordType: r.recordType, MessageID: r.id,
		EventTime: at, Timestamp: r.timestamp, Created: r.created,
		Recipients: r.recipients, Sender: r.sender, Response: r.response,
		Attempts: int(r.attempts), Site: r.site, Queue: r.queue,
		SessionID: r.sessionID, PeerAddress: r.peerAddress,
	}
}

// occurredAt is the record's time, to the second before October 2025.
func (r *record) occurredAt() time.Time {
	if at, ok := parseTime(r.eventTime); ok {
		return at.Truncate(time.Microsecond)
	}
	return time.Unix(r.timestamp, 0).UTC()
}

func parseTime(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t.UTC(), err == nil && !t.IsZero()
}
