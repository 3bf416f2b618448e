package application_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

func TestGroupCloseCommitsWhatWasSubmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{Waiting: 1, Events: 1})
		rest := submit(t.Context(), g, unit(lines(1)))
		waiting := submit(t.Context(), g, unit(lines(2)), unit(lines(3))) // has no place in the queue
		closed := make(chan struct{})
		for range 2 { // twice is as good as once
			go func() {
				g.Close(t.Context())
				closed <- struct{}{}
			}()
		}
		synctest.Wait()
		close(j.gate)
		<-closed
		<-closed
		first.Wait()
		rest.Wait()
		waiting.Wait()
		if err := errors.Join(append(first.errs, rest.errs...)...); err != nil {
			t.Error(err)
		}
		failed := 0
		for _, err := range waiting.errs {
			if errors.Is(err, ports.ErrUnavailable) {
				failed++
			}
		}
		if got := stored(t, j); got+failed != 4 {
			t.Errorf("%d stored and %d told otherwise, want 4 together", got, failed)
		}
		if _, err := g.Commit(t.Context(), unit(lines(9))); !errors.Is(err, ports.ErrUnavailable) || !strings.Contains(err.Error(), "shutting down") {
			t.Errorf("commit after close: %v, want ErrUnavailable", err)
		}
	})
}

func TestGroupCloseGivesUpWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, first := busy(t, application.GroupConfig{Timeout: time.Hour})
		rest := submit(t.Context(), g, unit(lines(1)), unit(lines(2)))
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		g.Close(ctx)
		first.Wait()
		rest.Wait()
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("close took %v, want 3s", waited)
		}
		for _, err := range append(first.errs, rest.errs...) {
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		}
	})
}

// Callers come, leave and are told of failures while the group closes: nobody
// waits for ever, and who is told that it is stored finds it stored.
func TestGroupAnswersEveryoneWhileItCloses(t *testing.T) {
	for range 20 {
		store := memory.NewStore()
		g := application.NewGroup(application.NewCommitter(store, nil), application.GroupConfig{Waiting: 2, Writers: 2})
		var callers sync.WaitGroup
		var mu sync.Mutex
		taken := 0
		for n := range 200 {
			callers.Go(func() {
				ctx, leave := context.WithCancel(t.Context())
				if n%5 == 0 {
					go leave()
				}
				_, err := g.Commit(ctx, unit(lines(n)))
				leave()
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					taken++
				} else if !errors.Is(err, ports.ErrUnavailable) {
					t.Error(err)
				}
			})
		}
		g.Close(t.Context())
		callers.Wait()
		if got := stored(t, store); got != taken {
			t.Fatalf("%d stored, %d were told so", got, taken)
		}
	}
}
