package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"
	"math"
	"slices"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
)

// How many logs a window has.
const (
	windowAim   = 2 * streamPage // as far as that can be foreseen
	windowLimit = 4 * streamPage // none has as many: its reading is cut there
	// mostCounted keys are looked at for a window of logs that a filter chooses few of.
	mostCounted = 16 * windowAim
)

// windowStore is what windows are read from.
type windowStore interface {
	// nthKey returns the nth greatest key of r, of whatever log, and r.least where
	// there are fewer.
	nthKey(ctx context.Context, r uuidRange, n int) (uuid, error)
	// upward returns up to limit of the chosen logs of r, the least key first.
	upward(ctx context.Context, r uuidRange, limit int) ([]domain.EmailLog, error)
	// downward returns up to limit of the chosen logs of r, the greatest key first.
	downward(ctx context.Context, r uuidRange, limit int) ([]domain.EmailLog, error)
}

// windows reads logs from the greatest key to the least in windows, and each of
// them upward: rows lie on disk in about the order of their keys, and a system reads
// ahead of who goes up in a file, not down. From disk it is 2 to 4 times as fast.
//
// How far down a window reaches is guessed from those before; where that cannot
// be, or was wrong, keys are counted off the index. To count always would read the
// index twice, and the table downward wherever it was not vacuumed since.
type windows struct {
	store windowStore
	left  []uuidRange // the greatest first

	reading sync.WaitGroup // of windows that were given
	lock    sync.Mutex     // of what they teach:
	count   int            // keys to count for a window
	// span of keys, by their first 8 bytes, is to have about as many logs as
	// expected. 0 is not known.
	span     uint64
	expected int
}

func newWindows(store windowStore, ranges []uuidRange) *windows {
	// The first comes soon.
	return &windows{store: store, left: ranges, count: streamPage}
}

// next is a nextPages. Windows may be read beside each other.
func (w *windows) next(ctx context.Context) (readPages, bool, error) {
	if len(w.left) == 0 {
		return onePage(nil), false, nil
	}
	r := &w.left[0]
	window, isCounted, err := w.top(ctx, *r)
	if err != nil {
		return nil, false, err
	}
	r.below = window.least
	if r.isEmpty() {
		w.left = w.left[1:]
	}
	w.reading.Add(1)
	return func(ctx context.Context) iter.Seq2[[]domain.EmailLog, error] {
		return func(yield func([]domain.EmailLog, error) bool) { w.read(ctx, window, isCounted, yield) }
	}, len(w.left) > 0, nil
}

// top returns the window at the top of r, and whether its keys were counted.
func (w *windows) top(ctx context.Context, r uuidRange) (window uuidRange, isCounted bool, err error) {
	span, count := w.lessons()
	if span == 0 { // what is being read may teach it
		w.reading.Wait()
		span, count = w.lessons()
	}
	if span > 0 {
		return r.top(span), false, nil
	}
	r.least, err = w.store.nthKey(ctx, r, count)
	return r, true, err
}

func (w *windows) lessons() (span uint64, count int) {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.span, w.count
}

// read reads a window that next gave.
func (w *windows) read(ctx context.Context, window uuidRange, isCounted bool, yield func([]domain.EmailLog, error) bool) {
	logs, err := w.store.upward(ctx, window, windowLimit)
	fits := err == nil && len(logs) < windowLimit
	w.lock.Lock()
	if fits {
		w.learn(logs, window.least, isCounted)
	} else {
		w.count, w.span = windowAim, 0
	}
	w.lock.Unlock()
	w.reading.Done()
	if err != nil { // logs, if there are some, are those of the window's end
		yield(nil, err)
		return
	}
	if fits {
		slices.Reverse(logs)
		yield(logs, nil)
		return
	}
	// Logs are denser than before. Or of more keys than usual more were chosen, or many
	// came in meanwhile: then those at the top are read, so that there is an end of it.
	if isCounted {
		logs, err = w.store.downward(ctx, window, streamPage)
		if !yield(logs, err) || err != nil || len(logs) < streamPage {
			return
		}
		window.below = uuid(logs[len(logs)-1].Key)
	}
	w.readDense(ctx, window, yield)
}

// readDense reads what is too much for a window in some.
func (w *windows) readDense(ctx context.Context, dense uuidRange, yield func([]domain.EmailLog, error) bool) {
	parts := newWindows(w.store, kept(dense))
	parts.count = windowAim
	for more := true; more; {
		var read readPages
		var err error
		if read, more, err = parts.next(ctx); err != nil {
			yield(nil, err)
			return
		}
		for logs, err := range read(ctx) {
			if !yield(logs, err) || err != nil {
				return
			}
		}
	}
}

// learn learns from the logs of a whole window, down to least, the least key first.
func (w *windows) learn(logs []domain.EmailLog, least uuid, isCounted bool) {
	var span uint64
	if len(logs) > 0 { // not from the window's end, below which nothing may be
		span = prefixOf(uuid(logs[len(logs)-1].Key)) - prefixOf(least)
	}
	switch n := len(logs); {
	case n >= windowAim/4:
		w.count, w.expected = windowAim, windowAim
		w.span = uint64(min(float64(span)*windowAim/float64(n), math.MaxInt64))
	case isCounted && w.count < mostCounted: // few are chosen
		w.count, w.span = 2*w.count, 0
	case isCounted:
		w.expected, w.span = n, span
	case 4*n < w.expected:
		w.span = 0
	}
}

// prefixOf returns a key's time and 16 bits of its hash.
func prefixOf(u uuid) uint64 { return binary.BigEndian.Uint64(u[:8]) }

// top returns what of r is not below its end by more than span.
func (r uuidRange) top(span uint64) uuidRange {
	var least uuid
	if end := prefixOf(r.below); end > span {
		binary.BigEndian.PutUint64(least[:8], end-span)
	}
	if bytes.Compare(least[:], r.least[:]) > 0 {
		r.least = least
	}
	return r
}
