package contract

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// announced returns what an announcement of events has to say, given each
// one's status; a status of none is for events that speak of no log.
func announced(events []domain.EmailEvent, statuses ...domain.Status) []ports.Announced {
	all := make([]ports.Announced, len(events))
	for i := range events {
		_, hasLog := events[i].LogKey()
		all[i] = ports.Announced{Event: &events[i], Status: statuses[i], HasLog: hasLog}
	}
	return all
}

func announcesNewInOrder(t *testing.T, s Store) {
	known := record("Delivery", 1, 5, "a@example.com")
	commitRecords(t, s, known)
	fresh := []Record{
		record("Delivery", 9, 20, "b@example.com", "a@example.com"),
		record("Bounce", 3, 4, "a@example.com"),
		record("Delivery", 4, 9, "a@example.com"),
	}
	c := commitRecords(t, s, fresh[0], known, otherwise(fresh[0]), fresh[1], fresh[2], fresh[1])
	want := announced(eventsOf(fresh...), domain.Delivered, domain.Delivered, domain.Bounced, domain.Delivered)
	same(t, "announced", want, c.Announcement.Events)
	same(t, "claimed", want, claim(t, s, 10)[1].Events)
}

func announcesStatus(t *testing.T, s Store) {
	commitRecords(t, s, record("Delivery", 1, 50, "a@example.com"))
	late := eventsOf(
		record("TransientFailure", 1, 20, "a@example.com"), // of a message that is delivered
		record("TransientFailure", 2, 20, "a@example.com"), // expires in this unit
		record("Feedback", 3, 20, "a@example.com"),         // speaks of no log
		record("Expiration", 2, 21, "a@example.com"),
		record("Reception", 4, 20, "a@example.com"),
	)
	c := commit(t, s, ports.Unit{Events: late})
	want := announced(late, domain.Delivered, domain.Expired, domain.Pending, domain.Expired, domain.Pending)
	same(t, "announced", want, c.Announcement.Events)
}

func announcesNothing(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com")
	first := commitRecords(t, s, r)
	again := commit(t, s, ports.Unit{
		Events:  eventsOf(r, otherwise(r)),
		Rejects: []domain.Reject{{Reason: "not JSON", Raw: "{", ReceivedAt: received}},
	})
	same(t, "announcement of a resent unit", ports.Announcement{}, again.Announcement)
	claimed := claim(t, s, 10)
	if len(claimed) != 1 || claimed[0].ID != first.Announcement.ID {
		t.Fatalf("claimed %d announcements, want the first unit's alone", len(claimed))
	}
}

func numbersAnnouncements(t *testing.T, s Store) {
	last := ports.AnnouncementID(0)
	for i, r := range deliveries(0, 5) {
		c := commitRecords(t, s, r)
		if c.Announcement.ID <= last {
			t.Fatalf("announcement of unit %d has id %d, want more than %d", i, c.Announcement.ID, last)
		}
		last = c.Announcement.ID
	}
}
