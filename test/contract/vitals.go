package contract

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestVitals holds a store to the words of ports.VitalsReader. What depends on
// how it keeps things, partitions and bytes, is for its own tests.
func TestVitals(t *testing.T, open Open) {
	tellAll(t, "Vitals", open, []story{
		{"AreZeroOfEmptyStore", vitalsOfNothing},
		{"CountWhatIsToBeAnnounced", vitalsOfOutbox},
		{"KnowSinceWhenAnnouncementsWait", vitalsOfOldest},
		{"TellWhatIsToBeSummedUp", vitalsOfSums},
		{"CountQuarantine", vitalsOfQuarantine},
		{"NameDaysOfEvents", vitalsOfDays},
		{"EndedContextIsUnavailable", vitalsUnderEndedContext},
	})
}

// vitals reads what all stores have in common.
func vitals(t *testing.T, s Store) ports.Vitals {
	t.Helper()
	v, err := s.Vitals(context.Background())
	fine(t, "read vitals", err)
	v.Partitions, v.LastPartition, v.Bytes = 0, time.Time{}, 0
	return v
}

func vitalsOfNothing(t *testing.T, s Store) {
	same(t, "vitals", ports.Vitals{}, vitals(t, s))
	commit(t, s, ports.Unit{})
	same(t, "vitals after an empty unit", ports.Vitals{}, vitals(t, s))
}

func vitalsOfOutbox(t *testing.T, s Store) {
	waiting := func(what string, announcements, events int64) {
		t.Helper()
		v := vitals(t, s)
		same(t, what, [2]int64{announcements, events}, [2]int64{v.Announcements, v.Announced})
	}
	ids := commitEach(t, s, 3, 0)
	waiting("after commits", 3, 3)
	known := record("Delivery", 9, 20, "a@example.com", "b@example.com")
	held := commit(t, s, ports.Unit{Events: eventsOf(known, otherwise(known)), Hold: time.Hour})
	waiting("with one that is held", 4, 5)
	commitRecords(t, s, known)
	waiting("after a unit without new events", 4, 5)
	claim(t, s, 10)
	waiting("after a claim", 4, 5)
	fine(t, "done", s.Done(context.Background(), append(ids[:1:1], held.Announcement.ID)))
	waiting("after some are done", 2, 2)
	fine(t, "done", s.Done(context.Background(), ids))
	same(t, "when nothing waits", time.Time{}, vitals(t, s).OldestAnnounced)
	waiting("after all are done", 0, 0)
}

func vitalsOfOldest(t *testing.T, s Store) {
	var ids []ports.AnnouncementID
	came := []time.Time{received, received.Add(time.Hour), received.Add(time.Minute)}
	for i, at := range came {
		u := ports.Unit{Events: slices.Concat(
			record("Delivery", i, 50-i, "a@example.com", "b@example.com").Events(at),
			record("Bounce", i, 60, "a@example.com").Events(at.Add(time.Second)))}
		ids = append(ids, commit(t, s, u).Announcement.ID)
	}
	for i, at := range came {
		same(t, "oldest", at, vitals(t, s).OldestAnnounced)
		fine(t, "done", s.Done(context.Background(), ids[i:i+1]))
	}
	commitRecords(t, s, onDay(1, -day), onDay(2, day))
	prune(t, s, midnight, time.Time{}, 1)
	same(t, "oldest, which is no longer kept", time.Time{}, vitals(t, s).OldestAnnounced)
}

func vitalsOfSums(t *testing.T, s Store) {
	waits := func(what string, want bool) ports.Vitals {
		t.Helper()
		v := vitals(t, s)
		same(t, what+": notes wait, and since when is known", [2]bool{want, want}, [2]bool{v.Unsummed > 0, !v.OldestUnsummed.IsZero()})
		return v
	}
	commit(t, s, ports.Unit{Rejects: rejects(1)})
	waits("after a reject", false)
	mail := deliveries(0, 50)
	commitRecords(t, s, mail...)
	first := waits("after a unit", true)
	commitRecords(t, s, mail...)
	same(t, "notes after the same unit again", first.Unsummed, waits("after the same unit again", true).Unsummed)
	commitRecords(t, s, deliveries(50, 50)...)
	second := waits("after another unit", true)
	same(t, "more notes wait", true, second.Unsummed > first.Unsummed)
	same(t, "the oldest note", first.OldestUnsummed, second.OldestUnsummed)
	rollAll(t, s)
	waits("when all is summed up", false)
	commitRecords(t, s, deliveries(100, 1)...)
	same(t, "the next note is older", false, waits("after one more", true).OldestUnsummed.Before(first.OldestUnsummed))
}

func rollAll(t *testing.T, s Store) {
	t.Helper()
	for more := true; more; {
		var err error
		more, err = s.Roll(context.Background())
		fine(t, "roll up", err)
	}
}

func vitalsOfQuarantine(t *testing.T, s Store) {
	all := rejects(10)
	commit(t, s, ports.Unit{Rejects: append(all, all[3])})
	same(t, "vitals", ports.Vitals{Quarantined: 10}, vitals(t, s))
	fine(t, "remove", s.Remove(context.Background(), all[0].ID(), all[1].ID(), domain.QuarantineID{9}))
	same(t, "after two are removed", ports.Vitals{Quarantined: 8}, vitals(t, s))
}

func vitalsOfDays(t *testing.T, s Store) {
	days := func(what string, oldest, newest time.Time) {
		t.Helper()
		v := vitals(t, s)
		same(t, what, []time.Time{oldest, newest}, []time.Time{v.OldestDay, v.NewestDay})
	}
	commitRecords(t, s, timeless("x", 1970), timeless("y", 9999))
	days("without times", time.Time{}, time.Time{})
	commitRecords(t, s, onDay(1, 23*time.Hour))
	days("of one event", midnight, midnight)
	late := record("Delivery", 2, 0, "a@example.com") // of an old message: the event is as old as it is
	late.MessageID, late.OccurredAt = idAt(midnight.Add(-400*day), 2), midnight.Add(3*day-time.Millisecond)
	commitRecords(t, s, onDay(3, -40*day), onDay(4, day), late)
	days("of several", midnight.Add(-40*day), midnight.Add(2*day))
	prune(t, s, midnight, time.Time{}, 1)
	days("after pruning", midnight, midnight.Add(2*day))
}

func vitalsUnderEndedContext(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.Vitals(ctx)
	is(t, "vitals under an ended context", err, ports.ErrUnavailable)
}
