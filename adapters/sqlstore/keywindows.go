package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"slices"

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
// How far down a window reaches is guessed from the one before; where that cannot
// be, or was wrong, keys are counted off the index. To count always would read the
// index twice, and the table downward wherever it was not vacuumed since.
type windows struct {
	store windowStore
	left  []uuidRange // the greatest first
	count int         // keys to count for a window
	// span of keys, by their first 8 bytes, is to have about as many logs as
	// expected. 0 is not known.
	span     uint64
	expected int
}

func newWindows(store windowStore, ranges []uuidRange) *windows {
	// The first comes soon.
	return &windows{store: store, left: ranges, count: streamPage}
}

// next is a nextPage.
func (w *windows) next(ctx context.Context) ([]domain.EmailLog, bool, error) {
	if len(w.left) == 0 {
		return nil, false, nil
	}
	r := &w.left[0]
	window, logs, err := w.read(ctx, *r)
	if err != nil {
		return nil, false, err
	}
	r.below = window.least
	if r.isEmpty() {
		w.left = w.left[1:]
	}
	return logs, len(w.left) > 0, nil
}

// read reads the window at the top of r.
func (w *windows) read(ctx context.Context, r uuidRange) (window uuidRange, logs []domain.EmailLog, err error) {
	if w.span > 0 {
		window = r.top(w.span)
		logs, err = w.store.upward(ctx, window, windowLimit)
		if err != nil || len(logs) < windowLimit {
			return window, w.down(logs, window.least, false), err
		}
	}
	window = r
	if window.least, err = w.store.nthKey(ctx, r, w.count); err != nil {
		return window, nil, err
	}
	logs, err = w.store.upward(ctx, window, windowLimit)
	if err != nil || len(logs) < windowLimit {
		return window, w.down(logs, window.least, true), err
	}
	// Of more keys than usual more were chosen than before, or many logs came in
	// meanwhile.
	w.count, w.span = windowAim, 0
	if logs, err = w.store.downward(ctx, window, streamPage); len(logs) == streamPage {
		window.least = uuid(logs[streamPage-1].Key)
	}
	return window, logs, err
}

// down turns the logs of a whole window, down to least, around and learns from it.
func (w *windows) down(logs []domain.EmailLog, least uuid, isCounted bool) []domain.EmailLog {
	slices.Reverse(logs)
	var span uint64
	if len(logs) > 0 { // not from the window's end, below which nothing may be
		span = prefixOf(uuid(logs[0].Key)) - prefixOf(least)
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
	return logs
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
