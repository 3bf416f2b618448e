package application_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Whatever bodies are sent by whom and whatever fails: when everything that was
// not answered with success has been sent again until it was, every event is
// stored once, logs are what the events say, each event was announced after its
// commit, and none again that was acknowledged, save after a crash.
func TestNothingIsLostAndNothingTakenTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := plans().Draw(rt, "plan")
		var wrong []error
		synctest.Test(t, func(t *testing.T) { wrong = p.run(t) })
		if len(wrong) > 0 {
			rt.Fatal(errors.Join(wrong...))
		}
	})
}

func (p *plan) run(t *testing.T) []error {
	o := &outside{
		Store: memory.NewStore(), bus: memory.NewBus(),
		journal: slices.Clone(p.journal), outbox: slices.Clone(p.outbox), on: slices.Clone(p.bus),
		committed: map[domain.EventID]bool{}, acked: map[domain.EventID]bool{},
	}
	o.Refuse(messageIs(p.bad...))
	random := rand.New(rand.NewPCG(p.seed, 0))

	relays := &relays{outside: o, config: p.relay}
	relays.start(t.Context())
	group := application.NewGroup(application.NewCommitter(o, relays), p.group)
	in := application.NewIngest(decoder, group, 0, time.Now)
	var senders sync.WaitGroup
	for _, bodies := range p.senders {
		pause := time.Duration(random.IntN(3000)) * time.Millisecond
		senders.Go(func() {
			for _, body := range bodies {
				time.Sleep(pause)
				o.note(p.send(t.Context(), in, body))
			}
		})
	}
	for range p.crashes {
		time.Sleep(time.Duration(random.IntN(10_000)) * time.Millisecond)
		relays.stop()
		o.crashed()
		relays.start(t.Context())
	}
	senders.Wait()
	group.Close(t.Context())
	time.Sleep(15 * time.Minute) // the bubble's: all faults are used up, all holds over
	relays.stop()
	o.note(p.check(t.Context(), o))
	return o.wrong
}

func (o *outside) note(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err != nil {
		o.wrong = append(o.wrong, err)
	}
}

// send sends a body until it is taken.
func (p *plan) send(ctx context.Context, in *application.Ingest, body string) error {
	for {
		got, err := in.Ingest(ctx, body)
		if err == nil {
			if n := p.recordsOfABody[body]; got.Received != n || got.Stored+got.Duplicates+got.Quarantined != n {
				return fmt.Errorf("receipt of %d records: %+v", n, got)
			}
			return nil
		}
		if !errors.Is(err, ports.ErrUnavailable) {
			return err
		}
		time.Sleep(time.Second)
	}
}

// relays is a relay that may crash and be replaced.
type relays struct {
	outside *outside
	config  application.RelayConfig
	mu      sync.Mutex
	relay   *application.Relay
	stop    func()
}

func (r *relays) start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	relay := application.NewRelay(r.outside, r.outside, silent, r.config)
	var running sync.WaitGroup
	running.Go(func() { relay.Run(ctx, 0) })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.relay, r.stop = relay, func() { cancel(); running.Wait() }
}

func (r *relays) current() *application.Relay {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.relay
}

func (r *relays) Hold(ctx context.Context) time.Duration      { return r.current().Hold(ctx) }
func (r *relays) Offer(a ports.Announcement, until time.Time) { r.current().Offer(a, until) }

// check compares what is stored and announced with what was sent.
func (p *plan) check(ctx context.Context, o *outside) error {
	want := map[domain.EventID]bool{}
	var wrong []error
	for _, e := range p.accepted {
		want[e.ID] = true
	}
	if diff := cmp.Diff(want, o.committed); diff != "" {
		wrong = append(wrong, fmt.Errorf("events: %s", diff))
	}
	arrived := map[domain.EventID]bool{}
	for _, a := range o.bus.Arrived() {
		arrived[a.Event.ID] = true
	}
	if diff := cmp.Diff(want, arrived); diff != "" {
		wrong = append(wrong, fmt.Errorf("announced: %s", diff))
	}
	var logs []domain.EmailLog
	for l, err := range o.Logs(ctx, ports.LogFilter{}) {
		if err != nil {
			return err
		}
		logs = append(logs, l)
	}
	slices.SortFunc(logs, func(a, b domain.EmailLog) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	said := slices.DeleteFunc(domain.Fold(p.accepted), func(l domain.EmailLog) bool { return !l.Confirmed || l.OfReport })
	if diff := cmp.Diff(said, append([]domain.EmailLog{}, logs...)); diff != "" {
		wrong = append(wrong, fmt.Errorf("logs: %s", diff))
	}
	kept := map[domain.QuarantineID]bool{}
	entries, err := o.List(ctx, domain.QuarantineID{}, 1000)
	for _, e := range entries {
		kept[e.ID] = true
	}
	if diff := cmp.Diff(p.quarantined, kept); diff != "" {
		wrong = append(wrong, fmt.Errorf("quarantine: %s", diff))
	}
	left, claimErr := o.Store.Claim(ctx, 1000, time.Second)
	if len(left) > 0 {
		wrong = append(wrong, fmt.Errorf("%d announcements are left", len(left)))
	}
	return errors.Join(append(wrong, err, claimErr)...)
}
