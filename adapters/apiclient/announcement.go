package apiclient

import (
	"encoding/json"
	"fmt"
	"time"
)

// Announcement is an event as the stream tells it, here and on NATS.
type Announcement struct {
	EventID    string    `json:"event_id"`
	Type       string    `json:"type"`        // "transient_failure"
	RecordType string    `json:"record_type"` // as KumoMTA spells it
	MessageID  string    `json:"message_id,omitzero"`
	Recipient  string    `json:"recipient,omitzero"`
	Sender     string    `json:"sender,omitzero"`
	LogID      string    `json:"log_id,omitzero"`
	OccurredAt time.Time `json:"occurred_at,omitzero"`
	ReceivedAt time.Time `json:"received_at,omitzero"`
	Status     string    `json:"status,omitzero"` // of the log, when the event was announced
	SMTP       SMTP      `json:"smtp"`
	Verdict
	Classification string                     `json:"classification,omitzero"`
	ResponseHash   string                     `json:"response_hash,omitzero"`
	Provider       string                     `json:"provider,omitzero"`
	Tenant         string                     `json:"tenant,omitzero"`
	Campaign       string                     `json:"campaign,omitzero"`
	EgressSource   string                     `json:"egress_source,omitzero"`
	NodeID         string                     `json:"node_id,omitzero"`
	Attempts       int                        `json:"attempts"` // before this one
	Meta           map[string]json.RawMessage `json:"meta,omitempty"`
	FeedbackType   string                     `json:"feedback_type,omitzero"`
	Original       *AnnouncedOriginal         `json:"original,omitzero"`    // what a report is about
	TransferID     string                     `json:"transfer_id,omitzero"` // the message's other id
	Truncated      bool                       `json:"truncated,omitzero"`   // it was too large for the bus
}

// AnnouncedOriginal is the log that a report is tied to.
type AnnouncedOriginal struct {
	MessageID  string `json:"message_id"`
	Recipient  string `json:"recipient,omitzero"`
	LogID      string `json:"log_id,omitzero"`
	Status     string `json:"status,omitzero"`
	TiedBy     string `json:"tied_by"`
	Confidence string `json:"confidence"`
}

// Announcement decodes what was heard of an event.
func (h Heard) Announcement() (Announcement, error) {
	var a Announcement
	if err := json.Unmarshal(h.Data, &a); err != nil {
		return a, fmt.Errorf("read an event of the stream: %w", err)
	}
	return a, nil
}

// SuppressionChange is an address that was added to the list of suppressions or
// taken out of it, as the stream tells it, here and on NATS.
type SuppressionChange struct {
	ChangeID      string    `json:"change_id"`
	Type          string    `json:"type"` // SuppressionAdded or SuppressionRemoved
	Address       string    `json:"address"`
	Reason        string    `json:"reason"`
	Note          string    `json:"note,omitzero"`
	SourceEventID string    `json:"source_event_id,omitzero"` // the event that gave rise to it
	AddedAt       time.Time `json:"added_at"`
	ChangedAt     time.Time `json:"changed_at"` // of two changes of an address the later one stands
	Truncated     bool      `json:"truncated,omitzero"`
}

// SuppressionChange decodes what was heard of a change.
func (h Heard) SuppressionChange() (SuppressionChange, error) {
	var c SuppressionChange
	if err := json.Unmarshal(h.Data, &c); err != nil {
		return c, fmt.Errorf("read a change of the stream: %w", err)
	}
	return c, nil
}
