package application

import (
	"context"
	"log/slog"
	"slices"
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

// current drops events of days that are no longer kept, and counts their
// records: a resend would otherwise bring days back that were let go. An event
// whose id has no time is current.
func (k Keep) current(events []domain.EmailEvent, now time.Time) (current []domain.EmailEvent, expired int) {
	since := k.since(now, 0)
	if since.IsZero() {
		return events, 0
	}
	isCurrent := func(e *domain.EmailEvent) bool {
		at, ok := e.ID.Time()
		return !ok || !at.Before(since)
	}
	if !slices.ContainsFunc(events, func(e domain.EmailEvent) bool { return !isCurrent(&e) }) {
		return events, 0
	}
	for i := range events {
		if isCurrent(&events[i]) {
			current = append(current, events[i])
		} else if events[i].Part == 0 {
			expired++
		}
	}
	return current, expired
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
