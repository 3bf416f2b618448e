package telemetry_test

import (
	"context"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// answering is a Journal that does nothing: what is left is the cost of
// measuring.
type answering struct{ ports.Committed }

func (a answering) Commit(context.Context, ports.Unit) (ports.Committed, error) {
	return a.Committed, nil
}

// BenchmarkCommit compares a commit of 500 new events on the memory store with
// what measuring it takes.
func BenchmarkCommit(b *testing.B) {
	const size = 500
	b.Run("memory", func(b *testing.B) {
		s, first := memory.NewStore(), 0
		for b.Loop() {
			b.StopTimer()
			u := ports.Unit{Events: events(b, "Delivery", first, size)}
			first += size
			b.StartTimer()
			if _, err := s.Commit(b.Context(), u); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("measuring", func(b *testing.B) {
		s := memory.NewStore()
		failed := events(b, "Bounce", 0, size)
		for i := range failed {
			failed[i].Verdict = domain.Verdict{Cause: domain.CauseRecipient, Permanence: domain.Permanent}
		}
		c, err := s.Commit(b.Context(), ports.Unit{Events: failed})
		if err != nil {
			b.Fatal(err)
		}
		j := telemetry.New(build()).Journal(answering{c})
		for b.Loop() {
			if _, err := j.Commit(b.Context(), ports.Unit{Events: failed}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
