package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// requests are the metrics of HTTP.
type requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	bytes    *prometheus.CounterVec
	open     prometheus.Gauge
}

func newRequests(auto promauto.Factory) *requests {
	return &requests{
		total: auto.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_requests_total", Help: "Requests answered, by class of status.",
		}, []string{"route", "method", "status"}),
		duration: auto.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Name: "http_request_duration_seconds",
			Help:    "Time from a request's headers to the end of its answer.",
			Buckets: []float64{.001, .005, .025, .1, .5, 2.5, 10},
		}, []string{"route"}),
		bytes: auto.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Name: "http_response_bytes_total", Help: "Bytes of answers, without headers.",
		}, []string{"route"}),
		open: auto.NewGauge(prometheus.GaugeOpts{
			Namespace: namespace, Name: "http_requests_in_flight", Help: "Requests being answered, streams among them.",
		}),
	}
}

// Observe takes note of a request that is over. route is the pattern that it
// matched, "" for none, and bytes those of the answer's body.
func (m *Metrics) Observe(route, method string, status int, bytes int64, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.total.WithLabelValues(route, knownMethod(method), statusClass(status)).Inc()
	m.requests.duration.WithLabelValues(route).Observe(took.Seconds())
	m.requests.bytes.WithLabelValues(route).Add(float64(max(0, bytes)))
}

// InFlight counts the requests that next is answering.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.requests.open.Inc()
		defer m.requests.open.Dec() // also of one that is cut off
		next.ServeHTTP(w, r)
	})
}

// knownMethod keeps clients from making up labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

func statusClass(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
}
