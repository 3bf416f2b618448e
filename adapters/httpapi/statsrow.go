package httpapi

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/ports"
)

// statsRow has the figures of one bucket and group. Of the dimensions it has
// those that were asked for.
type statsRow struct {
	Bucket       string      `json:"bucket" format:"date-time" doc:"When the bucket begins."`
	Provider     *groupValue `json:"provider,omitempty" doc:"Who runs the recipients' mailboxes."`
	Domain       *groupValue `json:"domain,omitempty" doc:"The recipients', in lower case."`
	Tenant       *groupValue `json:"tenant,omitempty"`
	Campaign     *groupValue `json:"campaign,omitempty"`
	EgressSource *groupValue `json:"egress_source,omitempty" doc:"What the messages were sent from."`
	Cause        *groupValue `json:"cause,omitempty" doc:"What the failures are about; for messages that which decided the status."`
	Type         string      `json:"type,omitempty" doc:"The type of the events."`
	Status       string      `json:"status,omitempty" enum:"pending,deferred,transferred,expired,bounced,delivered,complained" doc:"What became of the messages."`
	Count        int64       `json:"count" minimum:"0" doc:"How many there were."`
	*Through
}

// Through tells how messages came through, under a name that huma sees.
type Through struct {
	Delivered        int64   `json:"delivered" minimum:"0" doc:"How many of the messages were delivered, whatever came after."`
	FirstAttemptRate *figure `json:"first_attempt_rate" doc:"The part of the delivered messages that was at the first attempt, null where none was delivered."`
	DeferralRate     *figure `json:"deferral_rate" doc:"The part of the messages with an attempt of which one failed for the time being, null where there was no attempt."`
	P50              *figure `json:"p50" doc:"Half of the delivered messages took at most that many seconds from acceptance to delivery; null where none was delivered."`
	P90              *figure `json:"p90" doc:"As p50, of 90 %."`
	P95              *figure `json:"p95" doc:"As p50, of 95 %."`
	P99              *figure `json:"p99" doc:"As p50, of 99 %."`
}

// groupValue is a dimension's, null where it is not known.
type groupValue string

// MarshalJSON implements json.Marshaler.
func (v groupValue) MarshalJSON() ([]byte, error) { return json.Marshal(known(string(v))) }

// figure is a number of seconds, or a part of 1.
type figure float64

// TransformSchema implements huma.SchemaTransformer. Nothing but a bucket and a
// count is in every row, and what is not known is null.
func (statsRow) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Required = []string{"bucket", "count"}
	for _, name := range []string{
		"provider", "domain", "tenant", "campaign", "egress_source", "cause",
		"first_attempt_rate", "deferral_rate", "p50", "p90", "p95", "p99",
	} {
		s.Properties[name].Nullable = true
	}
	return s
}

// part is a of b, null of none.
func part(a, b int64) *figure {
	if b == 0 {
		return nil
	}
	f := figure(float64(a) / float64(b))
	return &f
}

func newStatsRow(by []ports.Dimension, bucket time.Time, group ports.Group, count int64) statsRow {
	row := statsRow{Bucket: bucket.Format(time.RFC3339), Count: count}
	for i, dimension := range by {
		value := groupValue(group[i])
		switch dimension {
		case ports.ByProvider:
			row.Provider = &value
		case ports.ByDomain:
			row.Domain = &value
		case ports.ByTenant:
			row.Tenant = &value
		case ports.ByCampaign:
			row.Campaign = &value
		case ports.ByEgressSource:
			row.EgressSource = &value
		case ports.ByCause:
			row.Cause = &value
		}
	}
	return row
}

func latencyRow(by []ports.Dimension, l *ports.Latency) statsRow {
	row := newStatsRow(by, l.Bucket, l.Group, l.Messages)
	row.Through = &Through{
		Delivered: l.Delivered, FirstAttemptRate: part(l.AtFirst, l.Delivered), DeferralRate: part(l.Deferred, l.Tried),
	}
	for i, p := range []**figure{&row.P50, &row.P90, &row.P95, &row.P99} {
		if l.Delivered > 0 {
			*p = part(l.Took[i], int64(time.Second/time.Microsecond))
		}
	}
	return row
}
