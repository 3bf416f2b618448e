package sqlstore

import (
	"context"
	"iter"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
)

// streamPage is how many logs a stream reads at once, at most what assumed
// knows. A stream is many short statements: one that lasts as long as a slow
// reader would keep days from being dropped and dead rows from being cleared.
// To begin one takes PostgreSQL 1 to 3 ms over 90 days, as long as 500 rows.
const streamPage = 2000

// pagesAhead is how many nextPages of a stream are asked for beyond those that are
// yielded. Of each one page may wait and one be read.
const pagesAhead = 2

// nextPages says where the next pages of logs are, greatest key first, and whether
// there may be more behind them. To read them may take a while, in which it is asked
// for those behind.
type nextPages func(ctx context.Context) (read readPages, more bool, err error)

// readPages reads pages, which may be none or empty ones. An error is the last.
type readPages func(ctx context.Context) iter.Seq2[[]domain.EmailLog, error]

// pagesDown begins to read pages of streamPage, each below the last log of the one
// before, so that none can be read beside another.
func pagesDown(read func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error)) func() nextPages {
	return func() nextPages {
		var before domain.LogKey
		return func(ctx context.Context) (readPages, bool, error) {
			logs, err := read(ctx, before)
			if err != nil {
				return nil, false, err
			}
			if len(logs) > 0 {
				before = logs[len(logs)-1].Key
			}
			return onePage(logs), len(logs) >= streamPage, nil
		}
	}
}

// onePage is a page that was read already.
func onePage(logs []domain.EmailLog) readPages {
	return func(context.Context) iter.Seq2[[]domain.EmailLog, error] {
		return func(yield func([]domain.EmailLog, error) bool) { yield(logs, nil) }
	}
}

// logsRead is what reading a page came to.
type logsRead struct {
	logs []domain.EmailLog
	err  error
}

// logStream reads pages ahead of who takes them.
type logStream struct {
	gone chan struct{} // closed when nobody takes more
	// begun has a place for each of the pages from before they are asked for until they
	// are taken whole.
	begun chan struct{}
	pages chan chan logsRead // in their order, each as what comes of its reading

	asking sync.Mutex // held by who asks next
	next   nextPages
	ended  bool // there are no more
}

// streamLogs yields what a reading gives that begins anew each time, page after page,
// and reads the next ones while one is yielded: one after another, and two at once
// while beside, which streams share, has a place. The reading has ended when the
// sequence has.
func streamLogs(ctx context.Context, beside chan struct{}, begin func() nextPages) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		s := &logStream{
			gone: make(chan struct{}), begun: make(chan struct{}, pagesAhead+1),
			pages: make(chan chan logsRead, pagesAhead+1), next: begin(),
		}
		var reading sync.WaitGroup
		reading.Go(func() { s.read(ctx, nil) })
		if beside != nil {
			reading.Go(func() { s.read(ctx, beside) })
		}
		defer reading.Wait()
		defer close(s.gone)
		defer cancel()
		s.take(yield)
	}
}

// take yields logs until the last, or an error, or until they are not wanted.
func (s *logStream) take(yield func(domain.EmailLog, error) bool) {
	for page := range s.pages {
		for read := range page {
			for i := range read.logs {
				if !yield(read.logs[i], nil) {
					return
				}
			}
			if read.err != nil {
				yield(domain.EmailLog{}, read.err)
				return
			}
		}
		<-s.begun
	}
}

// read reads pages until the last, or an error, or until nobody takes more: while it
// has a place of beside, if that is not nil. That ctx has ended is an error like others,
// told by who reads: a stream that it cut off must not look like a whole one.
func (s *logStream) read(ctx context.Context, beside chan struct{}) {
	p := &place{of: beside}
	defer p.leave()
	for more := true; more; {
		if !s.enter(s.begun) || !p.take(s) {
			return
		}
		more = s.readNext(ctx, p)
		p.leave()
	}
}

// enter waits for a place, and is false if nobody takes more before there is one.
func (s *logStream) enter(places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-s.gone:
		return false
	}
}

// place is one that a reader needs while it reads, none where of is nil.
type place struct {
	of   chan struct{}
	held bool
}

func (p *place) take(s *logStream) bool {
	p.held = p.of != nil && s.enter(p.of)
	return p.held || p.of == nil
}

func (p *place) leave() {
	if p.held {
		<-p.of
	}
	p.held = false
}

// readNext reads the next pages, and says whether there may be more. While a page waits
// to be taken, its place is another's.
func (s *logStream) readNext(ctx context.Context, p *place) bool {
	page, read, err := s.askNext(ctx)
	if page == nil {
		return false
	}
	defer close(page)
	if err != nil {
		page <- logsRead{err: err} // it has room for one
		return false
	}
	for logs, err := range read(ctx) {
		if !s.handOver(page, logsRead{logs, err}, p) || err != nil {
			return false
		}
	}
	return true
}

func (s *logStream) handOver(page chan<- logsRead, read logsRead, p *place) bool {
	select {
	case page <- read:
		return true
	default:
		p.leave()
	}
	select {
	case page <- read:
		return p.take(s)
	case <-s.gone:
		return false
	}
}

// askNext puts the next pages in their order, nil for no more.
func (s *logStream) askNext(ctx context.Context) (page chan logsRead, read readPages, err error) {
	s.asking.Lock()
	defer s.asking.Unlock()
	if s.ended {
		return nil, nil, nil
	}
	read, more, err := s.next(ctx)
	s.ended = err != nil || !more
	page = make(chan logsRead, 1)
	s.pages <- page // it has room for all that have begun
	if s.ended {
		close(s.pages)
	}
	return page, read, err
}
