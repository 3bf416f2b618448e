package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/kumotrail/kumotrail/ports"
)

// bus are the metrics of announcing.
type bus struct {
	lag                           prometheus.Histogram
	acknowledged, refused, failed prometheus.Counter
}

func newBus(auto promauto.Factory) *bus {
	byOutcome := auto.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "announced_events_total",
		Help: "Events sent to the bus: acknowledged, refused for good, or failed and sent again later.",
	}, []string{"outcome"})
	return &bus{
		lag: auto.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "announcement_lag_seconds",
			Help:    "Time from an event's reception to the acknowledgement of its announcement.",
			Buckets: []float64{.005, .025, .1, .5, 2, 10, 60, 600, 3600},
		}),
		acknowledged: byOutcome.WithLabelValues("acknowledged"),
		refused:      byOutcome.WithLabelValues("refused"),
		failed:       byOutcome.WithLabelValues("failed"),
	}
}

// publisher is a Publisher whose acknowledgements are measured.
type publisher struct {
	next ports.Publisher
	to   *bus
}

// Publish implements ports.Publisher.
func (p *publisher) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	acked, err := p.next.Publish(ctx, events)
	now, n := time.Now(), 0
	for i, ok := range acked {
		if ok {
			p.to.lag.Observe(max(0, now.Sub(events[i].Since()).Seconds()))
			n++
		}
	}
	p.to.acknowledged.Add(float64(n))
	unacked := p.to.failed
	if errors.Is(err, ports.ErrRefused) && !errors.Is(err, ports.ErrUnavailable) {
		unacked = p.to.refused
	}
	unacked.Add(float64(len(events) - n))
	return acked, err
}
