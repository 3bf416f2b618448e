package application_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// counted counts what is asked of a store by id.
type counted struct {
	*memory.Store
	finds int
	// during runs in the midst of a read, behind what it found.
	during func()
}

func (c *counted) FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	c.finds++
	logs, err := c.Store.FindLogs(ctx, id, limit)
	if during := c.during; during != nil {
		c.during = nil
		during()
	}
	return logs, err
}

// trail is a store with a cache in front of it and a journal that forgets.
type trail struct {
	*application.Lookup
	store   *counted
	journal ports.Journal
	commit  func(lines ...string)
}

func newTrail(t *testing.T) trail {
	t.Helper()
	store, cache := &counted{Store: memory.NewStore()}, memory.NewLookups(memory.LookupsConfig{})
	journal := application.NewForgetful(store, cache)
	return trail{application.NewLookup(store, cache), store, journal, func(lines ...string) {
		t.Helper()
		if _, err := journal.Commit(context.Background(), unit(lines...)); err != nil {
			t.Fatal(err)
		}
	}}
}

// status returns that of the one log that id means.
func (tr trail) status(t *testing.T, id string) string {
	t.Helper()
	found, err := tr.Lookup.Lookup(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Candidates) != 1 {
		t.Fatalf("%s means %d logs, want one", id, len(found.Candidates))
	}
	return found.Candidates[0].Status().String()
}

// named adds the application's id to a record.
func named(line, id string) string {
	return strings.Replace(line, "{", fmt.Sprintf(`{"meta":{"X-Email-Log-ID":%q},`, id), 1)
}

func idsOf(line string) (logID, messageID string) {
	log := domain.Fold(unit(line).Events)[0]
	return log.Key.String(), log.MessageID
}

func TestLookupAnswersByEveryIDWithTheTimeline(t *testing.T) {
	reception, delivery := named(line("Reception", 1), "app-1"), lineAt(noon, "TransientFailure", 1)
	logID, messageID := idsOf(reception)
	tr := newTrail(t)
	tr.commit(reception, delivery, line("Delivery", 2), line("Reception", 3))
	for _, id := range []string{logID, messageID, "app-1", strings.ToUpper(messageID)} {
		for range 2 { // from the store, from the cache
			found, err := tr.Lookup.Lookup(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Candidates) != 1 || found.Candidates[0].Key.String() != logID {
				t.Fatalf("%s means %v", id, found.Candidates)
			}
			var types []string
			for _, e := range found.Timeline {
				types = append(types, e.RecordType)
			}
			if diff := cmp.Diff([]string{"TransientFailure", "Reception"}, types); diff != "" {
				t.Errorf("timeline by %s: -want +got\n%s", id, diff)
			}
		}
	}
}

func TestTimelineIsOfOneRecipient(t *testing.T) {
	both := line("Delivery", 1, "a@example.com", "b@example.com")
	tr := newTrail(t)
	tr.commit(both, line("Bounce", 1, "b@example.com"))
	log := domain.Fold(unit(line("Delivery", 1, "a@example.com")).Events)[0]
	found, err := tr.Lookup.Lookup(t.Context(), log.Key.String())
	if err != nil || len(found.Timeline) != 1 || found.Timeline[0].Recipient != "a@example.com" {
		t.Errorf("got %d events, %v, want the one of its recipient", len(found.Timeline), err)
	}
}

// A message goes to a@example.com, who forwards it, and to b@example.com.
func TestReportsOnAForwardedAddressAreInEachStory(t *testing.T) {
	tr := newTrail(t)
	sent := unit(line("Delivery", 1, "a@example.com", "b@example.com"))
	id := sent.Events[0].MessageID
	about := func(second int, recipient string) domain.EmailEvent {
		e := reportOn(reportID(second), recipient, second)
		e.Original = &domain.Original{MessageID: id, Recipients: []string{recipient}, By: domain.TieVERP}
		return e
	}
	sent.Events = append(sent.Events, about(1, "c@elsewhere.example"), about(2, "B@example.com"), about(3, "b@example.com"))
	if _, err := tr.journal.Commit(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	for recipient, want := range map[string]string{
		"a@example.com": "oob verp " + id + " c@elsewhere.example",
		"b@example.com": "oob verp " + id + " c@elsewhere.example, oob verp " + id + " B@example.com, oob verp " + id + " b@example.com",
	} {
		found, err := tr.Lookup.Lookup(t.Context(), domain.NewLogKey(id, recipient).String())
		if err != nil {
			t.Fatal(err)
		}
		if got := ties(found); got != want {
			t.Errorf("%s: got %s, want %s", recipient, got, want)
		}
	}
}

func TestLookupReturnsAllCandidatesOfAnAmbiguousID(t *testing.T) {
	tr := newTrail(t)
	tr.commit(named(line("Delivery", 1, "a@example.com", "b@example.com"), "app-1"), named(line("Delivery", 2), "app-1"))
	_, messageID := idsOf(line("Delivery", 1))
	for id, want := range map[string]int{"app-1": 3, messageID: 2} {
		for range 2 {
			found, err := tr.Lookup.Lookup(t.Context(), id)
			if err != nil || len(found.Candidates) != want || found.Timeline != nil {
				t.Errorf("%s means %d logs, %v, want %d", id, len(found.Candidates), err, want)
			}
		}
	}
}

func TestLookupOfUnknownIDIsNotFoundUntilItIsKnown(t *testing.T) {
	tr := newTrail(t)
	record := named(line("Reception", 1), "app-1")
	logID, messageID := idsOf(record)
	for _, id := range []string{logID, messageID, "app-1", ""} {
		for range 2 {
			if _, err := tr.Lookup.Lookup(t.Context(), id); !errors.Is(err, ports.ErrNotFound) {
				t.Errorf("%q: got %v, want ErrNotFound", id, err)
			}
		}
	}
	tr.commit(record)
	for _, id := range []string{logID, messageID, "app-1"} {
		if got := tr.status(t, id); got != "pending" {
			t.Errorf("by %s: %s, want pending", id, got)
		}
	}
}

func TestLookupAsksTheStoreOnceWhileNothingChanges(t *testing.T) {
	tr := newTrail(t)
	record := line("Reception", 1)
	logID, messageID := idsOf(record)
	tr.commit(record)
	for _, id := range []string{logID, messageID} {
		tr.store.finds = 0
		for range 5 {
			tr.status(t, id)
		}
		if tr.store.finds != 1 {
			t.Errorf("by %s: %d reads of the store, want one", id, tr.store.finds)
		}
	}
}

func TestLookupSeesWhatACommitChanged(t *testing.T) {
	record := named(line("Reception", 1), "app-1")
	logID, messageID := idsOf(record)
	for _, id := range []string{logID, messageID, "app-1", strings.ToUpper(logID), strings.ToUpper(messageID)} {
		t.Run(id, func(t *testing.T) {
			tr := newTrail(t)
			tr.commit(record)
			for range 3 {
				if got := tr.status(t, id); got != "pending" {
					t.Errorf("%s, want pending", got)
				}
			}
			tr.commit(line("TransientFailure", 1)) // which does not repeat the application's id
			for range 3 {
				if got := tr.status(t, id); got != "deferred" {
					t.Errorf("%s after a commit, want deferred", got)
				}
			}
			tr.commit(line("Delivery", 1))
			if got := tr.status(t, id); got != "delivered" {
				t.Errorf("%s after another commit, want delivered", got)
			}
		})
	}
}

func TestLookupKeepsNothingThatWasReadBeforeACommit(t *testing.T) {
	record := named(line("Reception", 1), "app-1")
	logID, messageID := idsOf(record)
	for _, id := range []string{logID, messageID, "app-1"} {
		t.Run(id, func(t *testing.T) {
			tr := newTrail(t)
			tr.commit(record)
			tr.store.during = func() { tr.commit(line("Delivery", 1)) }
			if got := tr.status(t, id); got != "pending" {
				t.Errorf("%s, want what was there when it was read", got)
			}
			if got := tr.status(t, id); got != "delivered" {
				t.Errorf("%s after the commit, want delivered", got)
			}
		})
	}
}

func TestLookupSeesWhenALogTakesAnotherApplicationID(t *testing.T) {
	tr := newTrail(t)
	tr.commit(named(line("Reception", 1), "b"))
	for range 2 {
		tr.status(t, "b")
	}
	tr.commit(named(line("Delivery", 1), "a")) // the least is the log's
	if got := tr.status(t, "a"); got != "delivered" {
		t.Errorf("by its new id: %s", got)
	}
	for range 2 {
		if _, err := tr.Lookup.Lookup(t.Context(), "b"); !errors.Is(err, ports.ErrNotFound) {
			t.Errorf("by its old id: got %v, want ErrNotFound", err)
		}
	}
}

func TestCommitForgetsAlsoWhenItsAnswerIsLost(t *testing.T) {
	tr := newTrail(t)
	record := line("Reception", 1)
	logID, _ := idsOf(record)
	tr.commit(record)
	tr.status(t, logID)
	tr.store.Lose(1)
	if _, err := tr.journal.Commit(t.Context(), unit(line("Delivery", 1))); !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("got %v, want a lost answer", err)
	}
	if got := tr.status(t, logID); got != "delivered" {
		t.Errorf("%s, want what was committed", got)
	}
}

func TestLookupWorksWithoutACache(t *testing.T) {
	store := &counted{Store: memory.NewStore()}
	if _, err := store.Commit(t.Context(), unit(line("Delivery", 1))); err != nil {
		t.Fatal(err)
	}
	logID, _ := idsOf(line("Delivery", 1))
	lookup := application.NewLookup(store, nil)
	for range 3 {
		if _, err := lookup.Lookup(t.Context(), logID); err != nil {
			t.Fatal(err)
		}
	}
	if store.finds != 3 {
		t.Errorf("%d reads of the store, want 3", store.finds)
	}
}

func TestLookupFailsWithItsStore(t *testing.T) {
	tr := newTrail(t)
	tr.commit(line("Delivery", 1))
	if err := tr.store.Close(); err != nil {
		t.Fatal(err)
	}
	logID, _ := idsOf(line("Delivery", 1))
	for range 2 { // an error is no answer to keep
		if _, err := tr.Lookup.Lookup(t.Context(), logID); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	}
}

func TestCommitForgetsNothingOfEventsThatSpeakOfNoLog(t *testing.T) {
	var forgotten [][]string
	cache := forgets(func(ids []string) { forgotten = append(forgotten, ids) })
	journal := application.NewForgetful(memory.NewStore(), cache)
	for _, u := range []ports.Unit{unit(line("Rejection", 1)), unit("{"), {}} {
		if _, err := journal.Commit(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	if len(forgotten) > 0 {
		t.Errorf("forgot %v", forgotten)
	}
	if _, err := journal.Commit(t.Context(), unit(line("Delivery", 1, "a@example.com", "b@example.com"), line("Bounce", 1))); err != nil {
		t.Fatal(err)
	}
	if len(forgotten) != 1 || len(slices.Compact(slices.Sorted(slices.Values(forgotten[0])))) != 3 || len(forgotten[0]) != 3 {
		t.Errorf("forgot %v, want two logs and their message once each, in one call", forgotten)
	}
}

// forgets is a cache that keeps nothing and tells what it was to forget.
type forgets func(ids []string)

func (forgets) Get(context.Context, string) ([]domain.EmailLog, ports.Ticket, bool) {
	return nil, "", false
}
func (forgets) Put(context.Context, string, ports.Ticket, []domain.EmailLog) {}
func (f forgets) Forget(_ context.Context, ids []string)                     { f(ids) }
