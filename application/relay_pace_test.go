package application_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

func TestCommitsWaitForRoomWhileTheBusTakesEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{Bytes: 2_000, Patience: time.Second})
		w.bus.set(false, 100*time.Millisecond)
		var events []domain.EmailEvent
		for n := range 50 {
			events = append(events, w.take(n)...)
		}
		time.Sleep(time.Minute)
		w.checkArrived(events)
		w.checkDone()
		if _, claimed := w.outbox.set(false, 0); claimed != 0 {
			t.Errorf("%d announcements went round by the outbox", claimed)
		}
	})
}

func TestCommitsWaitNoLongerThanTheirPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := startRelay(t, application.RelayConfig{Bytes: 1, Patience: time.Second})
		w.bus.set(false, time.Hour)
		w.take(1) // is on its way
		w.take(2) // fills the memory
		start := time.Now()
		w.take(3)
		w.take(4)
		if took := time.Since(start); took != time.Second {
			t.Errorf("two commits waited %v for a bus that hangs, want once 1s", took)
		}
	})
}

func TestBacklogIsWorkedOffInHalfOfTheTimeWhileCommitsCome(t *testing.T) {
	for name, c := range map[string]struct {
		busy          bool
		least, latest time.Duration
	}{
		"commits come":       {true, 15 * time.Second, 17 * time.Second},
		"nothing else to do": {false, 8 * time.Second, 11 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := startRelay(t, application.RelayConfig{})
				w.bus.set(true, 0)
				var events []domain.EmailEvent
				for n := range 64 { // eight claims
					events = append(events, w.take(n)...)
				}
				time.Sleep(30 * time.Second)
				w.bus.set(false, time.Second)
				start := time.Now()
				for n := 100; len(w.bus.Arrived()) < len(events); n++ {
					if c.busy {
						w.take(n)
					}
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(start).Round(time.Second); took < c.least || took > c.latest {
					t.Errorf("took %v, want %v to %v", took, c.least, c.latest)
				}
			})
		})
	}
}
