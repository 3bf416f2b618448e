package domain

import (
	"strconv"
	"strings"
	"time"
)

// EmailEvent is one log record for one of its recipients. Texts are valid
// UTF-8 without NUL; "" means that the record does not say.
type EmailEvent struct {
	ID         EventID
	Type       EventType
	RecordType string // the type as the record spells it
	Part       int    // which of its record's recipients, from 0

	MessageID string // of the message, or of the report for OOB and Feedback
	Recipient string // "" for records without one
	Sender    string // envelope sender
	Queue     string
	Site      string

	OccurredAt time.Time // the record's own time, cut to microseconds
	AcceptedAt time.Time // when the MTA took the message, zero if not known
	ReceivedAt time.Time // by our clock

	Attempts int   // before this one (kumomta.md, section 1.1)
	Size     int64 // bytes, 0 if not known
	Response Response

	Classification string // KumoMTA's own, a hint only
	PeerName       string
	PeerAddress    string
	EgressPool     string
	EgressSource   string
	SourceAddress  string

	DeliveryProtocol  string
	ReceptionProtocol string
	NodeID            string
	SessionID         string
	ProviderName      string // as the MTA's policy names it

	Tenant        string
	Campaign      string
	ApplicationID string // of the program that sent the message

	// TransferID is the message's other id: for XferOut the one under which
	// another node goes on with it, for XferIn the one it had before.
	TransferID string
	// Report is what an OOB or a Feedback says of the message that it is about;
	// nil for all others.
	Report *Report

	// What an Interpreter makes of the above.
	Provider     string // who runs the recipient's mailbox
	Verdict      Verdict
	ResponseHash uint64    // of the response where it tells of a failure: see ResponseHash
	Original     *Original // of a report that names one
	OfReport     bool      // its message is a report, no mail of ours

	Meta string // a JSON object, "" for none
	Raw  string // the record's bytes as kept; shared by its parts
}

// Response is what the other side answered, or KumoMTA in its stead.
type Response struct {
	Code     int
	Enhanced EnhancedCode
	Content  string // on one line
	Command  string // the SMTP line it answers; "AUTH" where that was a secret
}

// EnhancedCode is an enhanced status code (RFC 3463); the zero value is none.
type EnhancedCode struct{ Class, Subject, Detail int }

// String returns the code as in "5.1.1", and "" for none.
func (c EnhancedCode) String() string {
	var b [24]byte
	return string(c.append(b[:0]))
}

func (c EnhancedCode) append(b []byte) []byte {
	if c == (EnhancedCode{}) {
		return b
	}
	b = strconv.AppendInt(b, int64(c.Class), 10)
	b = strconv.AppendInt(append(b, '.'), int64(c.Subject), 10)
	return strconv.AppendInt(append(b, '.'), int64(c.Detail), 10)
}

// FromLogHook says whether the event is about a log hook's own message, which
// carries records and is no mail (kumomta.md, sections 1.1 and 6).
func (e *EmailEvent) FromLogHook() bool { return e.ReceptionProtocol == "LogRecord" }

// HasLog says whether the event changes a log's status or facts: that of its
// message, or for a report those of the message it is tied to. Rejections, a log
// hook's own messages, events without a recipient or message id, reports that
// name no message or no recipient, and feedback that is no complaint do not.
func (e *EmailEvent) HasLog() bool {
	switch {
	case e.FromLogHook():
		return false
	case e.Type.IsReport():
		return e.Original != nil && len(e.Original.Recipients) > 0 &&
			(e.Type == OOB || e.Report.isComplaint())
	}
	return e.MessageID != "" && e.Recipient != "" && e.Type != Rejection
}

// LogKey returns the key of the log that HasLog is about, of several the first.
func (e *EmailEvent) LogKey() (LogKey, bool) {
	switch {
	case !e.HasLog():
		return LogKey{}, false
	case e.Type.IsReport():
		return NewLogKey(e.Original.MessageID, e.Original.Recipients[0]), true
	}
	return NewLogKey(e.MessageID, e.Recipient), true
}

// isMailDelivery says whether a Delivery handed the message on. The protocols
// of deferred injection only move it into the MTA's own queues (kumomta.md,
// section 2.1).
func (e *EmailEvent) isMailDelivery() bool {
	switch e.DeliveryProtocol {
	case "HttpInjectionGenerator", "DeferredSmtpInjection":
		return false
	}
	return true
}

// isAttempt says whether the event tells of an attempt to hand the message on,
// which its Attempts does not count yet.
func (e *EmailEvent) isAttempt() bool {
	switch e.Type {
	case Delivery:
		return e.isMailDelivery()
	case Bounce, TransientFailure:
		return true
	}
	return false
}

// NormalizeRecipient returns an address with its domain in lower case; the
// local part is left as it is (RFC 5321, section 2.4).
func NormalizeRecipient(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	domain := address[at+1:]
	lower := strings.ToLower(domain)
	if lower == domain {
		return address // as most are: nothing is allocated
	}
	return address[:at+1] + lower
}

// QueueName is what a KumoMTA queue name says of its messages.
type QueueName struct{ Campaign, Tenant, Domain, RoutingDomain string }

// ParseQueue takes `campaign:tenant@domain!routing_domain` apart, each part but
// the domain optional. Names of KumoMTA's own queues (kumomta.md, section 1.4)
// have a Domain only.
func ParseQueue(name string) QueueName {
	if isInternalQueue(name) {
		return QueueName{Domain: name}
	}
	var q QueueName
	rest := name
	if i := strings.IndexByte(rest, '@'); i >= 0 {
		q.Tenant, rest = rest[:i], rest[i+1:]
		if c, t, ok := strings.Cut(q.Tenant, ":"); ok {
			q.Campaign, q.Tenant = c, t
		}
	}
	q.Domain, q.RoutingDomain, _ = strings.Cut(rest, "!")
	return q
}

func isInternalQueue(name string) bool {
	return name == "null" ||
		strings.HasSuffix(name, ".log_hook") ||
		strings.HasSuffix(name, ".kumomta.internal") ||
		strings.HasSuffix(name, ".tsa.kumomta")
}
