package apiclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Quarantined is what came and could not be taken.
type Quarantined struct {
	ID         string    `json:"id"`
	Reason     string    `json:"reason"`
	ReceivedAt time.Time `json:"received_at,omitzero"` // when it first came
	Size       int       `json:"size"`                 // in bytes
}

// QuarantinedBytes is an entry of the quarantine with its bytes: in Raw where
// they are UTF-8, else in Base64, which holds them decoded.
type QuarantinedBytes struct {
	Quarantined
	Raw    string `json:"raw,omitzero"`
	Base64 []byte `json:"raw_base64,omitzero"`
}

const quarantine = v1 + "/quarantine"

// Quarantine returns what could not be taken, newest first. Entries that are taken
// out meanwhile may end it by a Problem of status 404.
func (c *Client) Quarantine(ctx context.Context) iter.Seq2[Quarantined, error] {
	return pages[Quarantined](ctx, c, "list quarantine", quarantine, query{})
}

// Quarantined returns one entry with its bytes.
func (c *Client) Quarantined(ctx context.Context, id string) (QuarantinedBytes, error) {
	var q QuarantinedBytes
	err := c.get(ctx, "get quarantined", quarantine+"/"+url.PathEscape(id), nil, &q)
	return q, err
}

// RetryQuarantined has an entry read again as if it had come now. It goes from the
// quarantine when it is taken, and stays and is counted as quarantined where not.
func (c *Client) RetryQuarantined(ctx context.Context, id string) (Receipt, error) {
	var r Receipt
	err := c.call(ctx, request{
		name: "retry quarantined", method: http.MethodPost, path: quarantine + "/" + url.PathEscape(id) + "/retry",
		once: true, // after one that succeeded the entry is not there
	}, &r)
	return r, err
}
