package contract

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestEventIndex holds a store to the words of ports.EventIndex.
func TestEventIndex(t *testing.T, open Open) {
	tellAll(t, "EventIndex", open, []story{
		{"KnowsWhatIsStoredAndItsNode", knowsEvents},
		{"KnowsNothingOfNothing", knowsNothing},
		{"StreamsIDsOfTimeInOrder", streamsIDs},
		{"StreamsIDsOfEachMillisecond", streamsMilliseconds},
		{"StreamsPastManyPages", streamsManyIDs},
		{"ForgetsWhatWasPruned", forgetsPruned},
		{"EndedContextIsUnavailable", endedContextIndex},
		{"ClosedStoreIsUnavailable", closedIndex},
	})
}

func knownEvents(t *testing.T, s Store, ids ...domain.EventID) map[domain.EventID]string {
	t.Helper()
	known, err := s.KnownEvents(context.Background(), ids)
	fine(t, "look for known events", err)
	return known
}

func eventIDs(t rapid.TB, s Store, from, to time.Time) []domain.EventID {
	t.Helper()
	var ids []domain.EventID
	for id, err := range s.EventIDs(context.Background(), from, to) {
		fine(t, "read ids of events", err)
		ids = append(ids, id)
	}
	return ids
}

func eventIDsOf(records ...Record) []domain.EventID {
	var ids []domain.EventID
	for _, e := range eventsOf(records...) {
		ids = append(ids, e.ID)
	}
	return ids
}

func inOrder(ids []domain.EventID) []domain.EventID {
	slices.SortFunc(ids, func(a, b domain.EventID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

func knowsEvents(t *testing.T, s Store) {
	one, two := record("Delivery", 1, 6, "a@example.com", "b@example.com"), record("Bounce", 2, 90000, "a@example.com")
	two.NodeID = "node two"
	nowhere := record("Bounce", 3, 7, "a@example.com")
	nowhere.NodeID = ""
	undated := timeless("x", 1970)
	missing := record("Delivery", 4, 8, "a@example.com")
	commitRecords(t, s, one, two, nowhere, undated)
	want := map[domain.EventID]string{}
	for _, e := range eventsOf(one, two, nowhere, undated) {
		want[e.ID] = e.NodeID
	}
	ids := eventIDsOf(two, missing, one, one, undated, nowhere)
	same(t, "known events", want, knownEvents(t, s, ids...))
	commitRecords(t, s, otherwise(one), missing)
	want[eventIDsOf(missing)[0]] = missing.NodeID
	same(t, "known events after more are", want, knownEvents(t, s, ids...))
}

func knowsNothing(t *testing.T, s Store) {
	id := eventIDsOf(record("Delivery", 1, 6, "a@example.com"))[0]
	for what, known := range map[string]map[domain.EventID]string{
		"of no ids": knownEvents(t, s), "of an empty store": knownEvents(t, s, id, domain.EventID{}),
	} {
		if known == nil || len(known) > 0 {
			t.Fatalf("known events %s: got %v, want an empty map", what, known)
		}
	}
}

func streamsIDs(t *testing.T, s Store) {
	early, late := onDay(1, -3*day), onDay(2, 2*day)
	within := []Record{onDay(3, 0), onDay(4, 5*time.Hour), onDay(5, day-time.Millisecond)}
	within[1].Recipients = []string{"c@example.com", "a@example.com", "b@example.com"}
	commitRecords(t, s, late, within[2], within[0], early, timeless("x", 1970), timeless("y", 9999))
	commitRecords(t, s, within[1], onDay(6, day))
	same(t, "ids of a day", inOrder(eventIDsOf(within...)), eventIDs(t, s, midnight, midnight.Add(day)))
	same(t, "ids of no time", []domain.EventID(nil), eventIDs(t, s, midnight, midnight))
	same(t, "ids of a time that runs backwards", []domain.EventID(nil), eventIDs(t, s, midnight.Add(day), midnight))
	all := append(slices.Clone(within), early, late, onDay(6, day))
	same(t, "all ids", inOrder(eventIDsOf(all...)), eventIDs(t, s, time.Unix(0, 0), noon.AddDate(50, 0, 0)))
}

func streamsMilliseconds(t *testing.T, s Store) {
	var records []Record
	for ms := range 10 {
		for n := range 3 {
			records = append(records, onDay(10*ms+n, time.Duration(ms)*time.Millisecond))
		}
	}
	commitRecords(t, s, records...)
	for _, micros := range [][2]int{{0, 1000}, {3000, 7000}, {2001, 6999}, {2999, 3001}} {
		from, to := time.Duration(micros[0])*time.Microsecond, time.Duration(micros[1])*time.Microsecond
		// Rounded up, as for pages of events.
		first, end := (micros[0]+999)/1000, (micros[1]+999)/1000
		same(t, fmt.Sprintf("ids from %v to %v", from, to), inOrder(eventIDsOf(records[3*first:3*end]...)),
			eventIDs(t, s, midnight.Add(from), midnight.Add(to)))
	}
}

// streamsManyIDs has more events than a store may read at once, and reads beside
// the stream.
func streamsManyIDs(t *testing.T, s Store) {
	const n = 12_000
	var want []domain.EventID
	for first := 0; first < n; first += 2000 {
		u := ports.Unit{Events: eventsOf(deliveries(first, 2000)...)}
		commit(t, s, u)
		for i := range u.Events {
			want = append(want, u.Events[i].ID)
		}
	}
	from, to := noon, at(n+5)
	same(t, "ids", inOrder(want), eventIDs(t, s, from, to))
	read := 0
	for id, err := range s.EventIDs(context.Background(), from, to) {
		fine(t, "read ids of events", err)
		if read++; read > 3 {
			break
		}
		same(t, "events known beside the stream", 1, len(knownEvents(t, s, id)))
	}
	same(t, "known of many", n, len(knownEvents(t, s, want...)))
}

func forgetsPruned(t *testing.T, s Store) {
	old, young := onDay(1, -day), onDay(2, day)
	commitRecords(t, s, old, young)
	prune(t, s, midnight, time.Time{}, 1)
	same(t, "known events", 1, len(knownEvents(t, s, eventIDsOf(old, young)...)))
	same(t, "ids", eventIDsOf(young), eventIDs(t, s, midnight.Add(-2*day), midnight.Add(2*day)))
}

func endedContextIndex(t *testing.T, s Store) {
	commitRecords(t, s, onDay(1, 0))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	indexIsUnavailable(ctx, t, s)
}

func closedIndex(t *testing.T, s Store) {
	commitRecords(t, s, onDay(1, 0))
	fine(t, "close", s.Close())
	indexIsUnavailable(context.Background(), t, s)
}

func indexIsUnavailable(ctx context.Context, t *testing.T, s Store) {
	t.Helper()
	_, err := s.KnownEvents(ctx, eventIDsOf(onDay(1, 0)))
	is(t, "known events", err, ports.ErrUnavailable)
	errs := 0
	for _, err := range s.EventIDs(ctx, midnight, noon) {
		is(t, "ids of events", err, ports.ErrUnavailable)
		errs++
	}
	same(t, "errors", 1, errs)
}
