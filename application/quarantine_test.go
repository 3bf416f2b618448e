package application_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// withQuarantine returns a store whose quarantine has raw, and its id.
func withQuarantine(t *testing.T, raw string) (*memory.Store, *application.Quarantine, domain.QuarantineID) {
	t.Helper()
	store := memory.NewStore()
	r := domain.Reject{Reason: "an older version did not know it", Raw: raw, ReceivedAt: noon}
	if _, err := store.Commit(t.Context(), ports.Unit{Rejects: []domain.Reject{r}}); err != nil {
		t.Fatal(err)
	}
	return store, application.NewQuarantine(store, ingest(store)), r.ID()
}

func TestRetryTakesWhatCanBeTakenNow(t *testing.T) {
	store, q, id := withQuarantine(t, lines(1))
	got, err := q.Retry(t.Context(), id)
	if err != nil || got.Stored != 1 || stored(t, store) != 1 || len(quarantined(t, store)) != 0 {
		t.Errorf("got %+v, %v; %d entries left", got, err, len(quarantined(t, store)))
	}
	if _, err := q.Retry(t.Context(), id); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("second retry: %v, want ErrNotFound", err)
	}
}

func TestRetryKeepsWhatStillCannotBeTaken(t *testing.T) {
	for name, raw := range map[string]string{
		"broken": "{", "not JSON": "x", "white space": " \n", "nothing": "", "a number": "7",
		"refused by the store": line("Delivery", 2, "a@example.com", "b@example.com"),
	} {
		t.Run(name, func(t *testing.T) {
			store, q, id := withQuarantine(t, raw)
			store.Refuse(messageIs(2))
			before := quarantined(t, store)
			if _, err := q.Retry(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, quarantined(t, store)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRetryLeavesRestAsEntriesOfTheirOwn(t *testing.T) {
	store, q, id := withQuarantine(t, lines(1)+"\n{\"a\":\n"+lines(2, 3))
	store.Refuse(messageIs(3))
	got, err := q.Retry(t.Context(), id)
	if err != nil || got.Stored != 2 || got.Quarantined != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
	left := quarantined(t, store)
	for _, e := range left {
		if e.ID == id {
			t.Error("the entry is there still")
		}
	}
	if len(left) != 2 {
		t.Errorf("%d entries left, want the two parts that cannot be taken", len(left))
	}
}

func TestRetryKeepsEntryWhileStoreIsDown(t *testing.T) {
	store, q, id := withQuarantine(t, lines(1))
	store.FailNext(ports.ErrUnavailable)
	if _, err := q.Retry(t.Context(), id); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	if got, err := q.Retry(t.Context(), id); err != nil || got.Stored != 1 {
		t.Errorf("later: %+v, %v", got, err)
	}
}

func TestQuarantineShowsBytes(t *testing.T) {
	_, q, id := withQuarantine(t, "{")
	got, err := q.Show(t.Context(), id)
	want := ports.Quarantined{ID: id, Reason: "an older version did not know it", ReceivedAt: noon, Size: 1, Raw: "{"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := q.Show(t.Context(), domain.QuarantineID{1}); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("unknown entry: %v, want ErrNotFound", err)
	}
}

func TestQuarantineVisitsAllEntriesOnce(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, 250} {
		store := memory.NewStore()
		var u ports.Unit
		for i := range n {
			u.Rejects = append(u.Rejects, domain.Reject{Raw: fmt.Sprint("{", i), ReceivedAt: noon})
		}
		if _, err := store.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		q := application.NewQuarantine(store, ingest(store))
		seen := map[domain.QuarantineID]int{}
		err := q.All(t.Context(), func(e ports.Quarantined) error {
			seen[e.ID]++
			return store.Remove(t.Context(), e.ID)
		})
		if err != nil || len(seen) != n {
			t.Errorf("saw %d entries of %d (%v)", len(seen), n, err)
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("saw %s %d times", id, times)
			}
		}
	}
}

func TestQuarantineVisitEndsAtFirstError(t *testing.T) {
	store, q, _ := withQuarantine(t, "{")
	stop := errors.New("enough")
	if err := q.All(t.Context(), func(ports.Quarantined) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the visitor's error", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := q.All(t.Context(), func(ports.Quarantined) error { return nil }); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
