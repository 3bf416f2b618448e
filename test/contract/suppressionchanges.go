package contract

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// changesOf returns the changes of announcements, which have nothing else and are
// not empty.
func changesOf(t *testing.T, all ...ports.Announcement) []domain.SuppressionChange {
	t.Helper()
	var changes []domain.SuppressionChange
	for _, a := range all {
		if len(a.Events) == 0 {
			t.Fatal("an announcement of nothing")
		}
		for _, e := range a.Events {
			if e.Change == nil || e.Event != nil {
				t.Fatalf("announced %+v, want a change and no event", e)
			}
			changes = append(changes, *e.Change)
		}
	}
	return changes
}

// wantChanges fails t unless the changes are those of entries, in their order,
// with ids of their own.
func wantChanges(t *testing.T, got []domain.SuppressionChange, removed bool, at time.Time, entries ...domain.Suppression) {
	t.Helper()
	ids := map[domain.EventID]bool{}
	bare := slices.Clone(got)
	for i := range bare {
		ids[bare[i].ID] = true
		if when, _ := bare[i].ID.Time(); !when.Equal(bare[i].At.Truncate(time.Millisecond)) {
			t.Errorf("the id of a change at %v has the time %v", bare[i].At, when)
		}
		bare[i].ID = domain.EventID{}
	}
	want := make([]domain.SuppressionChange, len(entries))
	for i, e := range entries {
		want[i] = domain.SuppressionChange{Removed: removed, Suppression: e, At: at}
	}
	same(t, "changes", want, bare)
	same(t, "ids of changes", len(entries), len(ids))
}

func announcesAdditions(t *testing.T, s Store) {
	var entries []domain.Suppression
	added := slices.Repeat([]bool{true}, len(oddAddresses))
	for i, address := range slices.Backward(oddAddresses) {
		e := suppression(address, domain.SuppressionReasons()[i%5])
		e.Note = awkward[1:][i%(len(awkward)-1)]
		if i%2 == 0 {
			e.EventID = domain.EventID{1, byte(i), 0, 0xff}
		}
		entries = append(entries, e)
	}
	suppress(t, s, added, entries...)
	again, other := suppression(oddAddresses[0], "manual"), suppression("other@example.org", "manual")
	suppress(t, s, []bool{false, true, false}, again, other, other)
	suppress(t, s, []bool{false}, again)
	suppress(t, s, nil)
	claimed := claim(t, s, 10)
	if len(claimed) != 2 {
		t.Fatalf("%d announcements of two additions", len(claimed))
	}
	wantChanges(t, changesOf(t, claimed[0]), false, received, entries...)
	wantChanges(t, changesOf(t, claimed[1]), false, received, other)
}

func announcesRemovals(t *testing.T, s Store) {
	e := suppression("a@example.org", domain.SuppressedByComplaint)
	e.Note, e.EventID = "a note", domain.EventID{1, 2, 3}
	suppress(t, s, []bool{true}, e)
	wantChanges(t, changesOf(t, claim(t, s, 10)...), false, received, e)
	fine(t, "unsuppress", s.Unsuppress(context.Background(), e.Address, changed.Add(time.Nanosecond)))
	is(t, "unsuppress again", s.Unsuppress(context.Background(), e.Address, changed), ports.ErrNotFound)
	wantChanges(t, changesOf(t, claim(t, s, 10)...), true, changed, e)
	suppress(t, s, []bool{true}, e)
	wantChanges(t, changesOf(t, claim(t, s, 10)...), false, received, e)
}

func announcesBetweenEvents(t *testing.T, s Store) {
	first := commitRecords(t, s, deliveries(0, 3)...).Announcement
	suppress(t, s, []bool{true}, suppression("a@example.org", "manual"))
	last := commitRecords(t, s, deliveries(5, 3)...).Announcement
	claimed := claim(t, s, 10)
	if len(claimed) != 3 {
		t.Fatalf("%d announcements, want three", len(claimed))
	}
	same(t, "announcements of events", []ports.Announcement{first, last}, []ports.Announcement{claimed[0], claimed[2]})
	wantChanges(t, changesOf(t, claimed[1]), false, received, suppression("a@example.org", "manual"))
}

func announcesChangesOnce(t *testing.T, s Store) {
	all := crowd(100)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			entries := slices.Clone(all)
			if i%2 == 1 {
				slices.Reverse(entries)
			}
			if _, err := s.Suppress(context.Background(), entries); err != nil {
				t.Errorf("suppress: got error %v, want none", err)
			}
		})
	}
	wg.Wait()
	times := map[string]int{}
	for _, c := range changesOf(t, claim(t, s, 10)...) {
		times[c.Address]++
	}
	for _, e := range all {
		same(t, fmt.Sprintf("times that %s was announced", e.Address), 1, times[e.Address])
	}
}

func keepsChangesAnnounced(t *testing.T, s Store) {
	suppress(t, s, []bool{true}, suppression("a@example.org", "manual"))
	v, err := s.Vitals(context.Background())
	fine(t, "vitals", err)
	same(t, "announcements, events and age", []any{int64(1), int64(0), received}, []any{v.Announcements, v.Announced, v.OldestAnnounced})
	claimed, err := s.Claim(context.Background(), 10, aSecond)
	fine(t, "claim", err)
	_, err = s.Prune(context.Background(), received.AddDate(1, 0, 0), received.AddDate(1, 0, 0))
	fine(t, "prune", err)
	came := eventually(t, s, claimed[0].ID)
	same(t, "announcement that came back", claimed, came)
	fine(t, "done", s.Done(context.Background(), idsOfClaimed(came)))
	v, err = s.Vitals(context.Background())
	fine(t, "vitals", err)
	same(t, "announcements", int64(0), v.Announcements)
}
