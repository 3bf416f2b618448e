package application

import (
	"context"

	"github.com/kumotrail/kumotrail/ports"
)

// replayTaker takes the lines of one job into the store.
type replayTaker struct {
	*Replay
	lines lineTaker
}

func (r *Replay) work(ctx context.Context, j *job) error {
	t := replayTaker{Replay: r, lines: lineTaker{
		decoder: r.ingest.decoder, since: r.config.Since, until: r.config.Until, full: r.config.UnitEvents,
	}}
	t.lines.flush = t.flush
	err := t.lines.take(ctx, j.slices)
	j.counts = t.lines.counts
	return err
}

// flush commits the unit, and what hooks lost.
func (t *replayTaker) flush(ctx context.Context) error {
	unit, lost, counts := t.lines.unit, t.lines.lost, &t.lines.counts
	t.lines.unit, t.lines.lost = ports.Batch{}, nil
	r, err := t.commit(ctx, unit)
	if err != nil {
		return err
	}
	counts.Stored += int64(r.Stored)
	counts.Duplicates += int64(r.Duplicates)
	counts.Expired += int64(r.Expired)
	counts.Quarantined += int64(r.Quarantined)
	for _, record := range lost {
		if err := t.restore(ctx, record); err != nil {
			return err
		}
	}
	return nil
}

// restore takes what a hook lost.
func (t *replayTaker) restore(ctx context.Context, record string) error {
	counts := &t.lines.counts
	events := eventsOfMail(t.ingest.decoder, record)
	if len(events) == 0 {
		counts.Unrestored++
		return nil
	}
	r, err := t.commit(ctx, ports.Batch{Events: events, Records: 1})
	counts.Restored += int64(r.Stored)
	counts.Known += int64(r.Duplicates + r.Expired)
	counts.Unrestored += int64(r.Quarantined)
	return err
}

// commit returns what became of the batch, or would in a dry run.
func (t *replayTaker) commit(ctx context.Context, b ports.Batch) (sum Receipt, err error) {
	if len(b.Events)+len(b.Rejects) == 0 {
		return sum, nil
	}
	p := patience{t.config.Patience, t.watcher.Waits}
	err = p.do(ctx, func(ctx context.Context) error {
		sum = Receipt{}
		left := b
		switch {
		case t.config.DryRun:
			return t.guess(ctx, b, &sum)
		case t.config.Missing:
			if left, err = t.missing(ctx, b, &sum); err != nil {
				return err
			}
		}
		return t.ingest.take(ctx, left, &sum)
	})
	return sum, err
}
