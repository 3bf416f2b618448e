package application_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
)

func TestRelayPublishesWhatIsLeftWhenItStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.bus.set(false, 100*time.Millisecond)
		events := w.take(1) // is on its way when the relay is stopped
		events = append(events, w.take(2, 3)...)
		u := unit(lines(4, 5)) // of another process
		if _, err := w.outbox.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		events = append(events, u.Events...)
		w.stop()
		w.checkArrived(events)
		w.checkDone()
		if got := w.bus.times(events); !slices.Equal(got, each(1, 5)) {
			t.Errorf("sent %v times, want each once", got)
		}
	})
}

func TestRelayStopsInTimeWhateverTheBusDoes(t *testing.T) {
	for name, disturb := range map[string]func(*bus){
		"frozen": func(b *bus) { b.delay = time.Hour },
		"down":   func(b *bus) { b.down = true },
		"slow":   func(b *bus) { b.delay = 900 * time.Millisecond },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, b := memory.NewStore(), newBus()
				disturb(b)
				relay := application.NewRelay(store, b, silent, application.RelayConfig{})
				for n := range 100 {
					if _, err := store.Commit(t.Context(), unit(lines(n))); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { relay.Run(ctx, 2*time.Second) })
				time.Sleep(time.Second)
				start := time.Now()
				cancel()
				running.Wait()
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("took %v, want at most 2s", took)
				}
			})
		})
	}
}
