package application_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

func TestBudgetTakesUpToItsLimit(t *testing.T) {
	b := application.NewBudget(10)
	for _, step := range []struct {
		take int64
		ok   bool
	}{{7, true}, {4, false}, {3, true}, {1, false}, {0, true}} {
		err := b.Take(step.take)
		if step.ok != (err == nil) || err != nil && !errors.Is(err, ports.ErrOverloaded) {
			t.Errorf("take %d: %v, want success %t", step.take, err, step.ok)
		}
	}
	if b.Taken() != 10 || b.Refused() != 2 {
		t.Errorf("%d taken, refused %d times; want 10 and 2", b.Taken(), b.Refused())
	}
	b.Give(10)
	if err := b.Take(10); err != nil {
		t.Errorf("take all that was given back: %v", err)
	}
}

func TestBudgetRefusesNothingThatFitsWhileOthersAskTooMuch(t *testing.T) {
	b := application.NewBudget(10)
	var greedy sync.WaitGroup
	var stop atomic.Bool
	for range 4 {
		greedy.Go(func() {
			for !stop.Load() {
				if b.Take(100) == nil {
					t.Error("took 100 of 10")
					return
				}
			}
		})
	}
	for range 10_000 {
		if err := b.Take(10); err != nil {
			t.Error(err)
			break
		}
		b.Give(10)
	}
	stop.Store(true)
	greedy.Wait()
}
