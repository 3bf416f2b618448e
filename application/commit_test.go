package application_test

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestCommitSaysWhichEventsAreNew(t *testing.T) {
	store := memory.NewStore()
	c := application.NewCommitter(store, nil)
	if _, err := c.Commit(t.Context(), unit(lines(1, 2))); err != nil {
		t.Fatal(err)
	}
	got, err := c.Commit(t.Context(), unit(lines(2, 3, 3)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(application.Outcome{New: []bool{false, true, false}}, got); diff != "" {
		t.Error(diff)
	}
}

// Whatever records the store refuses: exactly these go to quarantine, with one
// entry each, and the outcome names their events and no other.
func TestCommitQuarantinesExactlyWhatIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var texts []string
		var bad []int
		for n := range rapid.IntRange(1, 40).Draw(t, "records") {
			to := make([]string, rapid.SampledFrom([]int{1, 1, 1, 2, 9}).Draw(t, "recipients"))
			for i := range to {
				to[i] = fmt.Sprintf("user%d@example.com", i)
			}
			texts = append(texts, line("Delivery", n, to...))
			if rapid.IntRange(0, 5).Draw(t, "bad") == 0 {
				bad = append(bad, n)
			}
		}
		if rapid.Bool().Draw(t, "reject") {
			texts = append(texts, `{"type":`)
		}
		u := unit(texts...)
		j := &journal{Store: memory.NewStore()}
		isBad := messageIs(bad...)
		j.Refuse(isBad)

		got, err := application.NewCommitter(j, nil).Commit(t.Context(), u)
		if err != nil {
			t.Fatal(err)
		}
		for i := range u.Events {
			_, refused := got.Refused[i]
			if refused != isBad(&u.Events[i]) || got.New[i] == refused {
				t.Errorf("event %d of a bad record %t: refused %t, new %t", i, isBad(&u.Events[i]), refused, got.New[i])
			}
		}
		entries, err := j.List(t.Context(), domain.QuarantineID{}, 1000)
		if err != nil || len(entries) != len(bad)+len(u.Rejects) {
			t.Errorf("%d entries in quarantine (%v), want %d and %d rejects", len(entries), err, len(bad), len(u.Rejects))
		}
		for _, tried := range j.units {
			checkWholeRecords(t, tried.Events)
		}
	})
}

// checkWholeRecords fails if parts of a record are missing.
func checkWholeRecords(t *rapid.T, events []domain.EmailEvent) {
	for i := 0; i < len(events); {
		parts := len(unit(events[i].Raw).Events)
		for part := range parts {
			if i == len(events) || events[i].Part != part || events[i].Raw != events[i-part].Raw {
				t.Fatalf("a unit has not all %d parts of a record", parts)
			}
			i++
		}
	}
}

func TestCommitFindsOneRefusedRecordInFewCommits(t *testing.T) {
	const n = 1000
	for _, bad := range []int{0, 1, 499, 500, 998, 999} {
		j := &journal{Store: memory.NewStore()}
		j.Refuse(messageIs(bad))
		got, err := application.NewCommitter(j, nil).Commit(t.Context(), unit(lines(upTo(n)...)))
		if err != nil || len(got.Refused) != 1 {
			t.Fatalf("record %d: %v, %d refused", bad, err, len(got.Refused))
		}
		// Two for each halving, the whole at first and the quarantine at last.
		if most := 2*bits.Len(n) + 2; len(j.units) > most {
			t.Errorf("record %d took %d commits, want at most %d", bad, len(j.units), most)
		}
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestCommitQuarantinesRecordWithReason(t *testing.T) {
	store := memory.NewStore()
	store.Refuse(messageIs(1))
	got, err := application.NewCommitter(store, nil).Commit(t.Context(), unit(line("Delivery", 1, "a@example.com", "b@example.com")))
	if err != nil {
		t.Fatal(err)
	}
	reason := "the store refuses it: commit 2 events: event 0: refused"
	want := application.Outcome{New: []bool{false, false}, Refused: map[int]string{0: reason, 1: reason}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	entries := quarantined(t, store)
	if len(entries) != 1 || entries[0].Reason != reason || !entries[0].ReceivedAt.Equal(noon) {
		t.Fatalf("quarantine has %+v", entries)
	}
	entry, err := store.Get(t.Context(), entries[0].ID)
	if raw := line("Delivery", 1, "a@example.com", "b@example.com"); err != nil || entry.Raw != raw {
		t.Errorf("bytes kept: %q, %v; want %q", entry.Raw, err, raw)
	}
}

func TestCommitFailsWhereQuarantineFails(t *testing.T) {
	j := &journal{Store: memory.NewStore(), refuseRejects: true}
	j.Refuse(messageIs(2))
	c := application.NewCommitter(j, nil)
	for name, u := range map[string]ports.Unit{
		"a reject":              unit(lines(1), "{"),
		"a record on its way":   unit(lines(1, 2, 3)),
		"several rejects":       {Rejects: []domain.Reject{{Raw: "{"}, {Raw: "["}, {Raw: "x"}}},
		"a record and a reject": unit(lines(2), "{"),
	} {
		_, err := c.Commit(t.Context(), u)
		if !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, ports.ErrRefused) {
			t.Errorf("%s: %v, want ErrUnavailable and ErrRefused", name, err)
		}
	}
}

func TestCommitThatFailedInTheMiddleMayBeRepeated(t *testing.T) {
	store := memory.NewStore()
	store.Refuse(messageIs(3))
	c := application.NewCommitter(store, nil)
	u := unit(lines(0, 1, 2, 3))
	store.Lose(2) // the first half is stored and nobody hears of it
	for range 2 {
		if _, err := c.Commit(t.Context(), u); !errors.Is(err, ports.ErrUnavailable) {
			t.Fatalf("got %v, want ErrUnavailable", err)
		}
	}
	got, err := c.Commit(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	if want := []bool{false, false, true, false}; !slices.Equal(got.New, want) || len(got.Refused) != 1 {
		t.Errorf("new %v, refused %v; want %v and the last", got.New, got.Refused, want)
	}
}

// announcer holds for so long and keeps what it is offered.
type announcer struct {
	hold    time.Duration
	offered []ports.Announcement
	until   time.Time
}

func (a *announcer) Hold(context.Context) time.Duration { return a.hold }
func (a *announcer) Offer(o ports.Announcement, until time.Time) {
	a.offered, a.until = append(a.offered, o), until
}

func TestCommitOffersEachHeldAnnouncementOnce(t *testing.T) {
	store := memory.NewStore()
	store.Refuse(messageIs(2))
	a := &announcer{hold: time.Hour}
	c := application.NewCommitter(store, a)
	for range 2 { // the second time nothing is new
		if _, err := c.Commit(t.Context(), unit(lines(1, 2, 3, 4))); err != nil {
			t.Fatal(err)
		}
	}
	events := 0
	for _, o := range a.offered {
		events += len(o.Events)
	}
	if events != 3 {
		t.Errorf("offered %d events, want 3", events)
	}
	left, err := store.Claim(t.Context(), 100, time.Hour)
	if err != nil || len(left) != 0 {
		t.Errorf("others may claim %d announcements (%v), want none", len(left), err)
	}
}

func TestCommitLeavesAnnouncementToOutboxWithoutHold(t *testing.T) {
	for name, a := range map[string]application.Announcer{"none": nil, "one that is behind": &announcer{}} {
		store := memory.NewStore()
		if _, err := application.NewCommitter(store, a).Commit(t.Context(), unit(lines(1))); err != nil {
			t.Fatal(err)
		}
		left, err := store.Claim(t.Context(), 100, time.Hour)
		if err != nil || len(left) != 1 {
			t.Errorf("announcer %s: claimed %d (%v), want 1", name, len(left), err)
		}
		if b, ok := a.(*announcer); ok && len(b.offered) > 0 {
			t.Errorf("offered %d announcements that others may claim", len(b.offered))
		}
	}
}

func TestCommitCountsHoldFromBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &journal{Store: memory.NewStore(), gate: make(chan struct{})}
		time.AfterFunc(10*time.Second, func() { close(j.gate) })
		a := &announcer{hold: time.Minute}
		want := time.Now().Add(time.Minute)
		if _, err := application.NewCommitter(j, a).Commit(t.Context(), unit(lines(1))); err != nil {
			t.Fatal(err)
		}
		if !a.until.Equal(want) {
			t.Errorf("held until %v, want %v", a.until, want)
		}
	})
}
