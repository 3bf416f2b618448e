//go:build !embedded

package policy_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/test/kumod"
)

// spool plays KumoMTA's queue of a hook: what is not delivered is there again,
// in other company.
type spool struct {
	waiting, done, lost []string
}

func (s *spool) deliver(d *kumod.Delivering, random func(n int) int, most int) kumod.Outcome {
	for i := len(s.waiting) - 1; i > 0; i-- {
		j := random(i + 1)
		s.waiting[i], s.waiting[j] = s.waiting[j], s.waiting[i]
	}
	n := min(most, len(s.waiting))
	batch := slices.Clone(s.waiting[:n])
	outcome := d.SendRecords(batch)
	switch outcome.Disposition() {
	case kumod.Delivery:
		s.waiting, s.done = s.waiting[n:], append(s.done, batch...)
	case kumod.Bounce:
		s.waiting, s.lost = s.waiting[n:], append(s.lost, batch...)
	case kumod.TransientFailure:
	}
	return outcome
}

func TestNoEventIsLostWhateverTheReceiverAnswers(t *testing.T) {
	bad := []kumod.Response{
		problem(401), problem(403), problem(404), problem(429), problem(500), problem(503), problem(413), kumod.Refused,
		{Error: "operation timed out"}, {Status: 200}, {Status: 302}, {Status: 200, Odd: "nil"}, {Status: 200, TextError: "reset"},
	}
	var answer func(lines []string) kumod.Response
	r := newReceiver(func(_ int, lines []string) kumod.Response { return answer(lines) })
	s, d := hook(t, r)
	all := someLines(12)
	rapid.Check(t, func(t *rapid.T) {
		clear(r.kept)
		largest := rapid.IntRange(1, 6).Draw(t, "largest body")
		luck := rapid.SliceOfN(rapid.IntRange(-8, len(bad)-1), 1, 25).Draw(t, "answers")
		asked := 0
		answer = func(lines []string) kumod.Response {
			asked++
			if asked <= len(luck) && luck[asked-1] >= 0 {
				return bad[luck[asked-1]]
			}
			if len(lines) > largest {
				return problem(413)
			}
			return taken(len(lines))
		}
		queue := &spool{waiting: slices.Clone(all)}
		random := func(n int) int { return (asked*7919 + n) % n }
		for tries := 0; len(queue.waiting) > 0; tries++ {
			if tries > 200 {
				t.Fatal("some events never get through")
			}
			if o := queue.deliver(d, random, rapid.IntRange(1, len(all)).Draw(t, "batch")); o.Closes() {
				if err := d.Close(); err != nil {
					t.Fatal(err)
				}
				again, err := s.Connect("make."+hookQueue, hookQueue)
				if err != nil {
					t.Fatal(err)
				}
				d = again
			}
		}
		if len(queue.lost) > 0 {
			t.Fatalf("%d events are lost", len(queue.lost))
		}
		for _, line := range queue.done {
			if r.kept[line] == 0 {
				t.Fatalf("counted as delivered, and nobody has it: %s", line)
			}
		}
	})
}

func TestAHookThatLosesEventsFailsTheseTests(t *testing.T) {
	for _, mistake := range []func(*site){
		edit("policy/webhooks.lua", "kumo.reject(450, outcome)", "kumo.reject(500, outcome)"),
		edit("policy/webhooks.lua", "kumo.reject(450, outcome)", "return outcome"),
	} {
		r := newReceiver(always(problem(503)))
		_, d := hook(t, r, mistake)
		if got := d.SendRecords(someLines(2)).Disposition(); got == kumod.TransientFailure {
			t.Errorf("a hook with a mistake: %s", got)
		}
	}
}
