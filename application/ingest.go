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
	tally   Tally // nil for none
}

// NewIngest needs a decoder and something to commit to. Events older than keep
// says are not taken. now is the clock, time.Now.
func NewIngest(decoder ports.RecordDecoder, commits Commits, keep Keep, now func() time.Time) *Ingest {
	return &Ingest{decoder: decoder, commits: commits, keep: keep, now: now}
}

// WithTally returns an Ingest that does the same and tells t what became of the
// records of each batch that is durable.
func (i *Ingest) WithTally(t Tally) *Ingest {
	told := *i
	told.tally = t
	return &told
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
	kept := only(batch.Events, isCurrent)
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
	if len(outcome.Refused) > 0 {
		sum.refused(batch, outcome, sum.Received, isCurrent)
	}
	sum.Received += batch.Records
	sum.Values += batch.Values
	i.count(batch, kept, outcome, isCurrent, sum)
	return nil
}

// count adds to sum what became of the records that are events, and tells the
// tally of all.
func (i *Ingest) count(batch ports.Batch, kept []domain.EmailEvent, o Outcome, isCurrent func(domain.EventID) bool, sum *Receipt) {
	var f fates
	f.count(kept, o)
	if len(kept) < len(batch.Events) {
		f.countExpired(batch.Events, isCurrent)
	}
	sum.Stored += f.of(FateStored)
	sum.Duplicates += f.of(FateDuplicate)
	sum.Expired += f.of(FateExpired)
	if i.tally != nil {
		f[domain.Unknown][FateQuarantined] += len(batch.Rejects)
		f.tell(i.tally)
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
