package telemetry

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// lookups are the metrics of the cache.
type lookups struct{ hits, misses prometheus.Counter }

func newLookups(auto promauto.Factory) *lookups {
	byResult := auto.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: "cache_lookups_total", Help: "Lookups of logs by id in the cache, by whether it had the answer.",
	}, []string{"result"})
	return &lookups{hits: byResult.WithLabelValues("hit"), misses: byResult.WithLabelValues("miss")}
}

// lookupCache is a LookupCache whose answers are counted.
type lookupCache struct {
	ports.LookupCache
	to *lookups
}

// Get implements ports.LookupCache.
func (c *lookupCache) Get(ctx context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool) {
	logs, ticket, ok := c.LookupCache.Get(ctx, id)
	if ok {
		c.to.hits.Inc()
	} else {
		c.to.misses.Inc()
	}
	return logs, ticket, ok
}
