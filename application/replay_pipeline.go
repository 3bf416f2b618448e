package application

import (
	"context"
	"errors"
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// pipeline works on log files. One goroutine reads, one makes jobs of what is
// read, some work on these, and one, which is run's, settles what is done in the
// order of reading.
type pipeline struct {
	segments ports.Segments
	workers  int
	lines    int                               // where a job stops growing
	work     func(context.Context, *job) error // safe for concurrent use
	settle   func(*job) error

	slices chan ports.Slice
	jobs   chan *job // in order of reading
}

// job is slices that one worker works on, and what comes of it.
type job struct {
	slices []ports.Slice
	lines  int64
	counts ReplayCounts
	found  []found // of an audit
	err    error
	ended  chan struct{}
}

func (j *job) add(s ports.Slice) {
	j.slices = append(j.slices, s)
	j.lines += s.Lines
}

// run works on what the files have from marks on, and returns when all is
// settled: the first error of those who work and settle, else that of reading,
// and that of ctx where it has ended.
func (p *pipeline) run(ctx context.Context, marks map[string]ports.Mark) error {
	p.slices, p.jobs = make(chan ports.Slice, 2), make(chan *job, p.workers)
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
			failed = p.settle(j)
		}
		if failed != nil {
			stop()
		}
	}
	reader.Wait()
	if failed == nil {
		failed = unread
	}
	if ctx.Err() != nil && (failed == nil || errors.Is(failed, ctx.Err())) {
		failed = context.Cause(ctx)
	}
	return failed
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
	for range p.workers {
		workers.Go(func() {
			for j := range work {
				j.err = p.work(ctx, j)
				for i := range j.slices {
					j.slices[i].Text = ""
				}
				close(j.ended)
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
		if j.lines >= int64(p.lines) {
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
