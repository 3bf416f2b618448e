package application

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// RelayConfig tunes a Relay; zero fields take the defaults.
type RelayConfig struct {
	Hold    time.Duration // how long the outbox keeps an announcement for us, 15 s
	Bytes   int64         // of records waiting in memory, 16 MiB
	Poll    time.Duration // how often the outbox is asked for leftovers, 1 s
	Backoff time.Duration // longest wait after the bus failed, 15 s
	Timeout time.Duration // of one publishing, 5 s
}

func (c RelayConfig) withDefaults() RelayConfig {
	or := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	or(&c.Hold, 15*time.Second)
	or(&c.Poll, time.Second)
	or(&c.Backoff, 15*time.Second)
	or(&c.Timeout, 5*time.Second)
	if c.Bytes <= 0 {
		c.Bytes = 16 << 20
	}
	return c
}

// Relay publishes what was committed. Usually that is in memory still; what a
// crash, a failing bus or another process left behind is claimed from the outbox
// and published again, with the same ids.
//
// While there is such a backlog nothing is taken from memory, so that events go
// out in order of commit as far as possible.
type Relay struct {
	outbox ports.Outbox
	bus    ports.Publisher
	log    *slog.Logger
	config RelayConfig

	fresh  chan offered
	bytes  atomic.Int64 // in fresh
	behind atomic.Bool  // the outbox has more than is in memory
}

// offered is an announcement that the outbox holds for us until then.
type offered struct {
	ports.Announcement
	until time.Time
	bytes int64
}

// NewRelay relays from outbox to bus once Run is called.
func NewRelay(outbox ports.Outbox, bus ports.Publisher, log *slog.Logger, config RelayConfig) *Relay {
	r := &Relay{outbox: outbox, bus: bus, log: log, config: config.withDefaults()}
	r.fresh = make(chan offered, 4096)
	r.behind.Store(true) // until the outbox was asked
	return r
}

// Hold implements Announcer.
func (r *Relay) Hold() time.Duration {
	if r.behind.Load() || r.bytes.Load() > r.config.Bytes || len(r.fresh) == cap(r.fresh) {
		return 0
	}
	return r.config.Hold
}

// Offer implements Announcer. What there is no room for comes back by the outbox.
func (r *Relay) Offer(a ports.Announcement) {
	// Half of the hold is left to publish in: no other relay may have it then.
	o := offered{a, time.Now().Add(r.config.Hold / 2), weigh(a)}
	r.bytes.Add(o.bytes)
	select {
	case r.fresh <- o:
	default:
		r.bytes.Add(-o.bytes)
	}
}

// weigh estimates what an announcement holds in memory.
func weigh(a ports.Announcement) int64 {
	const event = 1 << 10
	n := int64(len(a.Events)) * event
	for i := range a.Events {
		if e := a.Events[i].Event; e.Part == 0 {
			n += int64(len(e.Raw))
		}
	}
	return n
}

// Run relays until ctx ends. Then it publishes what was committed until then, for
// at most as long as drain.
func (r *Relay) Run(ctx context.Context, drain time.Duration) {
	poll := time.NewTimer(0)
	defer poll.Stop()
	wait := r.config.Poll
	for ctx.Err() == nil {
		err := r.next(ctx, poll)
		if err == nil || ctx.Err() != nil {
			wait = r.config.Poll
			continue
		}
		r.behind.Store(true)
		r.log.Warn("events could not be announced; they wait in the outbox", "error", err, "retry_in", wait)
		sleep(ctx, wait)
		wait = min(2*wait, r.config.Backoff)
	}
	r.drain(ctx, drain)
}

// next relays what comes first: something from memory, or what the outbox has.
func (r *Relay) next(ctx context.Context, poll *time.Timer) error {
	select {
	case <-ctx.Done():
		return nil
	case o := <-r.fresh:
		return r.publish(ctx, r.gather(o))
	case <-poll.C:
		defer poll.Reset(r.config.Poll)
		return r.redo(ctx)
	}
}

// gather adds to first what else is in memory by now, up to a good number of
// events to publish at once. What the outbox no longer holds for us is left to
// it.
func (r *Relay) gather(first offered) []ports.Announcement {
	const enough = 2000
	together, events := []ports.Announcement{}, 0
	for o, ok := first, true; ok; {
		r.bytes.Add(-o.bytes)
		if time.Now().Before(o.until) {
			together = append(together, o.Announcement)
			events += len(o.Events)
		}
		if events >= enough {
			break
		}
		select {
		case o = <-r.fresh:
		default:
			ok = false
		}
	}
	return together
}

// redo publishes what the outbox has and nobody holds. It is up to date again
// when that is little.
func (r *Relay) redo(ctx context.Context) error {
	const many = 16
	for ctx.Err() == nil {
		left, err := r.outbox.Claim(ctx, many, r.config.Hold)
		if err != nil {
			return err
		}
		if err := r.publish(ctx, left); err != nil {
			return err
		}
		if len(left) < many {
			r.behind.Store(false)
			return nil
		}
	}
	return nil
}

// drain publishes what memory and outbox have, as far as it gets in time.
func (r *Relay) drain(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	for {
		select {
		case o := <-r.fresh:
			if err := r.publish(ctx, r.gather(o)); err != nil {
				r.log.Warn("events stay in the outbox until the next start", "error", err)
				return
			}
		default:
			if err := r.redo(ctx); err != nil {
				r.log.Warn("events stay in the outbox until the next start", "error", err)
			}
			return
		}
	}
}

// publish publishes announcements in one go and takes those out of the outbox
// whose events were all acknowledged.
func (r *Relay) publish(ctx context.Context, together []ports.Announcement) error {
	if len(together) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.config.Timeout)
	defer cancel()
	events := make([]ports.Announced, 0, len(together)*len(together[0].Events))
	for _, a := range together {
		events = append(events, a.Events...)
	}
	acked, failed := r.bus.Publish(ctx, events)
	done := make([]ports.AnnouncementID, 0, len(together))
	for _, a := range together {
		if !slices.Contains(acked[:len(a.Events)], false) {
			done = append(done, a.ID)
		}
		acked = acked[len(a.Events):]
	}
	if len(done) == 0 {
		return failed
	}
	return errors.Join(failed, r.outbox.Done(ctx, done))
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
