package application_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestRelayPublishesFromMemoryAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		start := time.Now()
		events := w.take(1, 2, 3)
		w.checkArrived(events)
		if _, claimed := w.outbox.set(false, 0); time.Since(start) != 0 || claimed != 0 {
			t.Errorf("took %v and claimed %d, want from memory and at once", time.Since(start), claimed)
		}
		w.checkDone()
		if got := w.bus.times(events); !slices.Equal(got, each(1, 3)) {
			t.Errorf("sent %v times, want each once", got)
		}
	})
}

func TestRelayHoldsNothingBeforeItRunsAndAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		idle := application.NewRelay(store, newBus(), silent, application.RelayConfig{})
		if got := idle.Hold(t.Context()); got != 0 {
			t.Errorf("before it runs: hold %v, want 0", got)
		}
		w := startRelayOver(t, store, application.RelayConfig{Hold: 20 * time.Second})
		if got := w.relay.Hold(t.Context()); got != 20*time.Second {
			t.Errorf("while it runs: hold %v, want 20s", got)
		}
		w.stop()
		if got := w.relay.Hold(t.Context()); got != 0 {
			t.Errorf("after it ran: hold %v, want 0", got)
		}
	})
}

func TestRelayAnnouncesWhatCrashLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		var events []domain.EmailEvent
		for n := range 20 { // more than are claimed at once
			u := unit(lines(n))
			u.Hold = time.Duration(n%2) * 15 * time.Second // some were held by the one that crashed
			if _, err := store.Commit(t.Context(), u); err != nil {
				t.Fatal(err)
			}
			events = append(events, u.Events...)
		}
		w := startRelayOver(t, store, application.RelayConfig{})
		if got := len(w.bus.Arrived()); got != 10 {
			t.Errorf("%d events arrived at the start, want the 10 that nobody holds", got)
		}
		time.Sleep(16 * time.Second)
		if got := w.bus.times(events); !slices.Equal(got, each(1, 20)) {
			t.Errorf("sent %v times, want each once", got)
		}
		w.checkDone()
	})
}

func TestRelayFindsWhatOtherProcessesCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{Poll: 3 * time.Second})
		u := unit(lines(1, 2))
		if _, err := w.outbox.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		w.checkArrived(u.Events)
		w.checkDone()
	})
}

func TestRelayKeepsOrderOverOutage(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, 4 * time.Second, 10 * time.Second, 5 * time.Minute} {
		t.Run(outage.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := startRelay(t, application.RelayConfig{})
				events := w.take(1, 2)
				w.bus.set(true, 0)
				for n := range 40 {
					events = append(events, w.take(3+n)...)
					time.Sleep(outage / 40)
				}
				w.bus.set(false, 0)
				events = append(events, w.take(43)...)
				time.Sleep(40 * time.Second)
				events = append(events, w.take(44)...)
				w.checkArrived(events)
				w.checkDone()
			})
		})
	}
}

func TestRelaySendsOnlyWhatWasNotAcknowledgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.bus.Lose(2)
		u := unit(lines(1, 2, 3, 4))
		if _, err := w.commit.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		w.checkArrived(u.Events)
		if got := w.bus.times(u.Events); !slices.Equal(got, []int{2, 2, 1, 1}) {
			t.Errorf("sent %v times at once, want 2 2 1 1", got)
		}
		w.checkDone()
		if got := w.bus.times(u.Events); !slices.Equal(got, []int{2, 2, 1, 1}) {
			t.Errorf("sent %v times, want 2 2 1 1", got)
		}
	})
}

func TestRelayLeavesRefusedEventAndNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.bus.Refuse(messageIs(2))
		u := unit(lines(1, 2, 3))
		if _, err := w.commit.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		after := w.take(4, 5)
		time.Sleep(10 * time.Minute)
		after = append(after, w.take(6)...)
		time.Sleep(2 * time.Second) // the refused one may just have been tried
		if got := w.bus.times(append(u.Events[:1:1], u.Events[2])); !slices.Equal(got, each(1, 2)) {
			t.Errorf("its neighbours were sent %v times, want once", got)
		}
		if got := w.bus.times(after); !slices.Equal(got, each(1, 3)) {
			t.Errorf("later ones were sent %v times, want once", got)
		}
		if got := w.bus.times(u.Events[1:2])[0]; got < 5 || got > 60 {
			t.Errorf("the refused one was tried %d times in 10 minutes, want now and then", got)
		}
		w.bus.Refuse(nil)
		time.Sleep(time.Minute)
		if got := len(w.bus.Arrived()); got != 6 {
			t.Errorf("%d events arrived, want all 6", got)
		}
		w.checkDone()
	})
}

func TestRelayRepeatsDoneAndNotPublishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.outbox.set(false, 6) // for longer than the hold
		events := w.take(1, 2)
		w.checkDone()
		if got := w.bus.times(events); !slices.Equal(got, each(1, 2)) {
			t.Errorf("sent %v times, want each once", got)
		}
	})
}

func TestRelayBacksOffAndComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{Hold: time.Hour, Backoff: 10 * time.Second})
		w.bus.set(true, 0)
		w.take(1)
		time.Sleep(time.Minute)
		const s = time.Second
		want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 10 * s, 10 * s, 10 * s, 10 * s}
		if got := w.bus.gaps(); !slices.Equal(got, want) {
			t.Errorf("waited %v, want %v", got, want)
		}
		w.bus.set(false, 0)
		time.Sleep(10 * time.Second)
		w.bus.set(true, 0)
		w.bus.gaps()
		w.take(2)
		time.Sleep(2 * time.Second)
		if got := w.bus.gaps(); !slices.Equal(got, want[:1]) {
			t.Errorf("waited %v after it was well, want %v", got, want[:1])
		}
	})
}

func TestRelayLeavesStoreAndBusInPeaceWhileOneIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		w.bus.set(true, 0)
		w.take(upTo(50)...)
		w.outbox.set(false, 0)
		time.Sleep(10 * time.Minute)
		claims, _ := w.outbox.set(true, 0)
		if tries := len(w.bus.gaps()); tries > 60 || claims > 120 {
			t.Errorf("%d tries and %d claims in 10 minutes of a bus that is down", tries, claims)
		}
		w.bus.set(false, 0)
		time.Sleep(10 * time.Minute)
		if claims, _ := w.outbox.set(false, 0); claims > 60 {
			t.Errorf("%d claims in 10 minutes of a store that is down", claims)
		}
		w.checkDone()
		if got := len(w.bus.Arrived()); got != 50 {
			t.Errorf("%d events arrived, want 50", got)
		}
	})
}

func TestRelayLeavesAnnouncementPastItsHoldToOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{})
		u := unit(lines(1))
		u.Hold = w.relay.Hold(t.Context())
		until := time.Now().Add(u.Hold)
		c, err := w.outbox.Commit(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(14 * time.Second) // the answer comes late: 1 s is not enough to send and take out
		w.relay.Offer(c.Announcement, until)
		synctest.Wait()
		w.checkArrived(nil)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.checkArrived(u.Events)
		w.checkDone()
		if got := w.bus.times(u.Events); !slices.Equal(got, each(1, 1)) {
			t.Errorf("sent %v times, want once", got)
		}
	})
}

func TestRelayHoldsNothingWhileItsMemoryIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{Bytes: 10_000})
		w.bus.set(false, time.Second)
		events := w.take(1) // is on its way, what follows waits
		for n := 2; w.relay.Hold(t.Context()) > 0; n++ {
			if n > 10 {
				t.Fatal("10,000 bytes hold more than ten events")
			}
			events = append(events, w.take(n)...)
		}
		more := w.take(20, 21, 22)
		time.Sleep(10 * time.Second)
		if w.relay.Hold(t.Context()) == 0 {
			t.Error("holds nothing although it is up to date again")
		}
		w.checkArrived(append(events, more...))
		w.checkDone()
		if _, claimed := w.outbox.set(false, 0); claimed != len(more) {
			t.Errorf("claimed %d, want the %d that memory had no room for", claimed, len(more))
		}
	})
}

// silentBus acknowledges nothing and says nothing.
type silentBus struct{ calls int }

func (b *silentBus) Publish(_ context.Context, events []ports.Announced) ([]bool, error) {
	b.calls++
	return make([]bool, len(events)), nil
}

func TestRelayDoesNotPressBusThatAcknowledgesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, b := memory.NewStore(), &silentBus{}
		if _, err := store.Commit(t.Context(), unit(lines(1))); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		application.NewRelay(store, b, silent, application.RelayConfig{}).Run(ctx, 0)
		if b.calls < 3 || b.calls > 10 {
			t.Errorf("%d calls in a minute, want a few", b.calls)
		}
	})
}
