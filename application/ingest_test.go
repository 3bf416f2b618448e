package application_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestIngestCountsRecordsOnce(t *testing.T) {
	three := line("Delivery", 5, "a@example.com", "b@example.com", "c@example.com")
	for _, c := range []struct {
		name, body string
		want       application.Receipt
	}{
		{"nothing", " \n", application.Receipt{}},
		{"an empty array", "[]", application.Receipt{Values: 1}},
		{"one record", lines(1), application.Receipt{Received: 1, Stored: 1, Values: 1}},
		{"lines", lines(1, 2, 3), application.Receipt{Received: 3, Stored: 3, Values: 3}},
		{"a record for three", three, application.Receipt{Received: 1, Stored: 1, Values: 1}},
		{"one twice", lines(1, 2, 1), application.Receipt{Received: 3, Stored: 2, Duplicates: 1, Values: 3}},
		{"one known", lines(9, 1), application.Receipt{Received: 2, Stored: 1, Duplicates: 1, Values: 2}},
		{"one broken", lines(1) + "\n{\n" + lines(2), application.Receipt{Received: 3, Stored: 2, Quarantined: 1, Values: 2}},
		{"no records", "<html>", application.Receipt{Received: 1, Quarantined: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := memory.NewStore()
			in := ingest(store)
			if _, err := in.Ingest(t.Context(), lines(9)); err != nil {
				t.Fatal(err)
			}
			got, err := in.Ingest(t.Context(), c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(application.Receipt{}, "Quarantine", "Values")); diff != "" {
				t.Error(diff)
			}
			if (got.Values > 0) != (c.want.Values > 0) {
				t.Errorf("%d values, want %d", got.Values, c.want.Values)
			}
			again, err := in.Ingest(t.Context(), c.body)
			want := c.want
			want.Stored, want.Duplicates = 0, want.Stored+want.Duplicates
			if diff := cmp.Diff(want, again, cmpopts.IgnoreFields(application.Receipt{}, "Quarantine", "Values")); diff != "" || err != nil {
				t.Error("resent:", diff, err)
			}
		})
	}
}

func TestIngestStampsEventsWithItsClock(t *testing.T) {
	store := memory.NewStore()
	clock := func() time.Time {
		return time.Date(2026, 3, 2, 1, 2, 3, 456789999, time.FixedZone("here", 3600))
	}
	store.Refuse(messageIs(2))
	in := application.NewIngest(decoder, application.NewCommitter(store, nil), 0, clock)
	if _, err := in.Ingest(t.Context(), lines(1, 2)+"\n{"); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 3, 2, 0, 2, 3, 456789000, time.UTC)
	got, err := store.Events(t.Context(), unit(lines(1)).Events[0].MessageID)
	if err != nil || len(got) != 1 || got[0].ReceivedAt != want {
		t.Errorf("event received at %v (%v), want %v", got[0].ReceivedAt, err, want)
	}
	for _, q := range quarantined(t, store) {
		if q.ReceivedAt != want {
			t.Errorf("quarantined at %v, want %v", q.ReceivedAt, want)
		}
	}
}

// Records are refused by the decoder, refused by the store and expired in one
// body of several batches: each has its own place in the body.
func TestIngestNamesPlaceOfEachQuarantinedRecord(t *testing.T) {
	var body []string
	var want []application.QuarantineNote
	note := func(text string) {
		r := domain.Reject{Raw: text}
		want = append(want, application.QuarantineNote{Index: len(body), ID: r.ID()})
		body = append(body, text)
	}
	var bad []int
	expired := 0
	for n := range 2600 {
		switch n {
		case 3, 4, 1001, 1400, 2100:
			note(fmt.Sprintf(`{"broken":%d`, n))
		case 0, 5, 999, 1402, 2599:
			bad = append(bad, n)
			note(line("Delivery", n, "a@example.com", "b@example.com"))
		case 1, 6, 1000, 1401, 1403, 2598:
			expired++
			body = append(body, lineAt(noon.AddDate(0, 0, -9), "Delivery", n, "a@example.com", "b@example.com"))
		default:
			body = append(body, lines(n))
		}
	}
	store := memory.NewStore()
	store.Refuse(messageIs(bad...))
	in := application.NewIngest(decoder, application.NewCommitter(store, nil), 7, func() time.Time { return noon })
	got, err := in.Ingest(t.Context(), strings.Join(body, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got.Quarantine, func(a, b application.QuarantineNote) int { return a.Index - b.Index })
	if diff := cmp.Diff(want, got.Quarantine, cmpopts.IgnoreFields(application.QuarantineNote{}, "Reason")); diff != "" {
		t.Error(diff)
	}
	counts := application.Receipt{Received: 2600, Stored: 2600 - 10 - expired, Expired: expired, Quarantined: 10, Values: 2595}
	if diff := cmp.Diff(counts, got, cmpopts.IgnoreFields(application.Receipt{}, "Quarantine")); diff != "" {
		t.Error(diff)
	}
}

func TestIngestNamesTwentyRecordsAtMost(t *testing.T) {
	got, err := ingest(memory.NewStore()).Ingest(t.Context(), lines(1)+strings.Repeat("\n{", 30))
	if err != nil || got.Quarantined != 30 || len(got.Quarantine) != 20 {
		t.Errorf("%d in quarantine, %d named (%v); want 30 and 20", got.Quarantined, len(got.Quarantine), err)
	}
}

func TestIngestCountsBothCopiesOfRefusedRecord(t *testing.T) {
	store := memory.NewStore()
	store.Refuse(messageIs(2))
	got, err := ingest(store).Ingest(t.Context(), lines(2, 1, 2))
	if err != nil {
		t.Fatal(err)
	}
	var at []int
	for _, n := range got.Quarantine {
		at = append(at, n.Index)
	}
	if !slices.Equal(at, []int{0, 2}) || len(quarantined(t, store)) != 1 {
		t.Errorf("noted at %v, %d kept; want 0 and 2, and the bytes once", at, len(quarantined(t, store)))
	}
}

func TestIngestThatFailsInTheMiddleMayBeRepeated(t *testing.T) {
	store := memory.NewStore()
	j := &failing{Store: store, fail: map[int]bool{1: true}}
	body := lines(upTo(2500)...) // three batches
	in := ingest(j)
	got, err := in.Ingest(t.Context(), body)
	if !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	if n := stored(t, store); got.Stored == 0 || got.Stored != n {
		t.Errorf("receipt says %d stored, store has %d", got.Stored, n)
	}
	again, err := in.Ingest(t.Context(), body)
	if err != nil || again.Duplicates != got.Stored || again.Stored != 2500-got.Stored {
		t.Errorf("resent: %+v, %v; want %d duplicates", again, err, got.Stored)
	}
}

// failing fails the commits of these numbers.
type failing struct {
	*memory.Store
	fail map[int]bool
	n    int
}

func (f *failing) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	n := f.n
	f.n++
	if f.fail[n] {
		return ports.Committed{}, fmt.Errorf("commit: %w", ports.ErrUnavailable)
	}
	return f.Store.Commit(ctx, u)
}

func TestIngestTakesAnnouncedRecordEachTimeUntilItIsTaken(t *testing.T) {
	store := memory.NewStore()
	store.Lose(1)
	in := ingest(store)
	if _, err := in.Ingest(t.Context(), lines(1)); !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	got, err := in.Ingest(t.Context(), lines(1))
	if err != nil || got.Duplicates != 1 {
		t.Errorf("resent: %+v, %v; want a duplicate", got, err)
	}
}

// overloaded takes nothing.
type overloaded struct{}

func (overloaded) Commit(context.Context, ports.Unit) (application.Outcome, error) {
	return application.Outcome{}, fmt.Errorf("commit: %w", ports.ErrOverloaded)
}

func TestIngestPassesOverloadOn(t *testing.T) {
	in := application.NewIngest(decoder, overloaded{}, 0, time.Now)
	if got, err := in.Ingest(t.Context(), lines(1)); !errors.Is(err, ports.ErrOverloaded) || got.Received != 0 {
		t.Errorf("got %+v, %v; want ErrOverloaded", got, err)
	}
	if _, err := in.Refuse(t.Context(), "x", "no gzip"); !errors.Is(err, ports.ErrOverloaded) {
		t.Errorf("refuse: %v, want ErrOverloaded", err)
	}
}

func TestRefuseKeepsBytesWithReason(t *testing.T) {
	store := memory.NewStore()
	got, err := ingest(store).Refuse(t.Context(), "\x1f\x8b\x00", "gzip: cut off")
	want := domain.Reject{Raw: "\x1f\x8b\x00"}
	receipt := application.Receipt{Received: 1, Quarantined: 1, Quarantine: []application.QuarantineNote{
		{ID: want.ID(), Reason: "gzip: cut off"},
	}}
	if diff := cmp.Diff(receipt, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	entry, err := store.Get(t.Context(), want.ID())
	if err != nil || entry.Raw != want.Raw || !entry.ReceivedAt.Equal(noon) {
		t.Errorf("kept %+v, %v", entry, err)
	}
}

// partly knows the first event of each unit.
type partly struct{}

func (partly) Commit(_ context.Context, u ports.Unit) (application.Outcome, error) {
	isNew := slices.Repeat([]bool{true}, len(u.Events))
	isNew[0] = false
	return application.Outcome{New: isNew}, nil
}

func TestIngestCountsRecordAsStoredIfAnyOfItsEventsIsNew(t *testing.T) {
	in := application.NewIngest(decoder, partly{}, 0, time.Now)
	got, err := in.Ingest(t.Context(), line("Delivery", 1, "a@example.com", "b@example.com", "c@example.com"))
	if want := (application.Receipt{Received: 1, Stored: 1, Values: 1}); !cmp.Equal(want, got) || err != nil {
		t.Errorf("got %+v, %v; want one stored", got, err)
	}
}
