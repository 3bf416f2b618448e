package apiclient

import (
	"context"
	"encoding/json"
	"time"
)

// Registration is a message that its application announces before or at its
// injection.
type Registration struct {
	ID         string                     `json:"id"` // the application's, which the message carries as X-Email-Log-ID
	Recipients []string                   `json:"recipients"`
	Sender     string                     `json:"sender"`
	Subject    string                     `json:"subject,omitzero"`
	Tenant     string                     `json:"tenant,omitzero"`
	Campaign   string                     `json:"campaign,omitzero"`
	Size       int64                      `json:"size,omitzero"`
	Meta       map[string]json.RawMessage `json:"meta,omitempty"`
}

// Registered says what became of a registration.
type Registered struct {
	ID         string                `json:"id"`
	Registered int                   `json:"registered"` // recipients for whom it is new
	Known      int                   `json:"known"`      // for whom it stays as it was
	Items      []RegisteredRecipient `json:"items"`
}

// RegisteredRecipient is what became of one recipient. ID finds the log of this
// recipient.
type RegisteredRecipient struct {
	ID        string `json:"id"`
	Recipient string `json:"recipient"`
	New       bool   `json:"new"`
}

// MessageRegistration is what an application said of a message.
type MessageRegistration struct {
	ID           string                     `json:"id"`
	Sender       string                     `json:"sender,omitzero"`
	Subject      string                     `json:"subject,omitzero"`
	Tenant       string                     `json:"tenant,omitzero"`
	Campaign     string                     `json:"campaign,omitzero"`
	Size         int64                      `json:"size"`
	Meta         map[string]json.RawMessage `json:"meta"`
	RegisteredAt time.Time                  `json:"registered_at,omitzero"`
}

// Register announces a message. It may be done again: the first word on an id and
// recipient stays.
func (c *Client) Register(ctx context.Context, r Registration) (Registered, error) {
	var answer Registered
	err := c.post(ctx, "register a message", v1+"/logs", r, &answer)
	return answer, err
}
