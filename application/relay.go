package application

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// RelayConfig tunes a Relay; zero fields take the defaults.
type RelayConfig struct {
	// Hold is how long the outbox keeps an announcement for us, 15 s; at least
	// Timeout and 2 s more.
	Hold  time.Duration
	Bytes int64 // of records waiting in memory, 32 MiB
	// Patience is how long a commit waits for room in that memory, 200 ms. What
	// goes round by the outbox costs the store as much again.
	Patience time.Duration
	Poll     time.Duration // how often the outbox is asked for leftovers, 1 s
	Backoff  time.Duration // longest wait after the bus failed, 15 s
	Timeout  time.Duration // of one call to bus or outbox, 5 s
}

func (c RelayConfig) withDefaults() RelayConfig {
	or := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	or(&c.Hold, 15*time.Second)
	or(&c.Patience, 200*time.Millisecond)
	or(&c.Poll, time.Second)
	or(&c.Backoff, 15*time.Second)
	or(&c.Timeout, 5*time.Second)
	c.Hold = max(c.Hold, c.Timeout+2*margin)
	c.Backoff = max(c.Backoff, c.Poll)
	if c.Bytes <= 0 {
		c.Bytes = 32 << 20
	}
	return c
}

// Relay publishes what was committed. Usually that is in memory still; what a
// crash, a failing bus or another process left behind is claimed from the outbox
// and published again, with the same ids.
//
// While there is such a backlog commits add to it and nothing to memory, so that
// events go out in order of commit as far as possible. As long as commits come
// it is worked off for no more than half of the time, so that they do not starve.
type Relay struct {
	outbox ports.Outbox
	log    *slog.Logger
	config RelayConfig
	hand   *hand // Run's alone

	fresh   chan held
	bytes   atomic.Int64  // in fresh
	room    chan struct{} // has a token when some of them went
	behind  atomic.Bool   // the outbox has more than is in memory
	commits atomic.Int64  // that began
}

// held is an announcement that the outbox holds for us until then.
type held struct {
	ports.Announcement
	until time.Time
	bytes int64
}

// NewRelay relays from outbox to bus once Run is called.
func NewRelay(outbox ports.Outbox, bus ports.Publisher, log *slog.Logger, config RelayConfig) *Relay {
	config = config.withDefaults()
	r := &Relay{outbox: outbox, log: log, config: config, fresh: make(chan held, 4096), room: make(chan struct{}, 1)}
	r.hand = newHand(outbox, bus, log, config.Timeout)
	r.behind.Store(true) // until the outbox was asked
	return r
}

// Hold implements Announcer. It waits for room as long as the bus takes what it
// is given: then events come no faster than they can be announced.
func (r *Relay) Hold(ctx context.Context) time.Duration {
	r.commits.Add(1)
	if r.behind.Load() {
		return 0
	}
	if r.isFull() {
		r.awaitRoom(ctx)
	}
	if r.isFull() {
		r.behind.Store(true)
	}
	if r.behind.Load() {
		return 0
	}
	return r.config.Hold
}

func (r *Relay) isFull() bool {
	return r.bytes.Load() > r.config.Bytes || len(r.fresh) == cap(r.fresh)
}

func (r *Relay) awaitRoom(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.config.Patience)
	defer cancel()
	for r.isFull() && !r.behind.Load() {
		select {
		case <-r.room:
		case <-ctx.Done():
			return
		}
	}
	r.madeRoom() // for whoever else waits
}

func (r *Relay) madeRoom() {
	select {
	case r.room <- struct{}{}:
	default:
	}
}

// Offer implements Announcer. What there is no room for comes back by the outbox.
func (r *Relay) Offer(a ports.Announcement, until time.Time) {
	h := held{a, until, weigh(a)}
	r.bytes.Add(h.bytes)
	select {
	case r.fresh <- h:
	default:
		r.bytes.Add(-h.bytes)
	}
}

// weigh estimates what an announcement holds in memory.
func weigh(a ports.Announcement) int64 {
	const event = 1 << 10
	n := int64(len(a.Events)) * event
	for i := range a.Events {
		if e := a.Events[i].Event; e != nil && e.Part == 0 {
			n += int64(len(e.Raw))
		}
	}
	return n
}

// Run relays until ctx ends. Then it publishes what was committed until then, for
// at most as long as drain; what is under way is not broken off for less.
func (r *Relay) Run(ctx context.Context, drain time.Duration) {
	defer r.behind.Store(true)
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(drain, cancel) })()

	poll := time.NewTimer(0)
	defer poll.Stop()
	wait := r.config.Poll
	for ctx.Err() == nil {
		switch err := r.next(ctx, work, poll); {
		case err != nil:
			r.behind.Store(true)
			r.log.Warn("events could not be announced; they wait in the outbox", "error", err, "retry_in", wait)
			sleep(ctx, wait)
			wait = min(2*wait, r.config.Backoff)
		case r.hand.down: // and nothing is there to try it with
			r.behind.Store(true)
			sleep(ctx, r.config.Poll)
		default:
			wait = r.config.Poll
		}
	}
	if err := r.drain(work); err != nil {
		r.log.Warn("events stay in the outbox until the next start", "error", err)
	}
}

// next relays what comes first: what failed before, what is in memory, what the
// outbox has. It waits for something until ctx ends.
func (r *Relay) next(ctx, work context.Context, poll *time.Timer) error {
	switch {
	case !r.hand.empty():
		return r.hand.publish(work)
	case r.behind.Load():
		commits, start := r.commits.Load(), time.Now()
		err := r.catchUp(work)
		if r.commits.Load() != commits {
			sleep(ctx, time.Since(start))
		}
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case h := <-r.fresh:
		r.gather(h)
		return r.hand.publish(work)
	case <-poll.C:
		poll.Reset(r.config.Poll)
		return r.claim(work)
	}
}

// catchUp takes from memory, which is older, and then from the outbox.
func (r *Relay) catchUp(work context.Context) error {
	select {
	case h := <-r.fresh:
		r.gather(h)
		return r.hand.publish(work)
	default:
		return r.claim(work)
	}
}

// gather takes what is in memory by now, up to a good number of events to
// publish at once.
func (r *Relay) gather(h held) {
	for events := 0; ; {
		r.bytes.Add(-h.bytes)
		r.madeRoom()
		r.hand.take(h)
		if events += len(h.Events); events >= enough {
			return
		}
		select {
		case h = <-r.fresh:
		default:
			return
		}
	}
}

// claim settles with the outbox and publishes some of what it has and nobody
// holds. We are up to date again when that is all.
func (r *Relay) claim(work context.Context) error {
	const some = 8 // units may be large, and come with their records
	if err := r.hand.settle(work); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(work, r.config.Timeout)
	defer cancel()
	until := time.Now().Add(r.config.Hold)
	claimed, err := r.outbox.Claim(ctx, some, r.config.Hold)
	if err != nil {
		return err
	}
	r.behind.Store(len(claimed) == some)
	for _, a := range claimed {
		r.hand.take(held{Announcement: a, until: until})
	}
	return r.hand.publish(work)
}

// drain publishes what hand, memory and outbox have, as far as it gets in time.
func (r *Relay) drain(work context.Context) error {
	r.behind.Store(true)
	for r.behind.Load() || !r.hand.empty() || len(r.fresh) > 0 {
		if err := r.hand.publish(work); err != nil {
			return err
		}
		if err := r.catchUp(work); err != nil {
			return err
		}
	}
	return r.hand.settle(work)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
