package application

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// enough is a good number of events to publish at once: the bus is kept busy,
// and it is done long before the time is up.
const enough = 2000

// margin is the time to take announcements out of the outbox before its hold
// ends, and the least to send them in.
const margin = time.Second

// maxRemembered bounds hand.acked. More than a few are there only if the bus
// refuses events, or another relay does our work.
const maxRemembered = 100

// hand is what a relay is about to publish, in order. What fails stays in it for
// as long as the outbox holds it for us, so that nothing overtakes it and what
// is acknowledged is not sent again. Not safe for concurrent use.
type hand struct {
	outbox  ports.Outbox
	bus     ports.Publisher
	log     *slog.Logger
	timeout time.Duration

	waiting []held
	down    bool                   // the bus took nothing when it was last tried
	done    []ports.AnnouncementID // published, but in the outbox still
	// acked has what was acknowledged of announcements that were not done by
	// the end of their hold. When they are claimed again the rest is sent.
	acked map[ports.AnnouncementID]map[domain.EventID]bool
}

func newHand(outbox ports.Outbox, bus ports.Publisher, log *slog.Logger, timeout time.Duration) *hand {
	h := &hand{outbox: outbox, bus: bus, log: log, timeout: timeout}
	h.acked = map[ports.AnnouncementID]map[domain.EventID]bool{}
	return h
}

func (h *hand) empty() bool { return len(h.waiting) == 0 }

// settleAt is how many announcements may stand published in the outbox. Each
// settling is a transaction that commits wait for, and as durable: one a unit
// would halve the rate of small units.
const settleAt = 256

// take adds an announcement. Of one that was here before the rest is taken.
func (h *hand) take(a held) {
	if acked := h.acked[a.ID]; acked != nil {
		a.Events = slices.DeleteFunc(slices.Clone(a.Events), func(e ports.Announced) bool {
			return acked[e.ID()]
		})
	}
	h.waiting = append(h.waiting, a)
}

// publish publishes all that waits. What was acknowledged whole is taken out of
// the outbox at the next settle. It ends early when the outbox fails or when
// nothing of what was sent arrives.
func (h *hand) publish(ctx context.Context) error {
	for {
		if len(h.done) >= settleAt {
			if err := h.settle(ctx); err != nil {
				return err
			}
		}
		h.forget()
		if len(h.waiting) == 0 {
			return nil
		}
		if err := h.send(ctx); err != nil {
			return err
		}
	}
}

// settle takes out of the outbox what is published. It is due within the hold.
func (h *hand) settle(ctx context.Context) error {
	if len(h.done) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	if err := h.outbox.Done(ctx, h.done); err != nil {
		return err
	}
	for _, id := range h.done {
		delete(h.acked, id)
	}
	h.done = h.done[:0]
	return nil
}

// forget leaves to the outbox what it does not hold for us long enough to be
// sent and taken out: another relay could send it as well.
func (h *hand) forget() {
	last := time.Now().Add(2 * margin)
	h.waiting = slices.DeleteFunc(h.waiting, func(a held) bool { return a.until.Before(last) })
}

// send publishes the first of what waits in one go. What is refused is left to
// the outbox, so that it holds back nothing else.
func (h *hand) send(ctx context.Context) error {
	n, events := h.first()
	limit := time.Now().Add(h.timeout)
	for _, a := range h.waiting[:n] {
		if latest := a.until.Add(-margin); latest.Before(limit) {
			limit = latest
		}
	}
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	acked, err := h.bus.Publish(ctx, events)
	arrived := len(events) == 0 || slices.Contains(acked, true)
	refused := errors.Is(err, ports.ErrRefused) && !errors.Is(err, ports.ErrUnavailable)

	var left []held
	for _, a := range h.waiting[:n] {
		all := len(a.Events)
		a.Events = h.unacked(a.Announcement, acked[:all])
		acked = acked[all:]
		switch {
		case len(a.Events) == 0:
			h.done = append(h.done, a.ID)
		case !refused:
			left = append(left, a)
		}
	}
	h.waiting = append(left, h.waiting[n:]...)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("publish %d events: no ack: %w", len(events), ports.ErrUnavailable)
	}
	h.down = err != nil && !arrived && !refused
	if err != nil && arrived {
		h.log.Warn("some events could not be announced; trying again", "error", err)
		return nil
	}
	return err
}

// first returns how many announcements to send in one go, and their events.
func (h *hand) first() (n int, events []ports.Announced) {
	size := 0
	for ; n < len(h.waiting) && (n == 0 || size+len(h.waiting[n].Events) <= enough); n++ {
		size += len(h.waiting[n].Events)
	}
	if n == 1 {
		return n, h.waiting[0].Events
	}
	events = make([]ports.Announced, 0, size)
	for _, a := range h.waiting[:n] {
		events = append(events, a.Events...)
	}
	return n, events
}

// unacked returns the events that were not acknowledged, and remembers the
// others unless that were all.
func (h *hand) unacked(a ports.Announcement, acked []bool) []ports.Announced {
	if !slices.Contains(acked, false) {
		return nil
	}
	if !slices.Contains(acked, true) {
		return a.Events
	}
	known := h.acked[a.ID]
	if known == nil {
		if len(h.acked) >= maxRemembered {
			clear(h.acked) // those events are sent again
		}
		known = map[domain.EventID]bool{}
		h.acked[a.ID] = known
	}
	var left []ports.Announced
	for i, e := range a.Events {
		if acked[i] {
			known[e.ID()] = true
		} else {
			left = append(left, e)
		}
	}
	return left
}
