package apiclient

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Log is what became of one message for one recipient.
type Log struct {
	ID            string    `json:"id"`                      // of one message and one recipient
	MessageID     string    `json:"message_id"`              // KumoMTA's
	ApplicationID string    `json:"application_id,omitzero"` // X-Email-Log-ID
	Recipient     string    `json:"recipient"`
	Sender        string    `json:"sender,omitzero"`
	Status        string    `json:"status"` // "delivered"; it never goes back
	AcceptedAt    time.Time `json:"accepted_at,omitzero"`
	DeliveredAt   time.Time `json:"delivered_at,omitzero"`
	FailedAt      time.Time `json:"failed_at,omitzero"`
	ComplainedAt  time.Time `json:"complained_at,omitzero"`
	Attempts      int       `json:"attempts"`
	SMTPCode      int       `json:"smtp_code"` // of the response that decided the status, 0 for none
	EnhancedCode  string    `json:"enhanced_code,omitzero"`
	Response      string    `json:"response,omitzero"`
	Verdict
	ResponseHash string `json:"response_hash,omitzero"` // the same for responses that say the same
	Tenant       string `json:"tenant,omitzero"`
	Campaign     string `json:"campaign,omitzero"`
	Provider     string `json:"provider,omitzero"` // who runs the recipient's mailbox
	EgressSource string `json:"egress_source,omitzero"`
	Size         int64  `json:"size"`                // in bytes
	Confidence   string `json:"confidence,omitzero"` // of the tie, where a report decided the status
	PriorID      string `json:"prior_id,omitzero"`   // the message id before a transfer between nodes
	NextID       string `json:"next_id,omitzero"`    // and after one
	OfReport     bool   `json:"of_report"`           // the message is a report, no mail
}

// Verdict is what a failure means.
type Verdict struct {
	Cause      string `json:"cause,omitzero"` // what it is about: "recipient"
	Subcause   string `json:"subcause,omitzero"`
	Permanence string `json:"permanence,omitzero"` // "permanent" or "temporary"
	Fault      string `json:"fault,omitzero"`      // whose it is
	Rule       string `json:"rule,omitzero"`       // that told
}

// Story is a log with what happened to its message, on all nodes that it was
// transferred between, in order of time.
type Story struct {
	Log
	Timeline     []StoryEvent         `json:"timeline"`
	Transfers    []Log                `json:"transfers"` // under its other ids, nearest first
	Registration *MessageRegistration `json:"registration,omitzero"`
}

// StoryEvent is one event of a story.
type StoryEvent struct {
	EventFields
	MessageID string `json:"message_id,omitzero"` // that it had then, or that of the report
	Decided   bool   `json:"decided"`             // the log's status is this event's
	// WaitedSeconds is how long an attempt came after the one before, or after
	// acceptance; nil of all else.
	WaitedSeconds *float64 `json:"waited_seconds,omitzero"`
}

// LogFilter chooses logs; empty fields choose all. By other than ID, MessageID
// and Recipient it needs a Tenant, or From and To at most 24 h apart.
type LogFilter struct {
	ID           string // the application's
	MessageID    string
	Recipient    string // the whole address, or "*@example.org"
	Status       string
	Tenant       string
	Campaign     string
	Domain       string
	Provider     string
	EgressSource string
	Cause        string
	From, To     time.Time // accepted from then on, and before then
	PageSize     int       // of Logs, up to 500; 0 leaves it to the service
}

func (f *LogFilter) query() query {
	q := query{}
	q.text("id", f.ID)
	q.text("message_id", f.MessageID)
	q.text("recipient", f.Recipient)
	q.text("status", f.Status)
	q.text("tenant", f.Tenant)
	q.text("campaign", f.Campaign)
	q.text("domain", f.Domain)
	q.text("provider", f.Provider)
	q.text("egress_source", f.EgressSource)
	q.text("cause", f.Cause)
	q.time("from", f.From)
	q.time("to", f.To)
	return q
}

// Log returns the story of the message that an id means: the log's own, the
// application's, or KumoMTA's message id. Where several logs have it the error is
// a Problem of status 409 with the Candidates.
func (c *Client) Log(ctx context.Context, id string) (Story, error) {
	var s Story
	err := c.get(ctx, "get a log", v1+"/logs/"+url.PathEscape(id), nil, &s)
	return s, err
}

// Logs returns the logs that f chooses, newest acceptance first.
func (c *Client) Logs(ctx context.Context, f LogFilter) iter.Seq2[Log, error] {
	q := f.query()
	q.number("limit", f.PageSize)
	return pages[Log](ctx, c, "list logs", v1+"/logs", q)
}

// Export returns all logs that f chooses, newest acceptance first, as they come,
// and keeps none of them. It needs one of ID, MessageID, Recipient, Tenant, From
// and To. One that is cut off ends with io.ErrUnexpectedEOF.
func (c *Client) Export(ctx context.Context, f LogFilter) iter.Seq2[Log, error] {
	return func(yield func(Log, error) bool) {
		for line, err := range c.ExportLines(ctx, f) {
			var l Log
			if err == nil {
				err = json.Unmarshal(line, &l)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// ExportLines is Export for who passes logs on: each line is a Log in JSON, to be
// used until the next is asked for.
func (c *Client) ExportLines(ctx context.Context, f LogFilter) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		const name = "export logs"
		body, err := c.open(ctx, request{name: name, method: http.MethodGet, path: v1 + "/logs/export", query: url.Values(f.query())})
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		for line, err := range lines(body, name) {
			if !yield(line, err) {
				return
			}
		}
	}
}
