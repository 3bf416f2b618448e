package kumomta

import (
	"math"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

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
	case "timestamp":
		r.timestamp, r.hasTimestamp, err = requireInteger(s, name, earliestSecond, latestSecond)
	case "num_attempts":
		r.attempts, _, err = requireInteger(s, name, 0, math.MaxInt32-1)
	case "response":
		err = fields(s, name, r.responseField)
	case "peer_address":
		err = fields(s, name, r.peerField)
	case "meta":
		err = r.readMeta(s)
	case "headers":
		err = r.readHeaders(s)
	default:
		return r.optionalField(s, name)
	}
	return err
}

func (r *record) optionalField(s *scanner, name string) (err error) {
	switch name {
	case "created":
		r.created, err = integer(s)
	case "created_time":
		r.createdTime, err = r.text(s)
	case "size":
		r.size, err = integer(s)
		r.size = max(r.size, 0)
	case "bounce_classification":
		r.classification, err = r.text(s)
	case "egress_pool":
		r.egressPool, err = r.text(s)
	case "egress_source":
		r.egressSource, err = r.text(s)
	case "delivery_protocol":
		r.deliveryProtocol, err = r.text(s)
	case "reception_protocol":
		r.receptionProtocol, err = r.text(s)
	case "provider_name":
		r.providerName, err = r.text(s)
	case "source_address":
		err = r.readSourceAddress(s)
	case "feedback_report":
		r.feedback, err = r.later(s)
	default:
		err = r.skip(s)
	}
	return err
}

// skip passes over a value that is not wanted, but for commands in it: where
// policy lists the meta `log_record`, it holds another record.
func (r *record) skip(s *scanner) error {
	switch s.peek() {
	case '{':
		return s.object(func(name string) error {
			r.commands = r.commands || name == "command"
			return r.skip(s)
		})
	case '[':
		return s.array(func() error { return r.skip(s) })
	case '"':
		raw, plain, err := s.rawString()
		r.commands = r.commands || !plain && strings.Contains(raw, `command\`)
		return err
	}
	return s.value()
}

// text reads what the function text does, and passes over what is none.
func (r *record) text(s *scanner) (string, error) {
	if c := s.peek(); c == '{' || c == '[' {
		return "", r.skip(s)
	}
	return text(s)
}

// later passes over a value and returns it as it stands. Which fields a record
// has use for is known at its end: the type may be its last field.
func (r *record) later(s *scanner) (string, error) {
	start := s.pos
	err := r.skip(s)
	return s.text[start:s.pos], err
}

func (r *record) readSourceAddress(s *scanner) error {
	if s.peek() != '{' {
		return r.skip(s)
	}
	return s.object(func(name string) (err error) {
		if name != "address" {
			return r.skip(s)
		}
		r.sourceAddress, err = r.text(s)
		return err
	})
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
			if len(r.recipients) <= maxRecipients { // more is a fault, however many
				r.recipients = append(r.recipients, one)
			}
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
		r.commands = r.commands || r.response.Command != "" // a second one
		r.response.Command, err = requireText(s, "response.command")
	default:
		err = r.skip(s)
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
		return r.skip(s)
	}
	n, _, err := requireInteger(s, "response.enhanced_code", 0, math.MaxInt32)
	*into = int(n)
	return err
}

func (r *record) peerField(s *scanner, name string) (err error) {
	switch name {
	case "name":
		r.peerName, err = r.text(s)
	case "addr":
		r.peerAddress, err = requireText(s, "peer_address.addr")
	default:
		err = r.skip(s)
	}
	return err
}

func (r *record) readMeta(s *scanner) error {
	r.meta = ""
	if s.peek() != '{' {
		return r.skip(s)
	}
	start := s.pos
	err := s.object(func(name string) error { return r.metaField(s, name) })
	r.meta = strings.ToValidUTF8(s.text[start:s.pos], "\uFFFD")
	return err
}

// Names of the application's id for a message, by precedence: as meta of that
// name, as `import_x_headers` names it, as a header.
const applicationIDHeader = "X-Email-Log-ID"

// originalIDMeta is where policy puts the id that it finds in a report
// (kumomta.md, section 4).
const originalIDMeta = "x_orig_id"

func (r *record) metaField(s *scanner, name string) (err error) {
	switch name {
	case "tenant":
		r.tenant, err = r.text(s)
	case "campaign":
		r.campaign, err = r.text(s)
	case applicationIDHeader:
		r.applicationID[0], err = r.text(s)
	case "x_email_log_id":
		r.applicationID[1], err = r.text(s)
	case "xfer_prior_id":
		r.priorID, err = r.later(s)
	default:
		if len(name) != len(originalIDMeta) || !strings.EqualFold(name, originalIDMeta) {
			return r.skip(s)
		}
		r.originalID, err = r.later(s)
	}
	return err
}

func (r *record) readHeaders(s *scanner) error {
	if s.peek() != '{' {
		return r.skip(s)
	}
	return s.object(func(name string) error { return r.headerField(s, name) })
}

// headerField reads a header. The name's case is that of the message, and a
// repeated header is a list (kumomta.md, section 1.2).
func (r *record) headerField(s *scanner, name string) (err error) {
	if !strings.EqualFold(name, applicationIDHeader) {
		return r.skip(s)
	}
	if s.peek() != '[' {
		r.applicationID[2], err = r.text(s)
		return err
	}
	first := true
	return s.array(func() error {
		one, err := r.text(s)
		if first {
			r.applicationID[2], first = one, false
		}
		return err
	})
}
