package application_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// announced is a message as an application registers it.
var announced = domain.Registration{ApplicationID: "app-1", Sender: "news@sender.example", Subject: "Spring", Tenant: "acme"}

func (tr trail) register(t *testing.T, message domain.Registration, recipients ...string) []application.Registered {
	t.Helper()
	now := func() time.Time { return noon.Add(123456789 * time.Nanosecond) }
	outcome, err := application.NewRegister(tr.store, now).Register(t.Context(), message, recipients)
	if err != nil {
		t.Fatal(err)
	}
	return outcome
}

// found returns what id means.
func (tr trail) found(t *testing.T, id string) application.Found {
	t.Helper()
	found, err := tr.Lookup.Lookup(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRegisterSaysOfEachRecipientWhetherItIsNew(t *testing.T) {
	tr := newTrail(t)
	tr.register(t, announced, "a@example.com")
	var got []string
	for _, r := range tr.register(t, announced, "b@Example.com", "a@EXAMPLE.com", "b@example.com", "B@example.com") {
		state := "known"
		if r.New {
			state = "new"
		}
		got = append(got, r.Registration.Recipient+" "+state)
		if want := noon.Add(123456 * time.Microsecond); !r.Registration.RegisteredAt.Equal(want) {
			t.Errorf("registered at %v, want %v", r.Registration.RegisteredAt, want)
		}
	}
	if diff := cmp.Diff([]string{"b@example.com new", "a@example.com known", "B@example.com new"}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestRegisteredMessageIsPendingUntilItHasALog(t *testing.T) {
	tr := newTrail(t)
	reception := named(line("Reception", 1), "app-1")
	logID, messageID := idsOf(reception)
	if _, err := tr.Lookup.Lookup(t.Context(), "app-1"); !errors.Is(err, ports.ErrNotFound) {
		t.Fatalf("before anything: error %v", err)
	}
	own := tr.register(t, announced, "a@example.com")[0].Registration.ID().String()
	for _, id := range []string{"app-1", own, own} {
		found := tr.found(t, id)
		if status := found.Candidates[0].Status(); len(found.Candidates) != 1 || status != domain.Pending {
			t.Errorf("by %s: %d candidates, %s", id, len(found.Candidates), status)
		}
		if found.Registration == nil || found.Registration.Subject != "Spring" || found.Candidates[0].Key.String() != own {
			t.Errorf("by %s: registration %+v of %s", id, found.Registration, found.Candidates[0].Key)
		}
	}
	tr.commit(reception, line("Delivery", 1))
	for _, id := range []string{"app-1", own, logID, messageID} {
		for range 2 { // from the store, from the cache
			found := tr.found(t, id)
			if len(found.Candidates) != 1 || found.Candidates[0].Key.String() != logID || found.Candidates[0].Status() != domain.Delivered {
				t.Fatalf("by %s: %+v", id, found.Candidates)
			}
			if len(found.Timeline) != 2 || found.Registration == nil || found.Registration.Subject != "Spring" {
				t.Errorf("by %s: %d events, registration %+v", id, len(found.Timeline), found.Registration)
			}
		}
	}
}

// What is registered behind a cached answer must be seen at once.
func TestRegisteringIsSeenBehindTheCache(t *testing.T) {
	tr := newTrail(t)
	tr.commit(named(line("Reception", 1), "app-1"))
	if found := tr.found(t, "app-1"); found.Registration != nil {
		t.Fatalf("registration %+v of nobody", found.Registration)
	}
	tr.register(t, announced, "a@example.com")
	if found := tr.found(t, "app-1"); len(found.Candidates) != 1 || found.Registration == nil {
		t.Errorf("%d candidates, registration %+v, want its own", len(found.Candidates), found.Registration)
	}
	tr.register(t, announced, "b@example.com")
	statuses := map[string]int{}
	for _, log := range tr.found(t, "app-1").Candidates {
		statuses[log.Recipient+" "+log.MessageID]++
	}
	_, messageID := idsOf(line("Reception", 1))
	if diff := cmp.Diff(map[string]int{"a@example.com " + messageID: 1, "b@example.com ": 1}, statuses); diff != "" {
		t.Errorf("candidates: -want +got\n%s", diff)
	}
}

func TestLogOfAnotherRecipientLeavesTheRegisteredOnePending(t *testing.T) {
	tr := newTrail(t)
	outcome := tr.register(t, announced, "a@example.com", "b@example.com")
	tr.commit(named(line("Delivery", 1, "a@example.com"), "app-1"))
	for i, want := range []domain.Status{domain.Delivered, domain.Pending} {
		found := tr.found(t, outcome[i].Registration.ID().String())
		if len(found.Candidates) != 1 || found.Candidates[0].Status() != want || found.Candidates[0].Recipient != outcome[i].Registration.Recipient {
			t.Errorf("recipient %d: %+v, want it %s alone", i, found.Candidates, want)
		}
	}
}

func TestManyLogsOfOneIDLeaveNoRoomForPendingOnes(t *testing.T) {
	tr := newTrail(t)
	var recipients []string
	for i := range application.MaxCandidates + 20 {
		recipients = append(recipients, "user"+string(rune('a'+i/26))+string(rune('a'+i%26))+"@example.com")
	}
	tr.register(t, announced, recipients...)
	for _, logged := range []int{0, 50, application.MaxCandidates + 20} {
		if logged > 0 {
			tr.commit(named(line("Delivery", 1, recipients[:logged]...), "app-1"))
		}
		if n := len(tr.found(t, "app-1").Candidates); n != application.MaxCandidates {
			t.Errorf("%d logged: %d candidates, want %d", logged, n, application.MaxCandidates)
		}
	}
	for _, log := range tr.found(t, "app-1").Candidates {
		if log.Status() == domain.Pending {
			t.Fatalf("%s is pending, though it has a log", log.Recipient)
		}
	}
}

func TestLookupFailsWithTheStoreOfRegistrations(t *testing.T) {
	tr := newTrail(t)
	tr.commit(line("Delivery", 1))
	logID, _ := idsOf(line("Delivery", 1))
	tr.found(t, logID)
	if err := tr.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{logID, "app-1"} {
		if _, err := tr.Lookup.Lookup(t.Context(), id); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("by %s: error %v, want it unavailable", id, err)
		}
	}
	if _, err := application.NewRegister(tr.store, time.Now).Register(context.Background(), announced, []string{"a@example.com"}); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("register: error %v, want it unavailable", err)
	}
}
