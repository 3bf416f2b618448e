package application

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// guess counts what would become of the batch.
func (t *replayTaker) guess(ctx context.Context, b ports.Batch, sum *Receipt) error {
	isCurrent := t.ingest.keep.isCurrent(t.ingest.now())
	kept := only(b.Events, isCurrent)
	isNew, err := t.isNew(ctx, kept)
	if err != nil {
		return err
	}
	sum.Quarantined += len(b.Rejects)
	var f fates
	f.count(kept, Outcome{New: isNew})
	if len(kept) < len(b.Events) {
		f.countExpired(b.Events, isCurrent)
	}
	sum.Stored, sum.Duplicates, sum.Expired = f.of(FateStored), f.of(FateDuplicate), f.of(FateExpired)
	return nil
}

// isNew says of each event whether the store has not got it.
func (r *Replay) isNew(ctx context.Context, events []domain.EmailEvent) ([]bool, error) {
	ids := make([]domain.EventID, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	known, err := r.index.KnownEvents(ctx, ids)
	if err != nil {
		return nil, err
	}
	isNew := make([]bool, len(ids))
	for i, id := range ids {
		_, isKnown := known[id]
		isNew[i] = !isKnown
	}
	return isNew, nil
}

// missing returns of the batch what the store has not got, the records of which
// it has any event whole, and counts the others.
func (t *replayTaker) missing(ctx context.Context, b ports.Batch, sum *Receipt) (ports.Batch, error) {
	isNew, err := t.isNew(ctx, b.Events)
	if err != nil {
		return b, err
	}
	left := b
	left.Events = nil
	for first := 0; first < len(b.Events); {
		wanted, end := false, first
		for ; end == first || end < len(b.Events) && b.Events[end].Part > 0; end++ {
			wanted = wanted || isNew[end]
		}
		if wanted {
			left.Events = append(left.Events, b.Events[first:end]...)
		} else {
			sum.Duplicates++
			left.Records--
		}
		first = end
	}
	return left, nil
}
