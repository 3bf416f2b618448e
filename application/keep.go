package application

import (
	"context"
	"log/slog"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Keep is how many days events are kept; 0 keeps them for ever. Logs are kept 40
// days longer, for complaints come weeks late.
type Keep int

const logsLonger = 40

// since returns the start of the oldest UTC day that is kept, zero for ever.
func (k Keep) since(now time.Time, longer int) time.Time {
	if k <= 0 {
		return time.Time{}
	}
	return now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -int(k)-longer)
}

// isCurrent says of an event's id whether its day is still kept. One without a
// time is current.
func (k Keep) isCurrent(now time.Time) func(domain.EventID) bool {
	since := k.since(now, 0)
	return func(id domain.EventID) bool {
		at, ok := id.Time()
		return !ok || !at.Before(since)
	}
}

// only returns the events that are current: a resend would bring days back that
// were let go.
func only(events []domain.EmailEvent, isCurrent func(domain.EventID) bool) (current []domain.EmailEvent) {
	n := 0
	for n < len(events) && isCurrent(events[n].ID) {
		n++
	}
	current = events[:n:n]
	for ; n < len(events); n++ {
		if isCurrent(events[n].ID) {
			current = append(current, events[n])
		}
	}
	return current
}

// Retention lets go of days that are no longer kept.
type Retention struct {
	store ports.Pruner
	keep  Keep
	log   *slog.Logger
}

// NewRetention prunes store by keep.
func NewRetention(store ports.Pruner, keep Keep, log *slog.Logger) *Retention {
	return &Retention{store, keep, log}
}

// Run prunes now and every hour until ctx ends. A failure is logged and tried
// again an hour later.
func (r *Retention) Run(ctx context.Context) {
	if r.keep <= 0 {
		return
	}
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		now := time.Now()
		n, err := r.store.Prune(ctx, r.keep.since(now, 0), r.keep.since(now, logsLonger))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.log.Error("old days could not be removed; trying again in an hour", "error", err)
		case n > 0:
			r.log.Info("old days removed", "rows", n, "kept_days", int(r.keep))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
