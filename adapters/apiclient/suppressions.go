package apiclient

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Suppression is an address that must not be mailed.
type Suppression struct {
	Address string    `json:"address"` // in lower case
	Reason  string    `json:"reason"`  // "manual", "hard_bounce", "complaint", "unsubscribe" or "invalid"
	Note    string    `json:"note,omitzero"`
	EventID string    `json:"event_id,omitzero"` // the event that gave rise to it
	AddedAt time.Time `json:"added_at,omitzero"`
}

// NewSuppression is an address that shall not be mailed any more, for a reason,
// "manual" if it has none.
type NewSuppression struct {
	Address string `json:"address"`
	Reason  string `json:"reason,omitzero"`
	Note    string `json:"note,omitzero"`
	EventID string `json:"event_id,omitzero"`
}

// AddedSuppressions says what became of addresses that were added.
type AddedSuppressions struct {
	Added int                `json:"added"`
	Known int                `json:"known"` // which stay as they were
	Items []AddedSuppression `json:"items"` // in the order in which they were given
}

// AddedSuppression is what became of one address.
type AddedSuppression struct {
	Address string `json:"address"` // as it stands in the list
	New     bool   `json:"new"`
}

// FoundSuppression is an address of the list, as it was asked for.
type FoundSuppression struct {
	Asked string `json:"asked"`
	Suppression
}

// SuppressionFilter chooses addresses; empty fields choose all.
type SuppressionFilter struct {
	Reason   string
	Domain   string
	PageSize int // up to 500; 0 leaves it to the service
}

const suppressions = v1 + "/suppressions"

// Suppressions returns the addresses that f chooses, in their order.
func (c *Client) Suppressions(ctx context.Context, f SuppressionFilter) iter.Seq2[Suppression, error] {
	q := query{}
	q.text("reason", f.Reason)
	q.text("domain", f.Domain)
	q.number("limit", f.PageSize)
	return pages[Suppression](ctx, c, "list suppressions", suppressions, q)
}

// batch is how many addresses the service takes at once.
const batch = 1000

// AddSuppressions adds any number of addresses, 1,000 at once, of which all are
// taken or none. With an error it returns what became of those before; all may be
// added again.
func (c *Client) AddSuppressions(ctx context.Context, entries ...NewSuppression) (AddedSuppressions, error) {
	var all AddedSuppressions
	for part := range slices.Chunk(entries, batch) {
		var answer AddedSuppressions
		content := map[string]any{"items": part}
		if err := c.post(ctx, "add suppressions", suppressions, content, &answer); err != nil {
			return all, err
		}
		all.Added += answer.Added
		all.Known += answer.Known
		all.Items = append(all.Items, answer.Items...)
	}
	return all, nil
}

// RemoveSuppression takes an address out of the list. One that is not there is a
// Problem of status 404.
func (c *Client) RemoveSuppression(ctx context.Context, address string) error {
	var removed struct{}
	return c.call(ctx, request{
		name: "remove a suppression", method: http.MethodDelete, path: suppressions + "/" + url.PathEscape(address),
	}, &removed)
}

// LookUpSuppressions returns those of any number of addresses that must not be
// mailed, in the order in which they are asked for, 1,000 at once.
func (c *Client) LookUpSuppressions(ctx context.Context, addresses ...string) ([]FoundSuppression, error) {
	var all []FoundSuppression
	for part := range slices.Chunk(addresses, batch) {
		var answer struct {
			Items []FoundSuppression `json:"items"`
		}
		content := map[string]any{"addresses": part}
		if err := c.post(ctx, "look up suppressions", suppressions+"/lookup", content, &answer); err != nil {
			return nil, err
		}
		all = append(all, answer.Items...)
	}
	return all, nil
}
