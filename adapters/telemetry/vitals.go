package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/kumotrail/kumotrail/ports"
)

const (
	// vitalsTimeout is below the ten seconds that Prometheus waits.
	vitalsTimeout = 2 * time.Second
	// vitalsAge is how long what was read is good, so that who asks all the time
	// does not load the store, nor one that fails.
	vitalsAge = 5 * time.Second
)

// reading is one figure of the vitals. value is false where it is not known.
type reading struct {
	desc  *prometheus.Desc
	value func(v *ports.Vitals, now time.Time) (float64, bool)
}

var storeUp = describe("store_up", "1 if the store answered when it was last asked for the figures below, else 0 and they are missing.")

// readings are the figures of a store that answers.
var readings = []reading{
	{describe("outbox_announcements", "Units of events that wait to be announced, or to be taken out of the outbox."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Announcements), true }},
	{describe("outbox_events", "Events of those units."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Announced), true }},
	{describe("outbox_oldest_age_seconds", "Time since the oldest of those units was received, 0 without any."),
		func(v *ports.Vitals, now time.Time) (float64, bool) {
			return age(v.OldestAnnounced, v.Announcements, now)
		}},
	{describe("rollup_backlog", "Notes of what changed that the sums behind the statistics, and the lists of logs, do not have yet."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Unsummed), true }},
	{describe("rollup_backlog_age_seconds", "Time since the oldest of those notes was made, 0 without any."),
		func(v *ports.Vitals, now time.Time) (float64, bool) { return age(v.OldestUnsummed, v.Unsummed, now) }},
	{describe("quarantine_entries", "Records in quarantine."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Quarantined), true }},
	{describe("oldest_day_timestamp_seconds", "Start of the UTC day of the oldest event, by the time in its id."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return timestamp(v.OldestDay) }},
	{describe("newest_day_timestamp_seconds", "Start of the UTC day of the newest event, by the time in its id."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return timestamp(v.NewestDay) }},
	{describe("partitions", "Days that events have a partition for. PostgreSQL only."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Partitions), v.Partitions > 0 }},
	{describe("last_partition_timestamp_seconds", "Start of the last of those days, some of which are made ahead. PostgreSQL only."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return timestamp(v.LastPartition) }},
	{describe("store_bytes", "What the store takes on disk."),
		func(v *ports.Vitals, _ time.Time) (float64, bool) { return float64(v.Bytes), v.Bytes > 0 }},
}

func describe(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(namespace, "", name), help, nil, nil)
}

// age is not known where the time of the oldest is not: the events of an
// announcement may be gone, and of old notes nobody knows when they were made.
func age(oldest time.Time, waiting int64, now time.Time) (float64, bool) {
	if oldest.IsZero() {
		return 0, waiting == 0
	}
	return max(0, now.Sub(oldest).Seconds()), true
}

func timestamp(t time.Time) (float64, bool) { return float64(t.Unix()), !t.IsZero() }

// vitals is a prometheus.Collector of what a store says of itself. It keeps no
// goroutine: who asks reads, and others who ask meanwhile wait for the same.
type vitals struct {
	reader ports.VitalsReader

	mu     sync.Mutex
	last   ports.Vitals
	err    error
	readAt time.Time
}

func newVitals(r ports.VitalsReader) *vitals { return &vitals{reader: r} }

// Describe implements prometheus.Collector.
func (v *vitals) Describe(to chan<- *prometheus.Desc) {
	to <- storeUp
	for _, r := range readings {
		to <- r.desc
	}
}

// Collect implements prometheus.Collector.
func (v *vitals) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	read, err := v.read()
	if err != nil {
		gauge(storeUp, 0)
		return
	}
	gauge(storeUp, 1)
	now := time.Now()
	for _, r := range readings {
		if value, known := r.value(&read, now); known {
			gauge(r.desc, value)
		}
	}
}

func (v *vitals) read() (ports.Vitals, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.readAt.IsZero() || time.Since(v.readAt) >= vitalsAge {
		ctx, cancel := context.WithTimeout(context.Background(), vitalsTimeout)
		defer cancel()
		v.last, v.err = v.reader.Vitals(ctx)
		v.readAt = time.Now()
	}
	return v.last, v.err
}
