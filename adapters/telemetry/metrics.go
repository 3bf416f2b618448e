package telemetry

import (
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

const namespace = "kumotrail"

// Build says which program is running.
type Build struct{ Version, Commit string }

// Metrics are those of one service. Safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *requests
	records  *records
	commits  *commits
	bus      *bus
	lookups  *lookups
}

// New returns metrics that are all zero, and those of the Go runtime and of the
// process.
func New(b Build) *Metrics {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	auto := promauto.With(registry)
	auto.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "Always 1; its labels say which program is running.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "goversion": runtime.Version()},
	}).Set(1)
	return &Metrics{
		registry: registry, requests: newRequests(auto), records: newRecords(auto), commits: newCommits(auto),
		bus: newBus(auto), lookups: newLookups(auto),
	}
}

// scrapes is how many may be answered at once: there are one or two servers that
// ask, and each answer takes memory.
const scrapes = 3

// Handler answers with all metrics in Prometheus's text format, uncompressed. Of
// what cannot be read the rest is answered.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes, DisableCompression: true,
	})
}

// Journal measures the commits of next.
func (m *Metrics) Journal(next ports.Journal) ports.Journal { return &journal{next, m.commits} }

// Publisher measures what next publishes.
func (m *Metrics) Publisher(next ports.Publisher) ports.Publisher { return &publisher{next, m.bus} }

// LookupCache counts what next finds.
func (m *Metrics) LookupCache(next ports.LookupCache) ports.LookupCache {
	return &lookupCache{next, m.lookups}
}

// Tally counts records.
func (m *Metrics) Tally() application.Tally { return m.records }

// WatchBudget shows how much of b is taken. It is to be called once.
func (m *Metrics) WatchBudget(b *application.Budget) {
	auto := promauto.With(m.registry)
	auto.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: namespace, Name: "body_bytes", Help: "Bytes of request bodies held or reserved, of MAX_INFLIGHT_BYTES.",
	}, func() float64 { return float64(b.Taken()) })
	auto.NewCounterFunc(prometheus.CounterOpts{
		Namespace: namespace, Name: "overloads_total",
		Help: "Request bodies refused because MAX_INFLIGHT_BYTES were taken.",
	}, func() float64 { return float64(b.Refused()) })
}

// WatchStore shows the vitals of a store. They are read when they are asked for,
// and at most every few seconds. It is to be called once.
func (m *Metrics) WatchStore(r ports.VitalsReader) { m.registry.MustRegister(newVitals(r)) }
