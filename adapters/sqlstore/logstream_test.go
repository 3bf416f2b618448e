package sqlstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

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
			for l, err := range streamLogs(t.Context(), pagesDown(store.read)) {
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

func TestStreamOfLogsReadsOnePageAheadAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, logs := &pagesOf{n: 5 * streamPage}, 0
		for _, err := range streamLogs(t.Context(), pagesDown(store.read)) {
			if err != nil {
				t.Fatal(err)
			}
			if logs%streamPage == 0 {
				synctest.Wait() // a slow reader
				if want := min(logs/streamPage+2, 6); store.given != want {
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
		for _, err := range streamLogs(t.Context(), pagesDown(read)) {
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
	for _, err := range streamLogs(t.Context(), pagesDown(read)) {
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
		for _, err := range streamLogs(ctx, pagesDown(store.read)) {
			if logs == 0 {
				synctest.Wait()
				cancel()
			}
			if last = err; err == nil {
				logs++
			}
		}
		if logs != 2*streamPage || !errors.Is(last, context.Canceled) {
			t.Errorf("%d logs, last error %v, want the two pages that were read and then that it was cancelled", logs, last)
		}
	})
}
