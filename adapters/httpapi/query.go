package httpapi

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// query reads parameters and gathers what is wrong with them.
type query struct {
	values url.Values
	faults []string
}

// newQuery reads an address's query for parameters of known names, each given
// once at most.
func newQuery(raw string, known ...string) *query {
	values, err := url.ParseQuery(raw)
	q := &query{values: values}
	if err != nil {
		// What cannot be read is left out of values: a filter would be gone.
		q.fault("the query cannot be read: %v", err)
	}
	for name, given := range values {
		if !slices.Contains(known, name) {
			q.fault("%q is not a parameter here; those are %s", name, cmp.Or(strings.Join(known, ", "), "none"))
		} else if len(given) > 1 {
			q.fault("%s is given %d times", name, len(given))
		}
	}
	slices.Sort(q.faults)
	return q
}

func (q *query) fault(format string, args ...any) {
	q.faults = append(q.faults, fmt.Sprintf(format, args...))
}

// err says all that is wrong, or is nil.
func (q *query) err() error {
	if len(q.faults) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(q.faults, "; "))
}

// text returns a parameter of bounded length.
func (q *query) text(name string) string {
	s := q.values.Get(name)
	if len(s) > 1024 {
		q.fault("%s is longer than 1024 bytes", name)
	}
	if strings.IndexByte(s, 0) >= 0 {
		q.fault("%s has a NUL in it", name)
	}
	return s
}

func (q *query) time(name string) time.Time {
	s := q.values.Get(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		q.fault("%s is not a time as in 2026-07-25T17:20:00Z", name)
	}
	return t.UTC()
}

// oneOf returns a parameter that is one of choices, the first if it is not
// given.
func (q *query) oneOf(name string, choices ...string) string {
	s := q.values.Get(name)
	if s == "" {
		return choices[0]
	}
	if !slices.Contains(choices, s) {
		q.fault("%s is one of %s", name, strings.Join(choices, ", "))
	}
	return s
}

var filterNames = []string{"id", "message_id", "recipient", "status", "tenant", "campaign", "from", "to"}

func (q *query) filter() ports.LogFilter {
	f := ports.LogFilter{
		ApplicationID: q.text("id"),
		MessageID:     q.text("message_id"),
		Recipient:     q.text("recipient"),
		Tenant:        q.text("tenant"),
		Campaign:      q.text("campaign"),
		From:          q.time("from"),
		To:            q.time("to"),
	}
	if s := q.text("status"); s != "" {
		if f.Statuses = domain.ParseStatuses(s); f.Statuses == nil {
			q.fault("status is one of pending, deferred, transferred, expired, bounced, delivered, complained")
		}
	}
	return f
}
