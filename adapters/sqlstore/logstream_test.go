package sqlstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// pagesOf is a store of n logs that gives them page by page, and counts.
type pagesOf struct {
	n            int
	asked, given int
}

func keyOf(i int) (k domain.LogKey) {
	binary.BigEndian.PutUint64(k[:], uint64(i))
	return k
}

// read gives the logs from n down to 1 that are below before.
func (p *pagesOf) read(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
	p.asked++
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	next := p.n
	if before != (domain.LogKey{}) {
		next = int(binary.BigEndian.Uint64(before[:])) - 1
	}
	var page []domain.EmailLog
	for ; next > 0 && len(page) < streamPage; next-- {
		page = append(page, domain.EmailLog{Key: keyOf(next)})
	}
	p.given++
	return page, nil
}

func TestStreamOfLogsGivesEachOnceInOrder(t *testing.T) {
	for _, n := range []int{0, 1, streamPage - 1, streamPage, streamPage + 1, 3 * streamPage} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			store, left := &pagesOf{n: n}, n
			for l, err := range streamLogs(t.Context(), nil, pagesDown(store.read)) {
				if err != nil || l.Key != keyOf(left) {
					t.Fatalf("got %s and %v with %d left", l.Key, err, left)
				}
				left--
			}
			if want := n/streamPage + 1; left != 0 || store.asked != want {
				t.Errorf("%d are left after %d pages, want none after %d", left, store.asked, want)
			}
		})
	}
}

func TestStreamOfLogsReadsTwoPagesAheadAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, logs := &pagesOf{n: 6 * streamPage}, 0
		for _, err := range streamLogs(t.Context(), nil, pagesDown(store.read)) {
			if err != nil {
				t.Fatal(err)
			}
			if logs%streamPage == 0 {
				synctest.Wait() // a slow reader
				if want := min(logs/streamPage+3, 7); store.given != want {
					t.Errorf("after %d logs %d pages are read, want %d", logs, store.given, want)
				}
			}
			logs++
		}
	})
}

func TestStreamOfLogsThatIsLeftEndsItsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, ended := &pagesOf{n: 5 * streamPage}, false
		read := func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
			if store.asked > 0 { // a statement that goes on until it is cancelled
				<-ctx.Done()
				ended = true
				return nil, ctx.Err()
			}
			return store.read(ctx, before)
		}
		for _, err := range streamLogs(t.Context(), nil, pagesDown(read)) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			break
		}
		if !ended {
			t.Error("the sequence has ended before its reading")
		}
	})
}

func TestStreamOfLogsEndsAtItsFirstError(t *testing.T) {
	store, broken := &pagesOf{n: 5 * streamPage}, errors.New("broken")
	read := func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
		if store.asked++; store.asked == 2 {
			return nil, broken
		}
		store.asked--
		return store.read(ctx, before)
	}
	var told []error
	logs := 0
	for _, err := range streamLogs(t.Context(), nil, pagesDown(read)) {
		if err != nil {
			told = append(told, err)
			continue
		}
		logs++
	}
	if logs != streamPage || len(told) != 1 || !errors.Is(told[0], broken) || store.asked != 2 {
		t.Errorf("%d logs, errors %v after %d pages, want one page and the second's error", logs, told, store.asked)
	}
}

// TestStreamOfLogsThatIsCutOffSaysSo has its context end while pages wait.
func TestStreamOfLogsThatIsCutOffSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		store := &pagesOf{n: 5 * streamPage}
		var last error
		logs := 0
		for _, err := range streamLogs(ctx, nil, pagesDown(store.read)) {
			if logs == 0 {
				synctest.Wait()
				cancel()
			}
			if last = err; err == nil {
				logs++
			}
		}
		if logs != 3*streamPage || !errors.Is(last, context.Canceled) {
			t.Errorf("%d logs, last error %v, want the three pages that were read and then that it was cancelled", logs, last)
		}
	})
}

// besidePages are n times two logs, in a page each or together, which are read as
// long as let takes.
type besidePages struct {
	n     int
	apart bool
	let   func(ctx context.Context, page int) error
	lock  sync.Mutex
	at    int

	reading, most int // at once
}

func (p *besidePages) begin() nextPages {
	p.at = 0
	return func(context.Context) (readPages, bool, error) {
		p.at++
		return p.read(p.at), p.at < p.n, nil
	}
}

func (p *besidePages) read(page int) readPages {
	return func(ctx context.Context) iter.Seq2[[]domain.EmailLog, error] {
		return func(yield func([]domain.EmailLog, error) bool) {
			p.count(1)
			err := p.let(ctx, page)
			p.count(-1)
			if err != nil {
				yield(nil, err)
				return
			}
			two := []domain.EmailLog{{Key: keyOf(2 * page)}, {Key: keyOf(2*page + 1)}}
			if !p.apart {
				yield(two, nil)
			} else if yield(two[:1], nil) {
				yield(two[1:], nil)
			}
		}
	}
}

func (p *besidePages) count(n int) {
	p.lock.Lock()
	defer p.lock.Unlock()
	p.reading += n
	p.most = max(p.most, p.reading)
}

// TestStreamOfLogsReadsPagesBesideEachOtherInOrder has each second page take longer.
func TestStreamOfLogsReadsPagesBesideEachOtherInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 9
		pages := &besidePages{n: n, apart: true, let: func(_ context.Context, page int) error {
			time.Sleep(time.Duration(1+page%2*10) * time.Second) //nolint:forbidigo // in a bubble of synctest no one waits
			return nil
		}}
		beside := make(chan struct{}, 1)
		for range 2 { // a sequence can be read again
			next := 2
			for l, err := range streamLogs(t.Context(), beside, pages.begin) {
				if err != nil || l.Key != keyOf(next) {
					t.Fatalf("got %s and %v, want log %d", l.Key, err, next)
				}
				next++
			}
			if next != 2*n+2 || pages.most != 2 || len(beside) != 0 {
				t.Errorf("%d logs, %d pages read at once, %d places held, want %d, 2 and none", next-2, pages.most, len(beside), 2*n)
			}
		}
	})
}

// TestStreamsShareThePlacesBesideThem has three streams, of which one at a time reads
// two pages at once.
func TestStreamsShareThePlacesBesideThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := &besidePages{}
		pages.let = func(context.Context, int) error {
			time.Sleep(time.Second) //nolint:forbidigo // in a bubble of synctest no one waits
			return nil
		}
		beside := make(chan struct{}, 1)
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				logs := 0
				for _, err := range streamLogs(t.Context(), beside, func() nextPages {
					at := 0
					return func(context.Context) (readPages, bool, error) {
						at++
						return pages.read(at), at < 20, nil
					}
				}) {
					if err != nil {
						t.Error(err)
					}
					logs++
				}
				if logs != 40 {
					t.Errorf("%d logs, want 40", logs)
				}
			})
		}
		all.Wait()
		if pages.most != 4 || len(beside) != 0 {
			t.Errorf("%d pages read at once, %d places held, want 4 and none", pages.most, len(beside))
		}
	})
}

// TestSlowReaderHoldsNoPlaceBeside has a stream that nobody takes from.
func TestSlowReaderHoldsNoPlaceBeside(t *testing.T) {
	for _, apart := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			pages := &besidePages{n: 9, apart: apart, let: func(context.Context, int) error { return nil }}
			beside := make(chan struct{}, 1)
			logs := 0
			for _, err := range streamLogs(t.Context(), beside, pages.begin) {
				synctest.Wait()
				if err != nil || len(beside) != 0 {
					t.Fatalf("pages apart %t: error %v, %d places held, want none", apart, err, len(beside))
				}
				logs++
			}
			if logs != 18 {
				t.Errorf("pages apart %t: %d logs, want 18", apart, logs)
			}
		})
	}
}

// TestStreamOfLogsTellsTheErrorInItsOrder fails the third page at once, while the
// second is read.
func TestStreamOfLogsTellsTheErrorInItsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		pages := &besidePages{n: 9, let: func(_ context.Context, page int) error {
			switch page {
			case 2:
				time.Sleep(time.Second) //nolint:forbidigo // in a bubble of synctest no one waits
			case 3:
				return broken
			}
			return nil
		}}
		logs := 0
		var told []error
		for _, err := range streamLogs(t.Context(), make(chan struct{}, 1), pages.begin) {
			if err != nil {
				told = append(told, err)
				continue
			}
			logs++
		}
		if logs != 4 || len(told) != 1 || !errors.Is(told[0], broken) {
			t.Errorf("%d logs, errors %v, want the two pages before the one that fails", logs, told)
		}
	})
}

// TestStreamOfLogsThatIsLeftEndsAllItsReading leaves while two pages are read.
func TestStreamOfLogsThatIsLeftEndsAllItsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := &besidePages{n: 9, let: func(ctx context.Context, page int) error {
			if page > 1 {
				<-ctx.Done()
			}
			return ctx.Err()
		}}
		beside := make(chan struct{}, 1)
		for _, err := range streamLogs(t.Context(), beside, pages.begin) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			break
		}
		if pages.most != 2 || pages.reading != 0 || len(beside) != 0 {
			t.Errorf("%d pages were read at once, %d still are, %d places held, want 2, none and none", pages.most, pages.reading, len(beside))
		}
	})
}
