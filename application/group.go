package application

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// GroupConfig tunes a Group; zero fields take the defaults.
type GroupConfig struct {
	Writers int           // commits under way at once, 1
	Events  int           // where a unit stops growing, 2,000
	Waiting int           // submissions queued before Commit waits itself, 1,024
	Timeout time.Duration // of one commit, 30 s
}

func (c GroupConfig) withDefaults() GroupConfig {
	defaults := GroupConfig{Writers: 1, Events: 2000, Waiting: 1024, Timeout: 30 * time.Second}
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
// What is held is bounded by who submits: see Budget.
type Group struct {
	next   Commits
	config GroupConfig
	queue  chan *submission

	closing sync.RWMutex
	closed  bool
	writers sync.WaitGroup
}

// submission is one caller's unit and where its outcome goes.
type submission struct {
	unit    ports.Unit
	outcome Outcome
	err     error
	done    chan struct{}
}

// NewGroup starts the writers; Close ends them.
func NewGroup(next Commits, config GroupConfig) *Group {
	config = config.withDefaults()
	g := &Group{next: next, config: config, queue: make(chan *submission, config.Waiting)}
	for range config.Writers {
		g.writers.Go(g.write)
	}
	return g
}

// Commit implements Commits. When ctx ends first the unit may still be
// committed.
func (g *Group) Commit(ctx context.Context, u ports.Unit) (Outcome, error) {
	s := &submission{unit: u, done: make(chan struct{})}
	if err := g.submit(ctx, s); err != nil {
		return Outcome{}, err
	}
	select {
	case <-s.done:
		return s.outcome, s.err
	case <-ctx.Done():
		return Outcome{}, gaveUp(ctx)
	}
}

func (g *Group) submit(ctx context.Context, s *submission) error {
	g.closing.RLock()
	defer g.closing.RUnlock()
	if g.closed {
		return fmt.Errorf("commit: shutting down: %w", ports.ErrUnavailable)
	}
	select {
	case g.queue <- s:
		return nil
	case <-ctx.Done():
		return gaveUp(ctx)
	}
}

// Close takes no more, commits what was submitted and returns when all writers
// have ended.
func (g *Group) Close() {
	g.closing.Lock()
	if !g.closed {
		g.closed = true
		close(g.queue)
	}
	g.closing.Unlock()
	g.writers.Wait()
}

func (g *Group) write() {
	for s := range g.queue {
		g.commit(g.collect(s))
	}
}

// collect takes what waits, in order, until the unit is large.
func (g *Group) collect(first *submission) []*submission {
	together := []*submission{first}
	for events := len(first.unit.Events); events < g.config.Events; {
		select {
		case s, ok := <-g.queue:
			if !ok {
				return together
			}
			together = append(together, s)
			events += len(s.unit.Events) + len(s.unit.Rejects)
		default:
			return together
		}
	}
	return together
}

// commit commits submissions as one unit and tells each caller of its part. The
// time limit is the unit's own: no caller who leaves may end it for the others.
func (g *Group) commit(together []*submission) {
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Timeout)
	defer cancel()
	outcome, err := g.next.Commit(ctx, merge(together))
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

func gaveUp(ctx context.Context) error {
	return fmt.Errorf("commit: %w: %w", ports.ErrUnavailable, context.Cause(ctx))
}
