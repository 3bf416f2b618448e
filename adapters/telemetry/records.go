package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

// records counts what was received. The counters are found by type and fate.
type records [][]prometheus.Counter

func newRecords(auto promauto.Factory) *records {
	vec := auto.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "records_total",
		Help: "Records received and durable, by event type and by what became of them: stored, duplicate, expired or quarantined.",
	}, []string{"type", "outcome"})
	all := make(records, len(domain.EventTypes()))
	for _, t := range domain.EventTypes() {
		for _, f := range application.Fates() {
			all[t] = append(all[t], vec.WithLabelValues(t.String(), f.String()))
		}
	}
	return &all
}

// Count implements application.Tally.
func (r *records) Count(t domain.EventType, f application.Fate, n int) {
	(*r)[t][f].Add(float64(n))
}
