package application_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// happened is an event some seconds past noon, of a message to a@example.com that
// was accepted at noon.
func happened(t domain.EventType, id, other string, second int) domain.EmailEvent {
	at := listNoon.Add(time.Duration(second) * time.Second)
	identity := domain.Identity{RecordType: t.String(), MessageID: id, EventTime: at, Recipients: []string{"a@example.com"}}
	digest, _ := identity.Digest(nil)
	return domain.EmailEvent{
		ID: digest.EventID("a@example.com"), Type: t, MessageID: id, TransferID: other, Recipient: "a@example.com",
		OccurredAt: at, AcceptedAt: listNoon, DeliveryProtocol: "ESMTP",
	}
}

func told(t *testing.T, id string, events ...domain.EmailEvent) application.Found {
	t.Helper()
	store := memory.NewStore()
	if _, err := store.Commit(context.Background(), ports.Unit{Events: events}); err != nil {
		t.Fatal(err)
	}
	found, err := application.NewLookup(store, nil).Lookup(t.Context(), id)
	if err != nil || len(found.Candidates) != 1 {
		t.Fatalf("%d candidates, %v", len(found.Candidates), err)
	}
	return found
}

func TestTransfersAreOneStoryFromEachEnd(t *testing.T) {
	events := []domain.EmailEvent{
		happened(domain.Reception, "one", "", 0), happened(domain.TransientFailure, "one", "", 10),
		happened(domain.XferOut, "one", "two", 20), happened(domain.XferIn, "two", "one", 21),
		happened(domain.XferOut, "two", "three", 30), happened(domain.XferIn, "three", "two", 31),
		happened(domain.Delivery, "three", "", 40), happened(domain.Delivery, "four", "", 45),
	}
	for id, others := range map[string]string{"one": "two three", "two": "one three", "three": "two one"} {
		found := told(t, id, events...)
		var ids, types []string
		for _, l := range found.Transfers {
			ids = append(ids, l.MessageID)
		}
		for _, e := range found.Timeline {
			types = append(types, e.Type.String())
		}
		if got := strings.Join(ids, " "); got != others {
			t.Errorf("by %s: transfers are %q, want %q", id, got, others)
		}
		want := "reception transient_failure xfer_out xfer_in xfer_out xfer_in delivery"
		if got := strings.Join(types, " "); got != want {
			t.Errorf("by %s: %q, want %q", id, got, want)
		}
	}
}

func TestReportsOnAForwardedAddressAreInTheStoryFromEachEnd(t *testing.T) {
	report := reportOn(reportID(50), "c@elsewhere.example", 50)
	report.Original = &domain.Original{MessageID: "one", Recipients: []string{"c@elsewhere.example"}, By: domain.TieVERP}
	out := happened(domain.XferOut, "one", "two", 20)
	arrived := []domain.EmailEvent{happened(domain.XferIn, "two", "one", 21), happened(domain.Delivery, "two", "", 40), report}
	for _, id := range []string{"one", "two"} {
		if got, want := ties(told(t, id, append(arrived, out)...)), "oob verp one c@elsewhere.example"; got != want {
			t.Errorf("by %s: got %q, want %q", id, got, want)
		}
	}
	// To whom else it went from the first node is not known without that one's word.
	if got := ties(told(t, "two", arrived...)); got != "" {
		t.Errorf("with one end known: got %q, want none", got)
	}
}

func TestTransfersInACircleEnd(t *testing.T) {
	found := told(t, "one", happened(domain.XferOut, "one", "two", 1), happened(domain.XferOut, "two", "one", 2))
	if len(found.Transfers) != 1 || len(found.Timeline) != 2 {
		t.Errorf("%d transfers, %d events", len(found.Transfers), len(found.Timeline))
	}
	var long []domain.EmailEvent
	for i := range 100 {
		long = append(long, happened(domain.XferOut, fmt.Sprint("node", i), fmt.Sprint("node", i+1), i))
	}
	if found := told(t, "node50", long...); len(found.Transfers) == 0 || len(found.Transfers) > 20 {
		t.Errorf("%d transfers of a hundred, want some", len(found.Transfers))
	}
}

func TestWaitsAreBetweenAttempts(t *testing.T) {
	mover := happened(domain.Delivery, "one", "", 2)
	mover.DeliveryProtocol = "HttpInjectionGenerator" // into the MTA's own queues
	found := told(t, "one", happened(domain.Reception, "one", "", 0), mover, happened(domain.TransientFailure, "one", "", 5),
		happened(domain.Delayed, "one", "", 60), happened(domain.TransientFailure, "one", "", 65),
		happened(domain.Delivery, "one", "", 1265))
	want := []time.Duration{-1, -1, 5 * time.Second, -1, time.Minute, 20 * time.Minute}
	if diff := cmp.Diff(want, found.Waits()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestWaitsOfTimesThatAreNotKnownAreNotKnown(t *testing.T) {
	first, second := happened(domain.TransientFailure, "one", "", 5), happened(domain.Bounce, "one", "", 3)
	first.AcceptedAt, second.AcceptedAt = time.Time{}, time.Time{}
	found := told(t, "one", first, second)
	if diff := cmp.Diff([]time.Duration{-1, 2 * time.Second}, found.Waits()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
