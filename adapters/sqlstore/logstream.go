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

// nextPage reads the page of logs after the last, greatest key first, and says
// whether there may be more. A page may be empty though there are more.
type nextPage func(ctx context.Context) (logs []domain.EmailLog, more bool, err error)

// pagesDown begins to read pages of streamPage, each below the last log of the one
// before.
func pagesDown(read func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error)) func() nextPage {
	return func() nextPage {
		var before domain.LogKey
		return func(ctx context.Context) ([]domain.EmailLog, bool, error) {
			logs, err := read(ctx, before)
			if err != nil || len(logs) < streamPage {
				return logs, false, err
			}
			before = logs[len(logs)-1].Key
			return logs, true, nil
		}
	}
}

// logsRead is what reading a page came to.
type logsRead struct {
	logs []domain.EmailLog
	err  error
}

// streamLogs yields what a reading gives that begins anew each time, page after
// page, and reads the next one while one is yielded: of two pages one waits for its
// turn or is being read. The reading has ended when the sequence has.
func streamLogs(ctx context.Context, begin func() nextPage) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages, left := make(chan logsRead), make(chan struct{})
		var reading sync.WaitGroup
		reading.Go(func() { readPages(ctx, pages, left, begin()) })
		defer reading.Wait()
		defer close(left)
		defer cancel()
		for page := range pages {
			for i := range page.logs {
				if !yield(page.logs[i], nil) {
					return
				}
			}
			if page.err != nil {
				yield(domain.EmailLog{}, page.err)
				return
			}
		}
	}
}

// readPages hands over pages until the last, or an error, or until nobody is
// left. That ctx has ended is an error like others, told by next: a stream that
// it cut off must not look like a whole one.
func readPages(ctx context.Context, pages chan<- logsRead, left <-chan struct{}, next nextPage) {
	defer close(pages)
	for more := true; more; {
		var page logsRead
		page.logs, more, page.err = next(ctx)
		select {
		case pages <- page:
		case <-left:
			return
		}
		more = more && page.err == nil
	}
}
