package application_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/application"
)

// step is one thing that happens in a history of a stream.
type step struct {
	publish []string // tenants, one a message
	join    *visitor
	pause   time.Duration // afterwards
}

// visitor listens to the end of the history. It hangs up now and then, or is
// dropped, and comes back with the place that it was told.
type visitor struct {
	tenant   string // "" for all
	resume   uint64 // how many messages back it begins, 0 for from now on
	patience []int  // after how many messages it hangs up

	begin uint64
	heard []uint64
	fault error
}

func steps() *rapid.Generator[[]step] {
	tenant := rapid.SampledFrom([]string{"a", "b", "c"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		s := step{pause: time.Duration(rapid.SampledFrom([]int{0, 0, 1, 30, 20_000}).Draw(t, "ms")) * time.Millisecond}
		if rapid.Bool().Draw(t, "publishes") {
			s.publish = rapid.SliceOfN(tenant, 1, 30).Draw(t, "tenants")
			return s
		}
		s.join = &visitor{
			tenant:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "tenant"),
			resume:   rapid.Uint64Range(0, 60).Draw(t, "back"),
			patience: rapid.SliceOfN(rapid.IntRange(1, 20), 0, 4).Draw(t, "patience"),
		}
		return s
	}), 1, 30)
}

// visit listens until the stream stops.
func (v *visitor) visit(s *streamed, resume *uint64) {
	begun := false
	for {
		n, place := 0, uint64(0)
		err := s.Listen(context.Background(), application.StreamFilter{Tenant: v.tenant}, resume, func(h application.Heard) error {
			if !begun {
				begun, v.begin = true, h.Sequence
			}
			if h.Reset {
				v.fault = errors.New("reset without a reason")
			}
			place = h.Sequence
			for _, m := range h.Messages {
				v.heard = append(v.heard, m.Sequence)
			}
			n += len(h.Messages)
			if len(v.patience) > 0 && n >= v.patience[0] {
				v.patience = v.patience[1:]
				return errHungUp
			}
			return nil
		})
		switch {
		case errors.Is(err, application.ErrStopping):
			return
		case !errors.Is(err, errHungUp) && !errors.Is(err, application.ErrTooSlow):
			v.fault = err
			return
		}
		resume = &place
	}
}

// Whatever the order of publishing, joining, hanging up and coming back, each
// listener hears each message that it wants after its beginning, once and in
// order.
func TestListenersHearEachMessageOnceInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		history := steps().Draw(rt, "history")
		config := application.StreamConfig{
			Messages: rapid.IntRange(1, 40).Draw(rt, "memory"), Readers: rapid.IntRange(1, 3).Draw(rt, "readers"),
			Linger: time.Second,
		}
		var visitors []*visitor
		var published []string
		synctest.Test(t, func(t *testing.T) {
			s := newStreamed(t, config)
			var all sync.WaitGroup
			for _, step := range history {
				s.publish(step.publish...)
				published = append(published, step.publish...)
				if v := step.join; v != nil {
					var resume *uint64
					if last := uint64(len(published)); v.resume > 0 {
						resume = new(last - min(last, v.resume))
					}
					visitors = append(visitors, v)
					all.Go(func() { v.visit(s, resume) })
				}
				if step.pause > 0 {
					pass(step.pause)
				}
			}
			pass(10 * time.Minute)
			s.close()
			all.Wait()
		})
		for i, v := range visitors {
			var want []uint64
			for n, tenant := range published {
				if sequence := uint64(n + 1); sequence > v.begin && (v.tenant == "" || v.tenant == tenant) {
					want = append(want, sequence)
				}
			}
			if v.fault != nil || !slices.Equal(want, v.heard) {
				rt.Fatalf("listener %d from %d: heard %v, want %v, error %v", i, v.begin, v.heard, want, v.fault)
			}
		}
	})
}
