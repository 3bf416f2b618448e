package telemetry_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/ports"
)

func goVersion() string { return runtime.Version() }

// patient is a store that says what it is told to say, and counts who asks.
type patient struct {
	asked atomic.Int64
	read  func(ctx context.Context) (ports.Vitals, error)
}

func (p *patient) Vitals(ctx context.Context) (ports.Vitals, error) {
	p.asked.Add(1)
	return p.read(ctx)
}

// healthy is since when a store's oldest announcement waits.
func healthy(since time.Time) ports.Vitals {
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	return ports.Vitals{
		Announcements: 2, Announced: 700, OldestAnnounced: since, Quarantined: 3, OldestDay: day,
		Unsummed: 5, OldestUnsummed: since.Add(50 * time.Second),
		NewestDay: day.AddDate(0, 0, 9), Partitions: 17, LastPartition: day.AddDate(0, 0, 16), Bytes: 1 << 20,
	}
}

func TestVitalsAreReadEveryFewSecondsAndAgeMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := healthy(time.Now())
		store := &patient{read: func(context.Context) (ports.Vitals, error) { return v, nil }}
		m := telemetry.New(build())
		m.WatchStore(store)
		time.Sleep(time.Minute)
		day := float64(v.OldestDay.Unix())
		expect(t, m, map[string]float64{
			"kumotrail_store_up": 1, "kumotrail_outbox_announcements": 2, "kumotrail_outbox_events": 700,
			"kumotrail_outbox_oldest_age_seconds": 60, "kumotrail_quarantine_entries": 3,
			"kumotrail_oldest_day_timestamp_seconds": day, "kumotrail_newest_day_timestamp_seconds": day + 9*86400,
			"kumotrail_partitions": 17, "kumotrail_last_partition_timestamp_seconds": day + 16*86400,
			"kumotrail_store_bytes": 1 << 20, "kumotrail_rollup_backlog": 5, "kumotrail_rollup_backlog_age_seconds": 10,
		})
		v.Quarantined = 4
		time.Sleep(4 * time.Second)
		expect(t, m, map[string]float64{"kumotrail_quarantine_entries": 3, "kumotrail_outbox_oldest_age_seconds": 64})
		time.Sleep(time.Second)
		expect(t, m, map[string]float64{"kumotrail_quarantine_entries": 4, "kumotrail_outbox_oldest_age_seconds": 65})
		if n := store.asked.Load(); n != 2 {
			t.Errorf("the store was asked %d times, want twice", n)
		}
	})
}

func TestVitalsThatAreNotKnownAreLeftOut(t *testing.T) {
	for name, c := range map[string]struct {
		vitals ports.Vitals
		there  []string
	}{
		"empty": {ports.Vitals{}, []string{"store_up", "outbox_announcements", "outbox_events", "outbox_oldest_age_seconds", "quarantine_entries",
			"rollup_backlog", "rollup_backlog_age_seconds"}},
		"events gone":     {ports.Vitals{Announcements: 1}, []string{"store_up", "outbox_announcements", "outbox_events", "quarantine_entries"}},
		"notes of before": {ports.Vitals{Unsummed: 1}, []string{"rollup_backlog", "outbox_oldest_age_seconds"}},
		"on the clock":    {ports.Vitals{Announcements: 1, OldestAnnounced: time.Now().Add(time.Hour), Bytes: 1}, []string{"outbox_oldest_age_seconds", "store_bytes"}},
	} {
		m := telemetry.New(build())
		m.WatchStore(&patient{read: func(context.Context) (ports.Vitals, error) { return c.vitals, nil }})
		got := scrape(t, m)
		for _, n := range c.there {
			if value, ok := got["kumotrail_"+n]; !ok || value < 0 {
				t.Errorf("%s: %s is %v (there: %t)", name, n, value, ok)
			}
		}
		for _, n := range []string{"partitions", "oldest_day_timestamp_seconds", "last_partition_timestamp_seconds"} {
			if _, ok := got["kumotrail_"+n]; ok {
				t.Errorf("%s: %s is there, though not known", name, n)
			}
		}
		if _, ok := got["kumotrail_outbox_oldest_age_seconds"]; ok && name == "events gone" {
			t.Error("an age is told that nobody knows")
		}
		if _, ok := got["kumotrail_rollup_backlog_age_seconds"]; ok && name == "notes of before" {
			t.Error("an age of notes is told that nobody knows")
		}
	}
}

func TestStoreThatFailsIsDownAndAllElseIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failing atomic.Bool
		failing.Store(true)
		store := &patient{read: func(context.Context) (ports.Vitals, error) {
			if failing.Load() {
				return healthy(time.Now()), errors.New("down")
			}
			return healthy(time.Now()), nil
		}}
		m := telemetry.New(build())
		m.WatchStore(store)
		got := scrape(t, m)
		if up, ok := got["kumotrail_store_up"]; !ok || up != 0 {
			t.Errorf("store_up is %v (there: %t), want 0", up, ok)
		}
		for name := range got {
			if strings.HasPrefix(name, "kumotrail_outbox") || strings.HasPrefix(name, "kumotrail_quarantine") {
				t.Errorf("%s of a store that does not answer", name)
			}
		}
		if _, ok := got["go_goroutines"]; !ok {
			t.Error("the Go runtime's metrics are missing")
		}
		failing.Store(false)
		expect(t, m, map[string]float64{"kumotrail_store_up": 0})
		time.Sleep(5 * time.Second)
		expect(t, m, map[string]float64{"kumotrail_store_up": 1})
	})
}

func TestStoreThatHangsIsGivenUpAndAskedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &patient{read: func(ctx context.Context) (ports.Vitals, error) {
			<-ctx.Done()
			return ports.Vitals{}, ctx.Err()
		}}
		m := telemetry.New(build())
		m.WatchStore(store)
		start := time.Now()
		for range 3 { // the first waits for the store, the others know
			expect(t, m, map[string]float64{"kumotrail_store_up": 0})
		}
		if took := time.Since(start); took != 2*time.Second || store.asked.Load() != 1 {
			t.Errorf("three scrapes took %v and asked %d times, want 2s and once", took, store.asked.Load())
		}
	})
}
