package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// commits are the metrics of units.
type commits struct {
	events   prometheus.Histogram
	duration prometheus.Histogram
	errors   map[string]prometheus.Counter // by kind
	failures map[failure]prometheus.Counter
}

// failure is what is told of one in labels.
type failure struct {
	cause      domain.Cause
	permanence domain.Permanence
}

func newCommits(auto promauto.Factory) *commits {
	c := &commits{
		events: auto.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_events", Help: "Events of a unit that was committed.",
			Buckets: []float64{1, 10, 50, 200, 500, 1000, 2000},
		}),
		duration: auto.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "commit_duration_seconds", Help: "Time that the store took for a unit, also where it failed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
		errors: map[string]prometheus.Counter{}, failures: map[failure]prometheus.Counter{},
	}
	byKind := auto.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "commit_errors_total",
		Help: "Units that the store did not take: unavailable, refused for their content, overloaded, or other.",
	}, []string{"kind"})
	for _, kind := range []string{"unavailable", "refused", "overloaded", "other"} {
		c.errors[kind] = byKind.WithLabelValues(kind)
	}
	byCause := auto.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "failures_total", Help: "New events that tell of a failure, by its cause and permanence.",
	}, []string{"cause", "permanence"})
	for _, cause := range causes {
		for _, p := range []domain.Permanence{domain.Permanent, domain.Temporary} {
			c.failures[failure{cause, p}] = byCause.WithLabelValues(string(cause), string(p))
		}
	}
	return c
}

var causes = []domain.Cause{
	domain.CauseRecipient, domain.CauseDomain, domain.CauseSender, domain.CauseContent, domain.CauseInfrastructure,
	domain.CauseAdministrative, domain.CauseExpired, domain.CauseComplaint, domain.CauseUnknown,
}

// kindOf names the sentinel that err is.
func kindOf(err error) string {
	switch {
	case errors.Is(err, ports.ErrRefused):
		return "refused"
	case errors.Is(err, ports.ErrUnavailable):
		return "unavailable"
	case errors.Is(err, ports.ErrOverloaded):
		return "overloaded"
	}
	return "other"
}

// journal is a Journal whose commits are measured.
type journal struct {
	next ports.Journal
	to   *commits
}

// Commit implements ports.Journal.
func (j *journal) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	start := time.Now()
	c, err := j.next.Commit(ctx, u)
	j.to.duration.Observe(time.Since(start).Seconds())
	if err != nil {
		j.to.errors[kindOf(err)].Inc()
		return c, err
	}
	j.to.events.Observe(float64(len(u.Events)))
	for i := range c.Announcement.Events {
		j.to.countFailure(&c.Announcement.Events[i].Event.Verdict)
	}
	return c, nil
}

func (c *commits) countFailure(v *domain.Verdict) {
	if v.Cause == "" {
		return
	}
	counter, ok := c.failures[failure{v.Cause, v.Permanence}]
	if !ok { // a word of a later version's
		counter = c.failures[failure{domain.CauseUnknown, domain.Temporary}]
	}
	counter.Inc()
}
