package application_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// fault is what goes wrong with one call to the outside.
type fault struct {
	delay  time.Duration
	before bool // it fails without effect
	after  bool // it has its effect and fails; of a publishing only some acks are lost
}

// plan is a random run of the whole: who sends what, and what goes wrong.
type plan struct {
	senders        [][]string // the bodies of each
	bad            []int      // messages that the store refuses
	group          application.GroupConfig
	relay          application.RelayConfig
	journal        []fault
	outbox         []fault
	bus            []fault
	crashes        int // of the relay, some time apart
	seed           uint64
	accepted       []domain.EmailEvent // with copies
	quarantined    map[domain.QuarantineID]bool
	recordsOfABody map[string]int
}

func plans() *rapid.Generator[plan] {
	return rapid.Custom(func(t *rapid.T) plan {
		p := plan{
			bad:   rapid.SliceOfNDistinct(rapid.IntRange(0, 9), 0, 2, rapid.ID).Draw(t, "bad"),
			group: application.GroupConfig{Writers: rapid.IntRange(1, 3).Draw(t, "writers"), Events: rapid.IntRange(1, 20).Draw(t, "events"), Waiting: rapid.IntRange(1, 4).Draw(t, "waiting")},
			relay: application.RelayConfig{Poll: 5 * time.Second, Bytes: rapid.SampledFrom([]int64{1, 5000, 1 << 20}).Draw(t, "bytes")},

			journal: drawFaults(t, "journal"), outbox: drawFaults(t, "outbox"), bus: drawFaults(t, "bus"),
			crashes: rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "crashes"),
			seed:    rapid.Uint64().Draw(t, "seed"),

			quarantined:    map[domain.QuarantineID]bool{},
			recordsOfABody: map[string]int{},
		}
		isBad := messageIs(p.bad...)
		for range rapid.IntRange(1, 5).Draw(t, "senders") {
			var bodies []string
			for range rapid.IntRange(1, 4).Draw(t, "bodies") {
				bodies = append(bodies, p.drawBody(t, isBad))
			}
			p.senders = append(p.senders, bodies)
		}
		return p
	})
}

func drawFaults(t *rapid.T, label string) []fault {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fault {
		kind := rapid.IntRange(0, 3).Draw(t, "kind")
		delay := rapid.SampledFrom([]int{0, 0, 10, 1000, 4000, 20000}).Draw(t, "delay in ms")
		return fault{time.Duration(delay) * time.Millisecond, kind == 1, kind == 2}
	}), 0, 12).Draw(t, label)
}

// drawBody draws a body and notes what should become of it.
func (p *plan) drawBody(t *rapid.T, isBad func(*domain.EmailEvent) bool) string {
	var texts []string
	for i := range rapid.IntRange(1, 8).Draw(t, "records") {
		text := fmt.Sprintf(`{"broken":%d`, rapid.IntRange(0, 3).Draw(t, "broken"))
		if i == 0 || rapid.IntRange(0, 9).Draw(t, "whole") > 0 { // a body without any is one reject
			kind := rapid.SampledFrom([]string{"Reception", "TransientFailure", "Delivery", "Bounce", "Feedback", "SomethingNew"}).Draw(t, "type")
			to := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a@example.com", "b@example.com", "c@example.org"}), 1, 3, rapid.ID)
			at := noon.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "second")) * time.Second)
			text = lineAt(at, kind, rapid.IntRange(0, 9).Draw(t, "message"), to.Draw(t, "recipients")...)
		}
		texts = append(texts, text)
		u := unit(text)
		if len(u.Rejects) > 0 || isBad(&u.Events[0]) {
			p.quarantined[(&domain.Reject{Raw: text}).ID()] = true
			continue
		}
		p.accepted = append(p.accepted, u.Events...)
	}
	body := strings.Join(texts, "\n")
	p.recordsOfABody[body] = len(texts)
	return body
}

// outside is the store and the bus as the use cases see them, with faults. It
// notes what they did wrong.
type outside struct {
	*memory.Store
	bus *memory.Bus

	mu                  sync.Mutex
	journal, outbox, on []fault
	committed           map[domain.EventID]bool
	acked               map[domain.EventID]bool // since the last crash
	wrong               []error
}

func (o *outside) next(faults *[]fault) fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(*faults) == 0 {
		return fault{}
	}
	f := (*faults)[0]
	*faults = (*faults)[1:]
	return f
}

// try does something with the next of the faults.
func (o *outside) try(ctx context.Context, faults *[]fault, do func() error) error {
	f := o.next(faults)
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
	}
	if f.before {
		return fmt.Errorf("nothing done: %w", ports.ErrUnavailable)
	}
	if err := do(); err != nil {
		return err
	}
	if f.after {
		return fmt.Errorf("answer lost: %w", ports.ErrUnavailable)
	}
	return nil
}

func (o *outside) Commit(ctx context.Context, u ports.Unit) (c ports.Committed, err error) {
	err = o.try(ctx, &o.journal, func() error {
		o.mu.Lock()
		defer o.mu.Unlock()
		if c, err = o.Store.Commit(ctx, u); err != nil {
			return err
		}
		for i, isNew := range c.New {
			if isNew {
				o.committed[u.Events[i].ID] = true
			}
		}
		return nil
	})
	return c, err
}

func (o *outside) Claim(ctx context.Context, limit int, hold time.Duration) (list []ports.Announcement, err error) {
	err = o.try(ctx, &o.outbox, func() error {
		list, err = o.Store.Claim(ctx, limit, hold)
		return err
	})
	return list, err
}

func (o *outside) Done(ctx context.Context, ids []ports.AnnouncementID) error {
	return o.try(ctx, &o.outbox, func() error { return o.Store.Done(ctx, ids) })
}

func (o *outside) Publish(ctx context.Context, events []ports.Announced) (acked []bool, err error) {
	f := o.next(&o.on)
	select {
	case <-time.After(f.delay):
	case <-ctx.Done():
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range events {
		if !o.committed[e.Event.ID] {
			o.wrong = append(o.wrong, fmt.Errorf("event %s was announced before its commit", e.Event.ID))
		}
		if o.acked[e.Event.ID] {
			o.wrong = append(o.wrong, fmt.Errorf("event %s was announced after its acknowledgement", e.Event.ID))
		}
	}
	if f.before {
		return make([]bool, len(events)), fmt.Errorf("nothing sent: %w", ports.ErrUnavailable)
	}
	if f.after {
		o.bus.Lose((len(events) + 1) / 2)
	}
	acked, err = o.bus.Publish(ctx, events)
	for i, ok := range acked {
		if ok {
			o.acked[events[i].Event.ID] = true
		}
	}
	return acked, err
}

func (o *outside) crashed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.acked)
}
