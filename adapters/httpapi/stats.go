package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/ports"
)

// interval is a width of buckets and the longest range that it may cut.
type interval struct{ width, longest time.Duration }

const day = 24 * time.Hour

var intervals = map[string]interval{
	"1m": {time.Minute, 2 * day}, "5m": {5 * time.Minute, 7 * day}, "1h": {time.Hour, 31 * day}, "1d": {day, 400 * day},
}

// maxStatsRows is how many rows an answer has at most.
const maxStatsRows = 50_000

type statsInput struct {
	By       []string  `query:"by" maxItems:"3" enum:"type,status,provider,domain,tenant,campaign,egress_source,cause" example:"status,provider" doc:"What the counts are told apart by, with commas between: type (of events, the default) or status (of messages), and up to two of the others."`
	Interval string    `query:"interval" enum:"1m,5m,1h,1d" default:"1h" example:"1d" doc:"The width of a bucket of time. Buckets begin at whole ones of a day of UTC."`
	From     time.Time `query:"from" example:"2026-07-25T00:00:00Z" doc:"Occurred, or for messages accepted, then or later. Not after to, and not longer before it than 2 days with 1m, 7 with 5m, 31 with 1h and 400 with 1d."`
	To       time.Time `query:"to" example:"2026-07-26T00:00:00Z" doc:"Occurred or accepted before then. Where only one of from and to is given, the range is as long as it may be."`
	Latency  bool      `query:"latency" example:"true" doc:"How messages came through instead of how many have which status. Not with type."`
	Tenant   string    `query:"tenant" minLength:"1" maxLength:"1024" example:"acme" doc:"Whose messages they are."`
	Campaign string    `query:"campaign" minLength:"1" maxLength:"1024" example:"spring" doc:"The campaign that they are part of."`
	Provider string    `query:"provider" minLength:"1" maxLength:"1024" example:"google" doc:"Who runs the recipient's mailbox."`
	Domain   string    `query:"domain" minLength:"1" maxLength:"1024" example:"example.org" doc:"The recipient's, in any case."`
}

type statsOutput struct{ Body statistics }

type statistics struct {
	Rows []statsRow `json:"rows" nullable:"false" doc:"In order of bucket, the dimensions as they were asked for, and type or status. Where nothing happened there is none."`
}

// statsQuestion is what a request asks for.
type statsQuestion struct {
	ports.StatsQuery
	ofMessages bool
}

func (in *statsInput) question() (statsQuestion, error) {
	q := statsQuestion{StatsQuery: ports.StatsQuery{
		Width: intervals[in.Interval].width, Tenant: in.Tenant, Campaign: in.Campaign,
		Provider: in.Provider, Domain: in.Domain, Limit: maxStatsRows + 1,
	}, ofMessages: in.Latency || slices.Contains(in.By, "status")}
	if err := in.checkBy(); err != nil {
		return q, err
	}
	for _, word := range in.By {
		if word != "type" && word != "status" {
			q.By = append(q.By, ports.Dimension(word))
		}
	}
	var err error
	q.From, q.To, err = in.span()
	if err == nil && q.From.IsZero() && !in.isPlain(&q) {
		err = badRequest("from is needed, or to, for all but the number of events by type")
	}
	return q, err
}

func (in *statsInput) checkBy() error {
	dimensions := 0
	for i, word := range in.By {
		if slices.Contains(in.By[:i], word) {
			return badRequest("by names " + word + " twice")
		}
		if word != "type" && word != "status" {
			dimensions++
		}
	}
	ofEvents := slices.Contains(in.By, "type")
	switch {
	case dimensions > 2:
		return badRequest("by must name at most two besides type or status")
	case ofEvents && slices.Contains(in.By, "status"):
		return badRequest("by must name type, of events, or status, of messages, not both")
	case ofEvents && in.Latency:
		return badRequest("latency is of messages; leave type out of by")
	}
	return nil
}

// span is the range that is asked for, as long as it may be where one end is
// open.
func (in *statsInput) span() (from, to time.Time, err error) {
	longest := intervals[in.Interval].longest
	from, to = in.From.UTC(), in.To.UTC()
	switch {
	case from.IsZero() && to.IsZero():
	case from.IsZero():
		from = to.Add(-longest)
	case to.IsZero():
		to = from.Add(longest)
	case from.After(to):
		err = badRequest("from must not be after to")
	case to.Sub(from) > longest:
		err = badRequest(fmt.Sprintf("from must be at most %d days before to with interval %s", longest/day, in.Interval))
	}
	return from, to, err
}

// isPlain says whether events by type alone are asked for, which may be of all
// time.
func (in *statsInput) isPlain(q *statsQuestion) bool {
	return !q.ofMessages && len(q.By) == 0 && in.Tenant == "" && in.Campaign == "" && in.Provider == "" && in.Domain == ""
}

// registerStats adds the counts. One record counts once for each of its
// recipients.
func registerStats(api huma.API, stats ports.StatsReader) {
	register(api, huma.Operation{
		OperationID: "getStats", Method: http.MethodGet, Path: "/stats", Tags: []string{"Statistics"},
		Summary: "Count events or messages",
		Description: "Counts events by type in buckets of the time at which they occurred, or messages by status in buckets of " +
			"the time at which they were accepted, and by up to two dimensions. " +
			"A record or message with several recipients counts once for each. With latency, rows have how the messages of a " +
			"bucket came through instead; percentiles are within 1 %. Without from and to, events by type are of all time; everything else needs a range. " +
			fmt.Sprintf("An answer has at most %d rows: more is an error.", maxStatsRows),
	}, exampleStats(), func(ctx context.Context, in *statsInput) (*statsOutput, error) {
		q, err := in.question()
		if err != nil {
			return nil, err
		}
		rows, err := readStats(ctx, stats, in, &q)
		switch {
		case err != nil:
			return nil, err
		case len(rows) > maxStatsRows:
			return nil, badRequest(fmt.Sprintf("the answer would have more than %d rows: bring from and to closer, "+
				"take a wider interval, filter, or leave a dimension out of by", maxStatsRows))
		}
		return &statsOutput{statistics{rows}}, nil
	})
}

func readStats(ctx context.Context, stats ports.StatsReader, in *statsInput, q *statsQuestion) ([]statsRow, error) {
	switch {
	case in.Latency:
		found, err := stats.Latencies(ctx, q.StatsQuery)
		return statsRows(found, func(l *ports.Latency) statsRow { return latencyRow(q.By, l) }), err
	case q.ofMessages:
		found, err := stats.CountMessages(ctx, q.StatsQuery)
		return statsRows(found, func(c *ports.MessageCount) statsRow {
			row := newStatsRow(q.By, c.Bucket, c.Group, c.Count)
			row.Status = c.Status
			return row
		}), err
	}
	found, err := stats.CountEvents(ctx, q.StatsQuery)
	return statsRows(found, func(c *ports.EventCount) statsRow {
		row := newStatsRow(q.By, c.Bucket, c.Group, c.Count)
		row.Type = c.Type.String()
		return row
	}), err
}

func statsRows[T any](found []T, row func(*T) statsRow) []statsRow {
	rows := make([]statsRow, len(found))
	for i := range found {
		rows[i] = row(&found[i])
	}
	return rows
}

func exampleStats() statistics {
	at := time.Date(2026, 7, 25, 17, 0, 0, 0, time.UTC)
	by := []ports.Dimension{ports.ByProvider}
	delivered, bounced := newStatsRow(by, at, ports.Group{"google"}, 1207), newStatsRow(by, at, ports.Group{"google"}, 31)
	delivered.Status, bounced.Status = "delivered", "bounced"
	return statistics{[]statsRow{bounced, delivered}}
}
