package application_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// book is a Tally that remembers.
type book struct {
	mu     sync.Mutex
	counts map[string]int
}

func (b *book) Count(t domain.EventType, f application.Fate, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.counts == nil {
		b.counts = map[string]int{}
	}
	b.counts[fmt.Sprint(t, " ", f)] += n
}

func TestTallyCountsEachRecordOnceByTypeAndFate(t *testing.T) {
	store := memory.NewStore()
	store.Refuse(messageIs(7))
	var b book
	in := application.NewIngest(decoder, application.NewCommitter(store, nil), 7, func() time.Time { return noon }).WithTally(&b)
	body := line("Delivery", 1, "a@example.com", "b@example.com") + "\n" +
		line("Delivery", 2, "a@example.com") + "\n" +
		line("Bounce", 3, "a@example.com") + "\n" +
		line("Delivery", 2, "a@example.com") + "\n" +
		line("Bounce", 7, "a@example.com", "b@example.com") + "\n" +
		lineAt(noon.AddDate(0, 0, -9), "Reception", 4, "a@example.com", "b@example.com") + "\n{"
	first, err := in.Ingest(t.Context(), body)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"delivery stored": 2, "bounce stored": 1, "delivery duplicate": 1,
		"bounce quarantined": 1, "reception expired": 1, "unknown quarantined": 1,
	}
	if diff := cmp.Diff(want, b.counts); diff != "" {
		t.Error(diff)
	}
	again, err := in.Ingest(t.Context(), body)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, n := range b.counts {
		total += n
	}
	if total != first.Received+again.Received || b.counts["delivery duplicate"] != 4 || b.counts["bounce duplicate"] != 1 {
		t.Errorf("sent again: %v, %d in all; want 4 and 1 duplicates and %d", b.counts, total, first.Received+again.Received)
	}
}

func TestTallyHearsNothingOfWhatMayNotBeDurable(t *testing.T) {
	store := memory.NewStore()
	store.Lose(1)
	var b book
	in := ingest(store).WithTally(&b)
	if _, err := in.Ingest(t.Context(), lines(1, 2)); !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("an answer that was lost: %v", err)
	}
	if len(b.counts) > 0 {
		t.Errorf("told %v of a commit that failed", b.counts)
	}
}

func TestFatesHaveNamesOfReceipt(t *testing.T) {
	var names []string
	for _, f := range application.Fates() {
		names = append(names, f.String())
	}
	if diff := cmp.Diff([]string{"stored", "duplicate", "expired", "quarantined"}, names); diff != "" {
		t.Error(diff)
	}
}
