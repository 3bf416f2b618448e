package apiclient

import (
	"context"
	"net/url"
	"time"
)

// StatsQuery says what to count, in buckets of Interval: "1m", "5m", "1h", which
// is that of "", or "1d". All but the number of events by type alone needs From or
// To.
type StatsQuery struct {
	// By is what counts are told apart by: "type" of events, which is the
	// default, or "status" of messages, and up to two of "provider", "domain",
	// "tenant", "campaign", "egress_source" and "cause".
	By       []string
	Interval string
	From, To time.Time // events occurred, or messages were accepted, from then on and before then
	Latency  bool      // how messages came through, see Through
	// Whose they are; empty fields choose all.
	Tenant, Campaign, Provider, Domain string
}

// StatsRow has the figures of one bucket and group, of the dimensions those that
// were asked for.
type StatsRow struct {
	Bucket       time.Time `json:"bucket"` // when it begins
	Provider     string    `json:"provider,omitzero"`
	Domain       string    `json:"domain,omitzero"`
	Tenant       string    `json:"tenant,omitzero"`
	Campaign     string    `json:"campaign,omitzero"`
	EgressSource string    `json:"egress_source,omitzero"`
	Cause        string    `json:"cause,omitzero"`
	Type         string    `json:"type,omitzero"`
	Status       string    `json:"status,omitzero"`
	Count        int64     `json:"count"`
	Through
}

// Through tells how messages came through, with Latency. Figures are nil where
// there is nothing to tell them from.
type Through struct {
	Delivered        int64    `json:"delivered,omitzero"`
	FirstAttemptRate *float64 `json:"first_attempt_rate,omitzero"` // of the delivered
	DeferralRate     *float64 `json:"deferral_rate,omitzero"`      // of those with an attempt
	P50              *float64 `json:"p50,omitzero"`                // seconds from acceptance to delivery
	P90              *float64 `json:"p90,omitzero"`
	P95              *float64 `json:"p95,omitzero"`
	P99              *float64 `json:"p99,omitzero"`
}

// Stats returns counts in order of bucket and group; there is no row of none.
func (c *Client) Stats(ctx context.Context, s StatsQuery) ([]StatsRow, error) {
	q := query{}
	q.list("by", s.By)
	q.text("interval", s.Interval)
	q.time("from", s.From)
	q.time("to", s.To)
	if s.Latency {
		q.text("latency", "true")
	}
	q.text("tenant", s.Tenant)
	q.text("campaign", s.Campaign)
	q.text("provider", s.Provider)
	q.text("domain", s.Domain)
	var answer struct {
		Rows []StatsRow `json:"rows"`
	}
	err := c.get(ctx, "get statistics", v1+"/stats", url.Values(q), &answer)
	return answer.Rows, err
}
