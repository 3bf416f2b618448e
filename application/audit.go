package application

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// AuditConfig says what is compared, and how. The zero value compares all.
type AuditConfig struct {
	// Since and Until choose events that occurred in [Since, Until); a zero time
	// is no bound. What was logged within the last minutes may be on its way.
	Since, Until time.Time
	// Workers is how many decode at once, 0 for 2.
	Workers int
	// Entries is how many events are held in memory, of 24 bytes each, where there
	// is a scratch for more; 0 for 1,048,576.
	Entries int
	// Examples is how many missing events are named, 0 for 20.
	Examples int
	// Patience is how long a store that is away is waited for, 0 for ever.
	Patience time.Duration
}

func (c AuditConfig) withDefaults() AuditConfig {
	for of, n := range map[*int]int{&c.Workers: 2, &c.Entries: 1 << 20, &c.Examples: 20} {
		if *of <= 0 {
			*of = n
		}
	}
	return c
}

// Scratch is room outside of memory, as a file that is removed has it: what is
// written is read back from its place.
type Scratch interface {
	io.Writer
	io.ReaderAt
}

// AuditWatcher is told how an audit goes. Safe for concurrent use.
type AuditWatcher interface {
	ReplayWatcher
	// Compared says that n of so many events of the files were compared.
	Compared(n, of int64)
}

// Audit compares what log files have with what the store has, and writes
// nothing. Events are told apart by their ids, which all their copies share.
//
// It reads the files whole before it asks the store: ids are sorted, in memory
// or beyond it in a scratch, and compared in order with those of the store, so
// that memory is bounded however many there are.
type Audit struct {
	segments ports.Segments
	decoder  ports.RecordDecoder
	index    ports.EventIndex
	keep     Keep
	now      func() time.Time
	config   AuditConfig
	scratch  Scratch
	watcher  AuditWatcher
}

// NewAudit compares segments with index. Events older than keep says are not
// missing. now is the clock, time.Now.
func NewAudit(segments ports.Segments, decoder ports.RecordDecoder, index ports.EventIndex, keep Keep, now func() time.Time, config AuditConfig) *Audit {
	return &Audit{
		segments: segments, decoder: decoder, index: index, keep: keep, now: now,
		config: config.withDefaults(), watcher: unwatched{},
	}
}

// WithScratch returns an Audit that keeps what does not fit in memory in s, of
// which 24 bytes for each event are written. Without one it is all in memory.
func (a *Audit) WithScratch(s Scratch) *Audit {
	with := *a
	with.scratch = s
	return &with
}

// WithWatcher returns an Audit that tells w how it goes.
func (a *Audit) WithWatcher(w AuditWatcher) *Audit {
	with := *a
	with.watcher = w
	return &with
}

// Run compares. With an error, which is that of ctx, ErrUnavailable, or of what
// cannot be read at all, the report is of no use.
func (a *Audit) Run(ctx context.Context) (AuditReport, error) {
	r := auditing{
		Audit: a, isCurrent: a.keep.isCurrent(a.now()),
		found: entries{scratch: a.scratch, limit: a.config.Entries},
		rows:  map[nodeHour]*AuditRow{}, spans: map[uint16]*span{},
	}
	if err := r.run(ctx); err != nil {
		return AuditReport{}, fmt.Errorf("audit: %w", err)
	}
	return r.finished(), nil
}

// auditing is an audit that runs.
type auditing struct {
	*Audit
	isCurrent    func(domain.EventID) bool
	nodes, files names

	// Of the one that settles, then of the one that compares.
	found  entries
	rows   map[nodeHour]*AuditRow
	spans  map[uint16]*span
	report AuditReport
	read   ReplayReport
}

// nodeHour is an hour of a node's, -1 for events without a time.
type nodeHour struct {
	node uint16
	hour int64
}

// span is when events of a node occurred, in milliseconds.
type span struct{ first, last int64 }

func (r *auditing) run(ctx context.Context) error {
	p := pipeline{
		segments: r.segments, workers: r.config.Workers, lines: pieceLines, work: r.work, settle: r.settle,
	}
	if err := p.run(ctx, map[string]ports.Mark{}); err != nil {
		return err
	}
	return r.compare(ctx)
}

// work finds the events of a job's lines.
func (r *auditing) work(ctx context.Context, j *job) error {
	for i := range j.slices {
		t := auditTaker{auditing: r, job: j, file: uint32(r.files.number(j.slices[i].File)), lines: lineTaker{
			decoder: r.decoder, since: r.config.Since, until: r.config.Until, full: pieceLines,
		}}
		t.lines.flush = t.flush
		if err := t.lines.take(ctx, j.slices[i:i+1]); err != nil {
			return err
		}
		j.counts.add(&t.lines.counts)
	}
	return nil
}

// auditTaker takes the lines of one slice.
type auditTaker struct {
	*auditing
	job   *job
	file  uint32
	lines lineTaker

	node   string // of the event before
	number uint16
}

func (t *auditTaker) flush(ctx context.Context) error {
	for i := range t.lines.unit.Events {
		t.find(&t.lines.unit.Events[i], false)
	}
	t.lines.counts.Quarantined += int64(len(t.lines.unit.Rejects))
	for _, record := range t.lines.lost {
		events := eventsOfMail(t.decoder, record)
		if len(events) == 0 {
			t.lines.counts.Unrestored++
		}
		for i := range events {
			t.find(&events[i], true)
		}
	}
	t.lines.unit, t.lines.lost = ports.Batch{}, nil
	return ctx.Err()
}

func (t *auditTaker) find(e *domain.EmailEvent, lost bool) {
	if !t.isCurrent(e.ID) {
		t.lines.counts.Expired++
		return
	}
	if e.NodeID != t.node || t.node == "" {
		t.node, t.number = e.NodeID, uint16(t.nodes.number(e.NodeID))
	}
	t.job.found = append(t.job.found, found{id: e.ID, file: t.file, node: t.number, kind: e.Type, lost: lost})
}

// settle notes what a job has found.
func (r *auditing) settle(j *job) error {
	r.read.add(&j.counts)
	for i := range j.slices {
		r.read.see(&j.slices[i])
		r.report.done(j.slices[i].File, j.slices[i].Mark)
		r.watcher.Took(&j.slices[i], &r.read)
	}
	for i := range j.found {
		r.cover(&j.found[i])
	}
	return r.found.add(j.found)
}

// cover notes when the files have events of which node.
func (r *auditing) cover(f *found) {
	at, dated := f.id.Time()
	if !dated {
		return
	}
	ms := at.UnixMilli()
	s, ok := r.spans[f.node]
	if !ok {
		s = &span{ms, ms}
		r.spans[f.node] = s
	}
	s.first, s.last = min(s.first, ms), max(s.last, ms)
}

// row returns the row that an event counts in.
func (r *auditing) row(node uint16, id domain.EventID) *AuditRow {
	key := hourOf(node, id)
	row, ok := r.rows[key]
	if !ok {
		row = &AuditRow{Node: r.nodes.list[node]}
		if key.hour >= 0 {
			row.Hour = time.Unix(key.hour*3600, 0).UTC()
		}
		r.rows[key] = row
	}
	return row
}

func hourOf(node uint16, id domain.EventID) nodeHour {
	at, dated := id.Time()
	if !dated {
		return nodeHour{node, -1}
	}
	return nodeHour{node, at.Unix() / 3600}
}

// ids streams the ids that the store has of a time, and waits for it where it is
// away.
func (r *auditing) ids(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	p := patience{r.config.Patience, r.watcher.Waits}
	return func(yield func(domain.EventID, error) bool) {
		var last domain.EventID
		away, wait := time.Now(), firstWait
		for {
			var failed error
			for id, err := range r.index.EventIDs(ctx, from, to) {
				if failed = err; err != nil {
					break
				}
				if compareIDs(id, last) <= 0 {
					continue // it began the last millisecond anew
				}
				if !yield(id, nil) {
					return
				}
				last, away, wait = id, time.Now(), firstWait
			}
			if failed == nil {
				return
			}
			if ctx.Err() != nil || !errors.Is(failed, ports.ErrUnavailable) {
				yield(last, failed)
				return
			}
			if err := p.wait(ctx, failed, away, wait); err != nil {
				yield(last, err)
				return
			}
			wait = min(2*wait, longWait)
			if at, ok := last.Time(); ok {
				from = at
			}
		}
	}
}
