package application

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// GroupConfig tunes a Group; zero fields take the defaults.
type GroupConfig struct {
	Writers int           // commits under way at once, 1
	Events  int           // and rejects: where a unit stops growing, 2,000
	Waiting int           // submissions queued before Commit waits itself, 1,024
	Timeout time.Duration // of one commit, 15 s
}

func (c GroupConfig) withDefaults() GroupConfig {
	defaults := GroupConfig{Writers: 1, Events: 2000, Waiting: 1024, Timeout: 15 * time.Second}
	if c.Writers > 0 {
		defaults.Writers = c.Writers
	}
	if c.Events > 0 {
		defaults.Events = c.Events
	}
	if c.Waiting > 0 {
		defaults.Waiting = c.Waiting
	}
	if c.Timeout > 0 {
		defaults.Timeout = c.Timeout
	}
	return defaults
}

// Group makes one unit of whatever waits while a commit runs, and lets no one
// wait for company: at rest a submission is committed at once, under load units
// grow by themselves. (No timer of 2 or 5 ms was faster at 64 to 256 clients.)
//
// What is held is bounded by who submits (see Budget): Commit does not return
// while the group has use for the unit.
type Group struct {
	next   Commits
	config GroupConfig
	queue  chan *submission

	closing chan struct{} // closed when nothing more is taken
	ended   chan struct{} // closed when the writers have ended
	once    sync.Once
	abort   context.CancelFunc
}

// submission is one caller's unit and where its outcome goes.
type submission struct {
	unit    ports.Unit
	claimed atomic.Bool // by a writer that commits it, or by a caller who left
	outcome Outcome
	err     error
	done    chan struct{}
}

// claim says whether the caller is the first to claim the submission.
func (s *submission) claim() bool { return s.claimed.CompareAndSwap(false, true) }

// NewGroup starts the writers; Close ends them.
func NewGroup(next Commits, config GroupConfig) *Group {
	config = config.withDefaults()
	ctx, abort := context.WithCancel(context.Background())
	g := &Group{
		next: next, config: config, abort: abort,
		queue:   make(chan *submission, config.Waiting),
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
	var writers sync.WaitGroup
	for range config.Writers {
		writers.Go(func() { g.write(ctx) })
	}
	go func() {
		writers.Wait()
		close(g.ended)
	}()
	return g
}

// Commit implements Commits. When ctx ends while the unit waits, it is not
// committed; one whose commit is under way is waited for all the same.
func (g *Group) Commit(ctx context.Context, u ports.Unit) (Outcome, error) {
	s := &submission{unit: u, done: make(chan struct{})}
	if err := g.submit(ctx, s); err != nil {
		return Outcome{}, err
	}
	select {
	case <-s.done:
		return s.outcome, s.err
	case <-ctx.Done():
		if s.claim() {
			s.unit = ports.Unit{} // it stands in the queue still
			return Outcome{}, gaveUp(ctx)
		}
	case <-g.ended:
		if s.claim() { // it came behind the last one
			return Outcome{}, errClosed
		}
	}
	<-s.done
	return s.outcome, s.err
}

func (g *Group) submit(ctx context.Context, s *submission) error {
	select {
	case <-g.closing:
		return errClosed
	case <-ctx.Done():
		return gaveUp(ctx)
	default:
	}
	select {
	case g.queue <- s:
		return nil
	case <-g.closing:
		return errClosed
	case <-ctx.Done():
		return gaveUp(ctx)
	}
}

// Close takes no more, commits what was submitted and returns when the writers
// have ended. What is not committed when ctx ends is ErrUnavailable for those
// who submitted it.
func (g *Group) Close(ctx context.Context) {
	g.once.Do(func() { close(g.closing) })
	defer context.AfterFunc(ctx, g.abort)()
	<-g.ended
	g.abort()
}

// write commits until the group is closed and nothing waits.
func (g *Group) write(ctx context.Context) {
	for {
		select {
		case s := <-g.queue:
			g.commit(ctx, g.collect(s))
			continue
		case <-g.closing:
		}
		select {
		case s := <-g.queue:
			g.commit(ctx, g.collect(s))
		default:
			return
		}
	}
}

// collect takes what waits, in order, until the unit is large.
func (g *Group) collect(s *submission) []*submission {
	var together []*submission
	for size := 0; ; {
		if s.claim() {
			together = append(together, s)
			size += len(s.unit.Events) + len(s.unit.Rejects)
		}
		if size >= g.config.Events {
			return together
		}
		select {
		case s = <-g.queue:
		default:
			return together
		}
	}
}

// commit commits submissions as one unit and tells each caller of its part. The
// time limit is the unit's own: no caller who leaves may end it for the others.
// Where the unit cannot even be put into quarantine each stands for itself.
func (g *Group) commit(ctx context.Context, together []*submission) {
	if len(together) == 0 {
		return
	}
	limited, cancel := context.WithTimeout(ctx, g.config.Timeout)
	outcome, err := g.next.Commit(limited, merge(together))
	cancel()
	if len(together) > 1 && errors.Is(err, ports.ErrRefused) {
		for i := range together {
			g.commit(ctx, together[i:i+1])
		}
		return
	}
	from := 0
	for _, s := range together {
		n := len(s.unit.Events)
		if s.err = err; err == nil {
			s.outcome = outcome.part(from, n)
		}
		from += n
		close(s.done)
	}
}

func merge(together []*submission) ports.Unit {
	if len(together) == 1 {
		return together[0].unit
	}
	events, rejects := 0, 0
	for _, s := range together {
		events += len(s.unit.Events)
		rejects += len(s.unit.Rejects)
	}
	u := ports.Unit{
		Events:  make([]domain.EmailEvent, 0, events),
		Rejects: make([]domain.Reject, 0, rejects),
	}
	for _, s := range together {
		u.Events = append(u.Events, s.unit.Events...)
		u.Rejects = append(u.Rejects, s.unit.Rejects...)
	}
	return u
}

// part is the outcome of n events from the event from on.
func (o Outcome) part(from, n int) Outcome {
	p := Outcome{New: o.New[from : from+n]}
	for i, reason := range o.Refused {
		if from <= i && i < from+n {
			if p.Refused == nil {
				p.Refused = map[int]string{}
			}
			p.Refused[i-from] = reason
		}
	}
	return p
}

var errClosed = fmt.Errorf("commit: shutting down: %w", ports.ErrUnavailable)

func gaveUp(ctx context.Context) error {
	return fmt.Errorf("commit: %w: %w", ports.ErrUnavailable, context.Cause(ctx))
}
