package application

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// MaxPage is how many items a page has at most.
const MaxPage = 500

// maxSpan is the longest range of time in which all logs or events may be looked
// at for those that a filter chooses.
const maxSpan = 24 * time.Hour

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// NextCursor asks for the page behind this one, "" if there is none.
	NextCursor string
}

// BadQuestion says which parameter of a question is wrong, and what is allowed.
type BadQuestion struct{ Parameter, Allowed string }

func (e *BadQuestion) Error() string { return e.Parameter + " " + e.Allowed }

// Lists answers with logs and events, page by page. Its errors are BadQuestion
// and those of the ports.
type Lists struct {
	logs   ports.LogPages
	events ports.EventPages
	like   likenesses
}

// NewLists reads from logs and events, and likely ties from like.
func NewLists(logs ports.LogPages, events ports.EventPages, like ports.Likenesses) *Lists {
	return &Lists{logs, events, likenesses{like}}
}

// Logs returns the page of logs at cursor, "" for the first, newest first. The
// limit is from 1 to MaxPage.
func (l *Lists) Logs(ctx context.Context, f ports.LogFilter, cursor string, limit int) (Page[domain.EmailLog], error) {
	if err := checkLogs(&f); err != nil {
		return Page[domain.EmailLog]{}, err
	}
	mark := filterMark("logs", &f)
	before, err := placeOf(cursor, mark, limit)
	if err != nil {
		return Page[domain.EmailLog]{}, err
	}
	// One more tells whether there is a next page.
	logs, err := l.logs.LogPage(ctx, f, domain.LogKey(before), limit+1)
	return pageOf(logs, limit, mark, func(l *domain.EmailLog) [16]byte { return l.Key }), err
}

// Events returns the page of events at cursor, as Logs does.
func (l *Lists) Events(ctx context.Context, f ports.EventFilter, cursor string, limit int) (Page[ports.EventRow], error) {
	if err := checkEvents(&f); err != nil {
		return Page[ports.EventRow]{}, err
	}
	mark := filterMark("events", &f)
	before, err := placeOf(cursor, mark, limit)
	if err != nil {
		return Page[ports.EventRow]{}, err
	}
	rows, err := l.events.EventPage(ctx, f, domain.EventID(before), limit+1)
	return pageOf(rows, limit, mark, func(r *ports.EventRow) [16]byte { return r.ID }), err
}

// Event returns one event with its record, or ports.ErrNotFound. A report that
// names no message has the one that it is likely about as its Original.
func (l *Lists) Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
	e, err := l.events.Event(ctx, id)
	if err != nil || e.Original != nil {
		return e, err
	}
	e.Original, err = l.like.originalOf(ctx, &e)
	return e, err
}

// CheckExport says whether all logs that f chooses may be asked for at once: what
// has no bound is asked for by mistake. A range that is open at one end is one.
func CheckExport(f *ports.LogFilter) error {
	if err := checkTimes(f.From, f.To); err != nil {
		return err
	}
	if isNarrow(f) || f.Tenant != "" || !f.From.IsZero() || !f.To.IsZero() {
		return nil
	}
	return &BadQuestion{"from", "is needed, or to, for an export by other than recipient, id, message_id or tenant"}
}

func isNarrow(f *ports.LogFilter) bool {
	return f.Recipient != "" || f.ApplicationID != "" || f.MessageID != ""
}

// checkLogs refuses what would have to be looked for among all logs. Without any
// filter the newest are at hand.
func checkLogs(f *ports.LogFilter) error {
	if err := checkTimes(f.From, f.To); err != nil {
		return err
	}
	chooses := len(f.Statuses) > 0 || f.Campaign != "" || f.Domain != "" || f.Provider != "" ||
		f.EgressSource != "" || f.Cause != ""
	if !chooses || isNarrow(f) || f.Tenant != "" || isShort(f.From, f.To) {
		return nil
	}
	return &BadQuestion{"tenant", "is needed, or from and to at most 24 h apart, for a filter by other than recipient, id or message_id"}
}

func checkEvents(f *ports.EventFilter) error {
	if err := checkTimes(f.From, f.To); err != nil {
		return err
	}
	if len(f.Types) == 0 || f.MessageID != "" || f.Recipient != "" || isShort(f.From, f.To) {
		return nil
	}
	return &BadQuestion{"type", "needs message_id, recipient, or from and to at most 24 h apart"}
}

func checkTimes(from, to time.Time) error {
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		return &BadQuestion{"from", "must not be after to"}
	}
	return nil
}

func isShort(from, to time.Time) bool {
	return !from.IsZero() && !to.IsZero() && to.Sub(from) <= maxSpan
}

// mark tells whose cursor one is. It keeps no secret and proves nothing: who
// makes a cursor up sees no more than he may ask for anyway.
type mark [8]byte

func filterMark(list string, filter any) mark {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %q", list, filter))
	return mark(sum[:])
}

// cursorVersion is the first byte of a cursor. What follows is a mark and the key
// of the last item that was shown.
const cursorVersion = 1

const cursorLength = 1 + len(mark{}) + 16

var errCursor = &BadQuestion{"cursor", "must be the next_cursor of a page by the same filter"}

// placeOf returns the key in a cursor, the zero key for none.
func placeOf(cursor string, m mark, limit int) (key [16]byte, err error) {
	if limit < 1 || limit > MaxPage {
		return key, &BadQuestion{"limit", fmt.Sprintf("must be a whole number from 1 to %d", MaxPage)}
	}
	if cursor == "" {
		return key, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) != cursorLength || b[0] != cursorVersion || mark(b[1:]) != m || strings.ContainsAny(cursor, "\r\n") {
		return key, errCursor
	}
	copy(key[:], b[1+len(m):])
	if key == ([16]byte{}) {
		return key, errCursor // nothing is below it, and it would mean the beginning
	}
	return key, nil
}

// pageOf keeps limit items, and makes the cursor if there are more.
func pageOf[T any](items []T, limit int, m mark, keyOf func(*T) [16]byte) Page[T] {
	if len(items) <= limit {
		return Page[T]{Items: items}
	}
	items = items[:limit]
	key := keyOf(&items[limit-1])
	b := append(append([]byte{cursorVersion}, m[:]...), key[:]...)
	return Page[T]{Items: items, NextCursor: base64.RawURLEncoding.EncodeToString(b)}
}
