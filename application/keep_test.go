package application_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

func TestKeepTakesWholeDays(t *testing.T) {
	midnight := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at   time.Time
		keep application.Keep
		want bool
	}{
		{midnight.AddDate(0, 0, -7), 7, true},
		{midnight.AddDate(0, 0, -7).Add(-time.Millisecond), 7, false},
		{midnight.AddDate(0, 0, -1000), 0, true},
		{noon.AddDate(1, 0, 0), 7, true},           // a clock that is ahead
		{time.Unix(0, 0).UTC(), 7, true},           // has no day
		{midnight.AddDate(0, 0, -100), 100, true},  // over ends of months
		{midnight.AddDate(0, 0, -101), 100, false}, // the day before
	} {
		store := memory.NewStore()
		in := application.NewIngest(decoder, application.NewCommitter(store, nil), c.keep, func() time.Time { return noon })
		got, err := in.Ingest(t.Context(), lineAt(c.at, "Delivery", 1, "a@example.com", "b@example.com"))
		if err != nil || (got.Stored == 1) != c.want || got.Stored+got.Expired != 1 || (stored(t, store) == 2) != c.want {
			t.Errorf("event of %v kept for %d days: %+v, %v; want stored %t", c.at, c.keep, got, err, c.want)
		}
	}
}

func TestKeepLetsNothingBackThatWasPruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon))
		store := memory.NewStore()
		in := application.NewIngest(decoder, application.NewCommitter(store, nil), 7, time.Now)
		body := lines(1, 2, 3)
		if _, err := in.Ingest(t.Context(), body); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { application.NewRetention(store, 7, silent).Run(ctx) })
		time.Sleep(7*24*time.Hour + 11*time.Hour + 59*time.Minute) // the last minute of the last day
		synctest.Wait()
		if got := stored(t, store); got != 3 {
			t.Errorf("%d events left on their last day, want 3", got)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := stored(t, store); got != 0 {
			t.Errorf("%d events left afterwards, want none", got)
		}
		if logs := countLogs(t, store); logs != 3 {
			t.Errorf("%d logs left with their events gone, want 3", logs)
		}
		got, err := in.Ingest(t.Context(), body)
		if err != nil || got.Expired != 3 || stored(t, store) != 0 {
			t.Errorf("resent: %+v, %v; want 3 expired", got, err)
		}
		time.Sleep(40 * 24 * time.Hour)
		synctest.Wait()
		if logs := countLogs(t, store); logs != 0 {
			t.Errorf("%d logs left 40 days later, want none", logs)
		}
		cancel()
		running.Wait()
	})
}

func countLogs(t *testing.T, store ports.LogReader) int {
	t.Helper()
	n := 0
	for _, err := range store.Logs(t.Context(), ports.LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// pruner notes what it is asked and always fails.
type pruner struct{ events, logs []time.Time }

func (p *pruner) Prune(_ context.Context, events, logs time.Time) (int64, error) {
	p.events, p.logs = append(p.events, events), append(p.logs, logs)
	return 0, fmt.Errorf("prune: %w", ports.ErrUnavailable)
}

func TestRetentionTriesAgainEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(noon)) // of 1 March 2026
		p := &pruner{}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Hour+time.Minute)
		defer cancel()
		application.NewRetention(p, 90, silent).Run(ctx)
		day := func(month time.Month, n int) time.Time { return time.Date(2025, month, n, 0, 0, 0, 0, time.UTC) }
		events := append(slices.Repeat([]time.Time{day(12, 1)}, 12), day(12, 2))
		logs := append(slices.Repeat([]time.Time{day(10, 22)}, 12), day(10, 23))
		if !slices.Equal(p.events, events) || !slices.Equal(p.logs, logs) {
			t.Errorf("events before %v\nlogs before %v", p.events, p.logs)
		}
	})
}

func TestRetentionOfEverythingPrunesNothing(t *testing.T) {
	p := &pruner{}
	application.NewRetention(p, 0, silent).Run(t.Context()) // returns at once
	if len(p.events) > 0 {
		t.Errorf("pruned before %v", p.events)
	}
}
