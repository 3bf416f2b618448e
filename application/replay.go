package application

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// ReplayConfig says what of log files is taken, and how. The zero value takes
// all.
type ReplayConfig struct {
	// Since and Until choose records that occurred in [Since, Until); a zero time
	// is no bound. What could not be read has no time and is taken.
	Since, Until time.Time
	// DryRun asks the store what it knows, counts what would become of the
	// records, and writes nothing. A record that stands in the files twice counts
	// twice.
	DryRun bool
	// Missing takes only records that the store has not got. Others count as
	// duplicates, and nothing of theirs is joined into logs.
	Missing bool
	// Workers is how many units are decoded or committed at once, 0 for 3: two
	// for the writers of a server, and one that decodes meanwhile.
	Workers int
	// UnitEvents is where a unit stops growing, 0 for 2,000. (Of a record the
	// client and PostgreSQL take 46 us of CPU together in units of 2,000, 50 in
	// units of 500.)
	UnitEvents int
	// Patience is how long a store that does not take anything is waited for, 0
	// for ever.
	Patience time.Duration
}

func (c ReplayConfig) withDefaults() ReplayConfig {
	if c.Workers <= 0 {
		c.Workers = 3
	}
	if c.UnitEvents <= 0 {
		c.UnitEvents = 2000
	}
	return c
}

// Replay takes what stands in log files as Ingest takes what comes from nodes:
// a record that came before is a duplicate, wherever it came from.
//
// Records of a log hook's own messages are not taken, for they are no mail: what
// a hook lost for good is counted, and taken from the copy in such a record if
// it has one (kumomta.md, section 6). Lines that are JSON but no log record are
// skipped, for other logs lie beside these; those that should be one go to
// quarantine as they do when a node sends them.
type Replay struct {
	segments   ports.Segments
	ingest     *Ingest
	index      ports.EventIndex
	checkpoint ports.Checkpoint
	watcher    ReplayWatcher
	config     ReplayConfig
}

// NewReplay reads segments and gives what is in them to ingest. Of ports only
// DryRun and Missing need index.
func NewReplay(segments ports.Segments, ingest *Ingest, index ports.EventIndex, config ReplayConfig) *Replay {
	return &Replay{
		segments: segments, ingest: ingest, index: index, config: config.withDefaults(),
		checkpoint: nowhere{}, watcher: unwatched{},
	}
}

// WithCheckpoint returns a Replay that goes on from c and moves it, once a
// second and at its end, past what is durable with everything before it in the
// file. A dry run leaves it where it is.
func (r *Replay) WithCheckpoint(c ports.Checkpoint) *Replay {
	with := *r
	with.checkpoint = c
	return &with
}

// WithWatcher returns a Replay that tells w how it goes.
func (r *Replay) WithWatcher(w ReplayWatcher) *Replay {
	with := *r
	with.watcher = w
	return &with
}

// Run replays until the files end, which those that are followed never do, or
// ctx does. In any case what is under way by then is finished, the checkpoint is
// saved, and the report says what became of what it is past. An error says why
// it ended early: ctx's own, ErrUnavailable for a store that was away for longer
// than Patience, or of what cannot be read at all.
func (r *Replay) Run(ctx context.Context) (ReplayReport, error) {
	marks, err := r.checkpoint.Load(ctx)
	if err != nil {
		return ReplayReport{}, fmt.Errorf("replay: %w", err)
	}
	s := settling{Replay: r, marks: map[string]ports.Mark{}, saved: time.Now()}
	maps.Copy(s.marks, marks)
	p := pipeline{
		segments: r.segments, workers: r.config.Workers, lines: r.config.UnitEvents, work: r.work, settle: s.settle,
	}
	err = p.run(ctx, marks)
	if err = errors.Join(err, s.save(0)); err != nil {
		err = fmt.Errorf("replay: %w", err)
	}
	return s.report, err
}

// settling takes into account what is durable.
type settling struct {
	*Replay
	report  ReplayReport
	marks   map[string]ports.Mark
	saved   time.Time
	unsaved bool // there are marks that were not saved
}

func (s *settling) settle(j *job) error {
	s.report.add(&j.counts)
	for i := range j.slices {
		slice := &j.slices[i]
		s.report.see(slice)
		if slice.Mark != (ports.Mark{}) {
			s.marks[slice.File], s.unsaved = slice.Mark, true
		}
		s.watcher.Took(slice, &s.report)
	}
	return s.save(time.Second)
}

// save saves the marks if that was done longer ago.
func (s *settling) save(every time.Duration) error {
	if !s.unsaved || s.config.DryRun || time.Since(s.saved) < every {
		return nil
	}
	if err := s.checkpoint.Save(context.Background(), s.marks); err != nil {
		return err
	}
	s.unsaved, s.saved = false, time.Now()
	return nil
}

// nowhere remembers nothing.
type nowhere struct{}

func (nowhere) Load(context.Context) (map[string]ports.Mark, error) { return nil, nil }
func (nowhere) Save(context.Context, map[string]ports.Mark) error   { return nil }
