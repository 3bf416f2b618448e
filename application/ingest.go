package application

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Ingest takes what a node sends: one record, an array of records, or one record
// a line.
type Ingest struct {
	decoder ports.RecordDecoder
	commits Commits
	keep    Keep
	now     func() time.Time
}

// NewIngest needs a decoder and something to commit to. Events older than keep
// says are not taken. now is the clock, time.Now.
func NewIngest(decoder ports.RecordDecoder, commits Commits, keep Keep, now func() time.Time) *Ingest {
	return &Ingest{decoder, commits, keep, now}
}

// Receipt says what became of a body's records. Every record counts once, in one
// of Stored, Duplicates, Expired and Quarantined.
type Receipt struct {
	Received    int
	Stored      int // at least one of the record's events is new
	Duplicates  int
	Expired     int // older than what is kept
	Quarantined int
	Quarantine  []QuarantineNote // the first 20
	// Values is the number of complete JSON values in the body. A body with
	// something in it and none of them was no log records at all.
	Values int
}

// QuarantineNote names a record that went to quarantine.
type QuarantineNote struct {
	Index  int // in the body, from 0
	ID     domain.QuarantineID
	Reason string
}

const maxNotes = 20

// Ingest returns when all of body is durable: as events, or in quarantine. An
// error, ErrUnavailable or ErrOverloaded, means that part of it may not be; the
// same body may be sent again, and what is known already counts as duplicates.
func (i *Ingest) Ingest(ctx context.Context, body string) (Receipt, error) {
	var sum Receipt
	for batch := range i.decoder.Decode(body) {
		if err := i.take(ctx, batch, &sum); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func (i *Ingest) take(ctx context.Context, batch ports.Batch, sum *Receipt) error {
	now := i.now().UTC().Truncate(time.Microsecond)
	for n := range batch.Rejects {
		batch.Rejects[n].ReceivedAt = now
	}
	kept, expired := i.keep.current(batch.Events, now)
	for n := range kept {
		kept[n].ReceivedAt = now
	}
	var outcome Outcome
	if len(kept)+len(batch.Rejects) > 0 {
		var err error
		if outcome, err = i.commits.Commit(ctx, ports.Unit{Events: kept, Rejects: batch.Rejects}); err != nil {
			return err
		}
	}
	for n := range batch.Rejects {
		sum.quarantined(&batch.Rejects[n])
	}
	sum.tally(kept, outcome)
	if len(outcome.Refused) > 0 {
		sum.refused(kept, outcome, recordIndexes(batch, sum.Received))
	}
	sum.Received += batch.Records
	sum.Expired += expired
	sum.Values += batch.Values
	return nil
}

// tally counts records that are stored now or were before.
func (r *Receipt) tally(events []domain.EmailEvent, o Outcome) {
	for first := 0; first < len(events); {
		isNew, end := false, first
		for ; end == first || end < len(events) && events[end].Part > 0; end++ {
			isNew = isNew || o.New[end]
		}
		_, refused := o.Refused[first]
		switch {
		case refused:
		case isNew:
			r.Stored++
		default:
			r.Duplicates++
		}
		first = end
	}
}

// refused notes the records that the store did not take.
func (r *Receipt) refused(events []domain.EmailEvent, o Outcome, indexes map[domain.EventID]int) {
	for n, e := range events {
		if reason, ok := o.Refused[n]; ok && e.Part == 0 {
			r.quarantined(&domain.Reject{Index: indexes[e.ID], Reason: reason, Raw: e.Raw})
		}
	}
}

func (r *Receipt) quarantined(reject *domain.Reject) {
	r.Quarantined++
	if len(r.Quarantine) < maxNotes {
		r.Quarantine = append(r.Quarantine, QuarantineNote{reject.Index, reject.ID(), reject.Reason})
	}
}

// recordIndexes works out where in the body the records of a batch's events
// stood, by their first event's id. Rejects know it themselves; first is the
// batch's first record.
func recordIndexes(batch ports.Batch, first int) map[domain.EventID]int {
	rejected := map[int]bool{}
	for _, r := range batch.Rejects {
		rejected[r.Index] = true
	}
	indexes := map[domain.EventID]int{}
	next := first
	for i := range batch.Events {
		e := &batch.Events[i]
		if e.Part > 0 {
			continue
		}
		for rejected[next] {
			next++
		}
		if _, known := indexes[e.ID]; !known {
			indexes[e.ID] = next
		}
		next++
	}
	return indexes
}
