package apiclient

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// ListedEvent is an event of a list: what is kept beside its record.
type ListedEvent struct {
	EventID      string    `json:"event_id"`
	Type         string    `json:"type"`                 // "transient_failure"
	RecordType   string    `json:"record_type,omitzero"` // as KumoMTA calls it, where Type is unknown
	MessageID    string    `json:"message_id,omitzero"`
	Recipient    string    `json:"recipient,omitzero"`
	Sender       string    `json:"sender,omitzero"`
	OccurredAt   time.Time `json:"occurred_at,omitzero"`
	ReceivedAt   time.Time `json:"received_at,omitzero"` // when the record came to the service
	Attempts     int       `json:"attempts"`             // before this one
	SMTPCode     int       `json:"smtp_code"`            // 0 for none
	EnhancedCode string    `json:"enhanced_code,omitzero"`
	Response     string    `json:"response,omitzero"`
	Verdict
	Classification string `json:"classification,omitzero"` // KumoMTA's own
	ResponseHash   string `json:"response_hash,omitzero"`
	Tenant         string `json:"tenant,omitzero"`
	Campaign       string `json:"campaign,omitzero"`
	Provider       string `json:"provider,omitzero"`
	EgressSource   string `json:"egress_source,omitzero"`
	NodeID         string `json:"node_id,omitzero"`
	OriginalLogID  string `json:"original_log_id,omitzero"` // the log that a report is about
	TiedBy         string `json:"tied_by,omitzero"`         // what ties it to that
	Confidence     string `json:"confidence,omitzero"`      // and how sure that is
}

// EventFields are those that events of stories and single ones share.
type EventFields struct {
	EventID      string    `json:"event_id"`
	Type         string    `json:"type"`        // "transient_failure"
	RecordType   string    `json:"record_type"` // as KumoMTA calls it
	OccurredAt   time.Time `json:"occurred_at,omitzero"`
	ReceivedAt   time.Time `json:"received_at,omitzero"`
	Attempts     int       `json:"attempts"` // before this one
	SMTP         SMTP      `json:"smtp"`
	Site         string    `json:"site,omitzero"` // what KumoMTA calls the destination
	Peer         *Peer     `json:"peer,omitzero"`
	EgressSource string    `json:"egress_source,omitzero"`
	NodeID       string    `json:"node_id,omitzero"`
	Verdict
	Classification string    `json:"classification,omitzero"`
	ResponseHash   string    `json:"response_hash,omitzero"`
	Provider       string    `json:"provider,omitzero"`
	TransferID     string    `json:"transfer_id,omitzero"`   // the message's id on the other node
	FeedbackType   string    `json:"feedback_type,omitzero"` // of a complaint
	Original       *Original `json:"original,omitzero"`      // what a report is about
}

// SMTP is what the other side answered, and to what.
type SMTP struct {
	Code         int    `json:"code,omitzero"`
	EnhancedCode string `json:"enhanced_code,omitzero"`
	Response     string `json:"response,omitzero"`
	Command      string `json:"command,omitzero"`
}

// Peer is the other side.
type Peer struct {
	Name    string `json:"name,omitzero"`
	Address string `json:"address,omitzero"`
}

// Original is the message that a report is tied to, or is likely about.
type Original struct {
	MessageID  string   `json:"message_id"`
	Recipients []string `json:"recipients"`
	TiedBy     string   `json:"tied_by"`    // "verp"; "likeness" where the report names no message
	Confidence string   `json:"confidence"` // "verified", "claimed", or "likely" by likeness
}

// Event is an event with its record.
type Event struct {
	EventFields
	MessageID     string    `json:"message_id,omitzero"`
	Recipient     string    `json:"recipient,omitzero"`
	Sender        string    `json:"sender,omitzero"`
	AcceptedAt    time.Time `json:"accepted_at,omitzero"`
	Queue         string    `json:"queue,omitzero"`
	Tenant        string    `json:"tenant,omitzero"`
	Campaign      string    `json:"campaign,omitzero"`
	ApplicationID string    `json:"application_id,omitzero"`
	Size          int64     `json:"size"`
	Raw           string    `json:"raw"` // the record as it came, but for what was redacted, masked or cut
}

// EventFilter chooses events; empty fields choose all. By Types alone it needs
// From and To at most 24 h apart.
type EventFilter struct {
	MessageID string
	Recipient string   // the whole address
	Types     []string // one of these
	From, To  time.Time
	PageSize  int // up to 500; 0 leaves it to the service
}

// Events returns the events that f chooses, the latest first.
func (c *Client) Events(ctx context.Context, f EventFilter) iter.Seq2[ListedEvent, error] {
	q := query{}
	q.text("message_id", f.MessageID)
	q.text("recipient", f.Recipient)
	q.list("type", f.Types)
	q.time("from", f.From)
	q.time("to", f.To)
	q.number("limit", f.PageSize)
	return pages[ListedEvent](ctx, c, "list events", v1+"/events", q)
}

// Event returns one event with its record.
func (c *Client) Event(ctx context.Context, id string) (Event, error) {
	var e Event
	err := c.get(ctx, "get an event", v1+"/events/"+url.PathEscape(id), nil, &e)
	return e, err
}
