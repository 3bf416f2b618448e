package application

import (
	"context"
	"log/slog"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// rollEvery is how often what was committed is summed up. The more there is, the
// less of it each costs; until then who asks for figures, or for lists, reads it one
// by one.
const rollEvery = 2 * time.Second

// Rollups keeps figures at hand.
type Rollups struct {
	store ports.Roller
	log   *slog.Logger
}

// NewRollups sums up what is in store.
func NewRollups(store ports.Roller, log *slog.Logger) *Rollups { return &Rollups{store, log} }

// Run sums up what was committed, now and then, until ctx ends. A failure is
// logged once until it works again.
func (r *Rollups) Run(ctx context.Context) {
	tick := time.NewTicker(rollEvery)
	defer tick.Stop()
	failing := false
	for {
		err := r.roll(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			r.log.Warn("what was committed could not be summed up; figures and lists stay right, but take longer to read", "error", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// roll sums up all that waits.
func (r *Rollups) roll(ctx context.Context) error {
	for ctx.Err() == nil {
		if more, err := r.store.Roll(ctx); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}
