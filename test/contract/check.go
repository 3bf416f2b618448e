package contract

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/ports"
)

// story is one check of a suite, told to a store of its own.
type story struct {
	name string
	tell func(t *testing.T, s Store)
}

// tellAll runs stories side by side and returns when all are told, so that the
// caller may close what they share.
func tellAll(t *testing.T, suite string, open Open, stories []story) {
	t.Helper()
	t.Run(suite, func(t *testing.T) {
		for _, s := range stories {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.tell(t, open(t))
			})
		}
	})
}

// equality of values of the domain: all times are UTC, and no rows are no rows.
var equality = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) && a.Location() == b.Location() }),
}

// same fails t unless got is what was wanted.
func same(t rapid.TB, what string, want, got any) {
	t.Helper()
	if reflect.DeepEqual(want, got) {
		return // a hundred times faster than to find no difference
	}
	if diff := cmp.Diff(want, got, equality); diff != "" {
		t.Fatalf("%s: -want +got\n%s", what, diff)
	}
}

// fine fails t on an error.
func fine(t rapid.TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: got error %q, want none", what, err)
	}
}

// is fails t unless err is target.
func is(t rapid.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %q", what, err, target)
	}
}

// commit commits u, which the store has to take.
func commit(t rapid.TB, s Store, u ports.Unit) ports.Committed {
	t.Helper()
	c, err := s.Commit(context.Background(), u)
	fine(t, "commit", err)
	if len(c.New) != len(u.Events) {
		t.Fatalf("commit: New has %d entries, want %d, one an event", len(c.New), len(u.Events))
	}
	return c
}

// commitRecords commits the events of records as one unit.
func commitRecords(t rapid.TB, s Store, records ...Record) ports.Committed {
	t.Helper()
	return commit(t, s, ports.Unit{Events: eventsOf(records...)})
}

// claim claims what it can for an hour.
func claim(t rapid.TB, s Store, limit int) []ports.Announcement {
	t.Helper()
	claimed, err := s.Claim(context.Background(), limit, time.Hour)
	fine(t, "claim", err)
	return claimed
}

// TestStore runs all suites of a store.
func TestStore(t *testing.T, open Open) {
	TestJournal(t, open)
	TestOutbox(t, open)
	TestPruner(t, open)
	TestQuarantine(t, open)
	TestLogReader(t, open)
	TestLogPages(t, open)
	TestEventPages(t, open)
	TestEventIndex(t, open)
	TestLikenesses(t, open)
	TestStats(t, open)
	TestRegistrations(t, open)
	TestSuppressions(t, open)
	TestVitals(t, open)
}
