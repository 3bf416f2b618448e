package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/kumotrail/kumotrail/ports"
)

var intervals = map[string]time.Duration{
	"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour,
}

type statsInput struct {
	By       string    `query:"by" enum:"type" default:"type" example:"type" doc:"What the counts are told apart by."`
	Interval string    `query:"interval" enum:"1m,5m,1h,1d" default:"1h" example:"1d" doc:"The width of a bucket of time. Buckets begin at whole ones of a day of UTC."`
	From     time.Time `query:"from" example:"2026-07-25T00:00:00Z" doc:"Occurred then or later. Not after to."`
	To       time.Time `query:"to" example:"2026-07-26T00:00:00Z" doc:"Occurred before then."`
}

type statsOutput struct{ Body statistics }

type statistics struct {
	Rows []statsRow `json:"rows" doc:"In order of bucket and type. Where nothing happened there is none."`
}

// statsRow is the number of events of one type that occurred within a bucket.
type statsRow struct {
	Bucket string `json:"bucket" format:"date-time" doc:"When the bucket begins."`
	Type   string `json:"type" doc:"The type of the events."`
	Count  int64  `json:"count" minimum:"0" doc:"How many there were."`
}

// registerStats adds the counts of events by type and time. One record counts
// once for each of its recipients.
func registerStats(api huma.API, logs ports.LogReader) {
	register(api, huma.Operation{
		OperationID: "countEvents", Method: http.MethodGet, Path: "/stats", Tags: []string{"Statistics"},
		Summary: "Count events",
		Description: "Counts events by type in buckets of the time at which they occurred. " +
			"A record that names several recipients counts once for each.",
	}, statistics{[]statsRow{
		{"2026-07-25T17:00:00Z", "delivery", 1207}, {"2026-07-25T17:00:00Z", "transient_failure", 31},
	}}, func(ctx context.Context, in *statsInput) (*statsOutput, error) {
		if err := checkRange(in.From, in.To); err != nil {
			return nil, err
		}
		counts, err := logs.CountEvents(ctx, in.From.UTC(), in.To.UTC(), intervals[in.Interval])
		if err != nil {
			return nil, err
		}
		rows := make([]statsRow, len(counts))
		for i, n := range counts {
			rows[i] = statsRow{n.Bucket.Format(time.RFC3339), n.Type.String(), n.Count}
		}
		return &statsOutput{statistics{rows}}, nil
	})
}
