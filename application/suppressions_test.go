package application_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestSuppressionsAreAddedNowAndFoundByAddress(t *testing.T) {
	list := application.NewSuppressions(memory.NewStore(), func() time.Time { return noon.Add(1999 * time.Nanosecond) })
	given := []domain.Suppression{{Address: "a@example.com", Reason: domain.SuppressedManually}, {Address: "b@example.com", Reason: domain.SuppressedByComplaint}}
	added, err := list.Add(t.Context(), given)
	if diff := cmp.Diff([]bool{true, true}, added); err != nil || diff != "" || !given[0].AddedAt.IsZero() {
		t.Fatalf("added: %v, the given is %+v, -want +got\n%s", err, given[0], diff)
	}
	found, err := list.Lookup(t.Context(), []string{"b@example.com", "c@example.com"})
	want := map[string]domain.Suppression{"b@example.com": {
		Address: "b@example.com", Reason: domain.SuppressedByComplaint, AddedAt: noon.Add(time.Microsecond),
	}}
	if diff := cmp.Diff(want, found); err != nil || diff != "" {
		t.Errorf("found: %v, -want +got\n%s", err, diff)
	}
	if err := list.Remove(t.Context(), "c@example.com"); !errors.Is(err, ports.ErrNotFound) {
		t.Errorf("remove what is not there: error %v", err)
	}
}

func TestSuppressionsStreamThroughAllPages(t *testing.T) {
	store := memory.NewStore()
	list := application.NewSuppressions(store, time.Now)
	for _, n := range []int{0, 999, 1000, 1001, 2000} {
		var entries []domain.Suppression
		for i := range n {
			entries = append(entries, domain.Suppression{Address: string(rune(0x4e00+i)) + "@example.com", Reason: domain.SuppressedManually})
		}
		if _, err := list.Add(t.Context(), entries); err != nil {
			t.Fatal(err)
		}
		seen, last := 0, ""
		for e, err := range list.All(t.Context(), ports.SuppressionFilter{}) {
			if err != nil || e.Address <= last {
				t.Fatalf("%q behind %q: %v", e.Address, last, err)
			}
			seen, last = seen+1, e.Address
		}
		if seen != n {
			t.Errorf("streamed %d of %d", seen, n)
		}
	}
	for _, err := range list.All(t.Context(), ports.SuppressionFilter{}) {
		if err != nil {
			t.Error(err)
		}
		break // goes no further
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	var failed error
	for _, err := range list.All(t.Context(), ports.SuppressionFilter{}) {
		failed = err
	}
	if !errors.Is(failed, ports.ErrUnavailable) {
		t.Errorf("of a closed store: error %v", failed)
	}
}
