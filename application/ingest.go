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

// Refuse puts bytes into quarantine that could not even be unpacked, with the
// reason. Its receipt and its errors are those of Ingest.
func (i *Ingest) Refuse(ctx context.Context, raw, reason string) (Receipt, error) {
	var sum Receipt
	batch := ports.Batch{Rejects: []domain.Reject{{Reason: reason, Raw: raw}}, Records: 1}
	err := i.take(ctx, batch, &sum)
	return sum, err
}

func (i *Ingest) take(ctx context.Context, batch ports.Batch, sum *Receipt) error {
	now := i.now().UTC().Truncate(time.Microsecond)
	for n := range batch.Rejects {
		batch.Rejects[n].ReceivedAt = now
	}
	isCurrent := i.keep.isCurrent(now)
	kept, expired := only(batch.Events, isCurrent)
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
		sum.refused(batch, outcome, sum.Received, isCurrent)
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

func (r *Receipt) quarantined(reject *domain.Reject) {
	r.Quarantined++
	if len(r.Quarantine) < maxNotes {
		r.Quarantine = append(r.Quarantine, QuarantineNote{reject.Index, reject.ID(), reject.Reason})
	}
}

// refused notes the records of a batch, the body's from first on, that the store
// did not take. Rejects know where they stood; records stand in the gaps.
func (r *Receipt) refused(batch ports.Batch, o Outcome, first int, isCurrent func(domain.EventID) bool) {
	rejected := map[int]bool{}
	for _, reject := range batch.Rejects {
		rejected[reject.Index] = true
	}
	index, kept := first-1, 0
	for i := range batch.Events {
		e := &batch.Events[i]
		if e.Part == 0 {
			for index++; rejected[index]; index++ {
			}
		}
		if !isCurrent(e.ID) {
			continue
		}
		if reason, ok := o.Refused[kept]; ok && e.Part == 0 {
			r.quarantined(&domain.Reject{Index: index, Reason: reason, Raw: e.Raw})
		}
		kept++
	}
}
