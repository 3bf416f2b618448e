package application

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// pipeline is a replay that runs. One goroutine reads, one makes jobs of what is
// read, some decode and commit these, and one, which is Run's, settles what is
// done in the order of reading.
type pipeline struct {
	*Replay
	slices chan ports.Slice
	jobs   chan *job // in order of reading

	// Of the one that settles.
	marks   map[string]ports.Mark
	saved   time.Time
	unsaved bool // there are marks that were not saved
	report  ReplayReport
}

// job is slices that one worker decodes and commits.
type job struct {
	slices []ports.Slice
	lines  int64
	counts ReplayCounts
	err    error
	ended  chan struct{}
}

func (j *job) add(s ports.Slice) {
	j.slices = append(j.slices, s)
	j.lines += s.Lines
}

func (p *pipeline) run(ctx context.Context, marks map[string]ports.Mark) error {
	running, stop := context.WithCancel(ctx)
	defer stop()
	var reader sync.WaitGroup
	var unread error
	reader.Go(func() { unread = p.read(running, marks) })
	reader.Go(func() { p.gather(running) })
	var failed error
	for j := range p.jobs {
		if <-j.ended; failed != nil {
			continue
		}
		if failed = j.err; failed == nil {
			p.settle(j)
			failed = p.save(time.Second)
		}
		if failed != nil {
			stop()
		}
	}
	reader.Wait()
	saved := p.save(0)
	if failed == nil {
		failed = unread
	}
	if ctx.Err() != nil && (failed == nil || errors.Is(failed, ctx.Err())) {
		failed = context.Cause(ctx)
	}
	return errors.Join(failed, saved)
}

func (p *pipeline) read(ctx context.Context, marks map[string]ports.Mark) error {
	defer close(p.slices)
	for s, err := range p.segments.Read(ctx, marks) {
		if err != nil {
			return err
		}
		select {
		case p.slices <- s:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// gather makes jobs of slices, hands them to workers, and returns when these
// have ended.
func (p *pipeline) gather(ctx context.Context) {
	defer close(p.jobs)
	work := make(chan *job)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer close(work)
	for range p.config.Workers {
		workers.Go(func() {
			for j := range work {
				p.work(ctx, j)
			}
		})
	}
	for s := range p.slices {
		j := &job{ended: make(chan struct{})}
		j.add(s)
		if !p.hand(ctx, j, work) {
			return
		}
		p.jobs <- j
	}
}

// hand gives j to a worker. While none is free it grows, up to a unit. It is not
// given away when ctx has ended.
func (p *pipeline) hand(ctx context.Context, j *job, work chan<- *job) bool {
	for more := p.slices; ctx.Err() == nil; {
		if j.lines >= int64(p.config.UnitEvents) {
			more = nil
		}
		select {
		case work <- j:
			return true
		case s, ok := <-more:
			if !ok {
				more = nil
				continue
			}
			j.add(s)
		case <-ctx.Done():
		}
	}
	return false
}

func (p *pipeline) work(ctx context.Context, j *job) {
	t := taker{Replay: p.Replay}
	j.err = t.take(ctx, j.slices)
	j.counts = t.counts
	for i := range j.slices {
		j.slices[i].Text = ""
	}
	close(j.ended)
}

// settle takes a job's results into the report and its marks to be saved.
func (p *pipeline) settle(j *job) {
	p.report.add(&j.counts)
	for i := range j.slices {
		s := &j.slices[i]
		p.report.see(s)
		if s.Mark != (ports.Mark{}) {
			p.marks[s.File], p.unsaved = s.Mark, true
		}
		p.watcher.Took(s, &p.report)
	}
}

// save saves the marks if that was done longer ago.
func (p *pipeline) save(every time.Duration) error {
	if !p.unsaved || p.config.DryRun || time.Since(p.saved) < every {
		return nil
	}
	if err := p.checkpoint.Save(context.Background(), p.marks); err != nil {
		return err
	}
	p.unsaved, p.saved = false, time.Now()
	return nil
}
