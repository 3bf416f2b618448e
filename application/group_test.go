package application_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// answers are what callers of a group got, each in its place.
type answers struct {
	sync.WaitGroup
	outcomes []application.Outcome
	errs     []error
}

// submit commits units at once, in their order in the group's queue.
func submit(ctx context.Context, g *application.Group, units ...ports.Unit) *answers {
	a := &answers{outcomes: make([]application.Outcome, len(units)), errs: make([]error, len(units))}
	for i, u := range units {
		a.Go(func() { a.outcomes[i], a.errs[i] = g.Commit(ctx, u) })
		synctest.Wait()
	}
	return a
}

// busy returns a group whose only writer is held up by a first commit, that of
// message 0, until the journal's gate is closed.
func busy(t *testing.T, config application.GroupConfig) (*journal, *application.Group, *answers) {
	j := &journal{Store: memory.NewStore(), gate: make(chan struct{})}
	g := application.NewGroup(application.NewCommitter(j, nil), config)
	return j, g, submit(t.Context(), g, unit(lines(0)))
}

func TestGroupCommitsAtOnceWhenAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		j := &journal{Store: memory.NewStore()}
		g := application.NewGroup(application.NewCommitter(j, nil), application.GroupConfig{})
		defer g.Close(t.Context())
		for n := range 3 {
			if _, err := g.Commit(t.Context(), unit(lines(n))); err != nil {
				t.Error(err)
			}
		}
		if got := j.sizes(); !slices.Equal(got, []int{1, 1, 1}) || time.Since(start) != 0 {
			t.Errorf("units of %v after %v, want three at once", got, time.Since(start))
		}
	})
}

func TestGroupMakesOneUnitOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{})
		defer g.Close(t.Context())
		rest := submit(t.Context(), g,
			unit(lines(1, 2)), unit(lines(0, 3)), unit("{"), ports.Unit{}, unit(lines(3), "x", lines(4)))
		close(j.gate)
		first.Wait()
		rest.Wait()
		if err := errors.Join(rest.errs...); err != nil {
			t.Fatal(err)
		}
		want := []application.Outcome{
			{New: []bool{true, true}}, {New: []bool{false, true}}, {New: []bool{}}, {New: []bool{}}, {New: []bool{false, true}},
		}
		if diff := cmp.Diff(want, rest.outcomes); diff != "" {
			t.Error(diff)
		}
		if got := j.sizes(); !slices.Equal(got, []int{1, 6}) || len(quarantined(t, j)) != 2 {
			t.Errorf("units of %v events, want 1 and 6; %d of 2 rejects", got, len(quarantined(t, j)))
		}
	})
}

func TestGroupUnitStopsGrowing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{Events: 4})
		defer g.Close(t.Context())
		many := ports.Unit{Rejects: make([]domain.Reject, 4)}
		rest := submit(t.Context(), g, unit(lines(1, 2, 3)), unit(lines(4, 5)), unit(lines(6)), many, unit(lines(7)))
		close(j.gate)
		first.Wait()
		rest.Wait()
		if got := j.sizes(); !slices.Equal(got, []int{1, 5, 1, 1}) {
			t.Errorf("units of %v events, want 1, 5, 1 with 4 rejects, and 1", got)
		}
	})
}

func TestGroupDropsUnitOfCallerWhoLeftQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{})
		defer g.Close(t.Context())
		ctx, leave := context.WithCancel(t.Context())
		left := submit(ctx, g, unit(lines(1)))
		stays := submit(t.Context(), g, unit(lines(2)))
		leave()
		left.Wait() // while the journal is held up still
		close(j.gate)
		first.Wait()
		stays.Wait()
		if err := left.errs[0]; !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want ErrUnavailable and the context's", err)
		}
		if got := stored(t, j); got != 2 || stays.errs[0] != nil {
			t.Errorf("%d events stored, want those of the two who stayed; %v", got, stays.errs[0])
		}
		if _, err := g.Commit(ctx, unit(lines(3))); !errors.Is(err, context.Canceled) || stored(t, j) != 2 {
			t.Errorf("commit of one who left before: %v", err)
		}
	})
}

func TestGroupWaitsForCommitOfCallerWhoLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{Store: memory.NewStore(), gate: make(chan struct{})}
		g := application.NewGroup(application.NewCommitter(j, nil), application.GroupConfig{})
		defer g.Close(t.Context())
		ctx, leave := context.WithCancel(t.Context())
		a := submit(ctx, g, unit(lines(1)))
		leave()
		synctest.Wait()
		close(j.gate)
		a.Wait()
		if a.errs[0] != nil || !slices.Equal(a.outcomes[0].New, []bool{true}) {
			t.Errorf("got %v, %v; want the commit's outcome", a.outcomes[0], a.errs[0])
		}
	})
}

func TestGroupKeepsRefusedRecordToItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{})
		defer g.Close(t.Context())
		j.Refuse(messageIs(3))
		rest := submit(t.Context(), g, unit(lines(1)), unit(lines(2, 3)), unit(lines(4)))
		close(j.gate)
		first.Wait()
		rest.Wait()
		for i, want := range []application.Outcome{
			{New: []bool{true}},
			{New: []bool{true, false}, Refused: map[int]string{1: "the store refuses it: commit 1 events: event 0: refused"}},
			{New: []bool{true}},
		} {
			if diff := cmp.Diff(want, rest.outcomes[i]); diff != "" || rest.errs[i] != nil {
				t.Error(diff, rest.errs[i])
			}
		}
	})
}

func TestGroupFailureIsEveryCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{})
		defer g.Close(t.Context())
		rest := submit(t.Context(), g, unit(lines(1)), unit(lines(2)))
		j.gate <- struct{}{}
		first.Wait()
		j.FailNext(ports.ErrUnavailable)
		close(j.gate)
		rest.Wait()
		for i, err := range rest.errs {
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("caller %d: %v, want ErrUnavailable", i, err)
			}
		}
	})
}

func TestGroupKeepsRejectThatNobodyTakesToItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g, first := busy(t, application.GroupConfig{})
		defer g.Close(t.Context())
		j.refuseRejects = true
		rest := submit(t.Context(), g, unit(lines(1)), unit("{"), unit(lines(2)))
		close(j.gate)
		first.Wait()
		rest.Wait()
		if rest.errs[0] != nil || !errors.Is(rest.errs[1], ports.ErrUnavailable) || rest.errs[2] != nil {
			t.Errorf("got %v, want only the second to fail", rest.errs)
		}
	})
}

func TestGroupFreesCallersFromFrozenStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, first := busy(t, application.GroupConfig{Timeout: 7 * time.Second})
		defer g.Close(t.Context())
		start := time.Now()
		rest := submit(t.Context(), g, unit(lines(1)))
		first.Wait()
		rest.Wait()
		for _, err := range append(first.errs, rest.errs...) {
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("got %v, want ErrUnavailable", err)
			}
		}
		if waited := time.Since(start); waited != 14*time.Second {
			t.Errorf("two commits took %v, want 14s", waited)
		}
	})
}

func TestGroupCommitsSeveralUnitsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{Store: memory.NewStore(), gate: make(chan struct{})}
		g := application.NewGroup(application.NewCommitter(j, nil), application.GroupConfig{Writers: 3})
		defer g.Close(t.Context())
		a := submit(t.Context(), g, unit(lines(1)), unit(lines(2)), unit(lines(3)), unit(lines(4)), unit(lines(5)))
		if got := j.sizes(); !slices.Equal(got, []int{1, 1, 1}) {
			t.Errorf("units of %v under way, want three", got)
		}
		close(j.gate)
		a.Wait()
		if err := errors.Join(a.errs...); err != nil || stored(t, j) != 5 {
			t.Errorf("%d stored, %v", stored(t, j), err)
		}
	})
}
