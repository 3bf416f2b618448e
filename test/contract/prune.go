package contract

import (
	"context"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestPruner holds a store's Prune to the words of ports.Pruner.
func TestPruner(t *testing.T, open Open) {
	tellAll(t, "Pruner", open, []story{
		{"RemovesEventsByTimeInID", prunesEvents},
		{"RemovesLogsByTimeInKey", prunesLogs},
		{"RemovesQuarantineByArrival", prunesQuarantine},
		{"RemovesTimelessByArrival", prunesTimeless},
		{"RemovesTimelessThatOthersName", prunesNamed},
		{"KeepsAllAtZeroTimes", keepsAllAtZero},
		{"RemovesManyRows", prunesMany},
		{"LeavesClaimUnblocked", leavesClaimUnblocked},
		{"LetsPrunedEventComeAnew", letsPrunedComeAnew},
		{"LeavesEventsOfLogThatIsMadeAnew", leavesEventsOfNewLog},
		{"PrunesBesideCommits", prunesBesideCommits},
	})
}

// midnight is where the stories cut: stores may drop whole days.
var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// onDay returns a delivery of message n that was accepted and delivered t after
// midnight.
func onDay(n int, t time.Duration) Record {
	r := record("Delivery", n, 0, "a@example.com")
	r.MessageID, r.AcceptedAt, r.OccurredAt = idAt(midnight.Add(t), n), midnight.Add(t), midnight.Add(t)
	return r
}

// prune prunes, and checks how many rows went.
func prune(t *testing.T, s Store, events, logs time.Time, want int64) {
	t.Helper()
	n, err := s.Prune(context.Background(), events, logs)
	fine(t, "prune", err)
	same(t, "rows that went", want, n)
}

// kept says which of the records are still there.
func kept(t *testing.T, s Store, records ...Record) []bool {
	t.Helper()
	var found []bool
	for _, r := range records {
		found = append(found, len(readEvents(t, s, r.MessageID)) == max(1, len(r.Recipients)))
	}
	return found
}

func prunesEvents(t *testing.T, s Store) {
	records := []Record{
		onDay(1, -40*day), onDay(2, -day), onDay(3, -time.Millisecond),
		onDay(4, 0), onDay(5, time.Millisecond), onDay(6, 40*day),
	}
	records[1].Recipients = []string{"a@example.com", "b@example.com"}
	commitRecords(t, s, records...)
	prune(t, s, midnight, time.Time{}, 4)
	same(t, "events that stayed", []bool{false, false, false, true, true, true}, kept(t, s, records...))
	same(t, "logs that stayed", 7, len(readLogs(t, s, ports.LogFilter{})))
	prune(t, s, midnight, time.Time{}, 0)
	same(t, "events that stayed", []bool{false, false, false, true, true, true}, kept(t, s, records...))
}

// leavesEventsOfNewLog has late word on messages whose logs are gone and of which an
// event is left.
func leavesEventsOfNewLog(t *testing.T, s Store) {
	for m, latest := range []time.Time{midnight.Add(10 * day), time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC)} {
		old, late, later := onDay(m, -42*day), onDay(m, -42*day), onDay(m, -42*day)
		late.OccurredAt, later.OccurredAt = midnight.Add(day), latest
		commitRecords(t, s, old, late)
		prune(t, s, midnight, midnight.Add(-40*day), int64(2+m)) // and the log that was made anew
		commitRecords(t, s, later)
		same(t, "events that are left", eventsOf(late, later), readEvents(t, s, old.MessageID))
		same(t, "page of them", 2, len(eventPages(t, s, ports.EventFilter{MessageID: old.MessageID}, 5)))
		same(t, "page of the recipient's", 2, len(eventPages(t, s, ports.EventFilter{Recipient: "a@example.com"}, 5)))
	}
}

func prunesLogs(t *testing.T, s Store) {
	records := []Record{onDay(1, -40*day), onDay(2, -time.Millisecond), onDay(3, 0), onDay(4, day)}
	// Late word on an old message: the log is as old as the message.
	records[1].OccurredAt = midnight.Add(day)
	commitRecords(t, s, records...)
	prune(t, s, time.Time{}, midnight, 2)
	same(t, "events that stayed", []bool{true, true, true, true}, kept(t, s, records...))
	want := domain.Fold(eventsOf(records[3], records[2]))
	same(t, "logs that stayed", []domain.EmailLog{want[1], want[0]}, readLogs(t, s, ports.LogFilter{}))
}

func prunesQuarantine(t *testing.T, s Store) {
	reject := func(raw string, after time.Duration) domain.Reject {
		return domain.Reject{Reason: "not JSON", Raw: raw, ReceivedAt: midnight.Add(after)}
	}
	commit(t, s, ports.Unit{Rejects: []domain.Reject{reject("{old", -day), reject("{new", day)}})
	prune(t, s, time.Time{}, midnight, 0) // is not a log
	prune(t, s, midnight, time.Time{}, 1)
	left := readQuarantine(t, s)
	if len(left) != 1 || left[0].Raw != "{new" {
		t.Fatalf("%d quarantined entries stayed, want the new one alone", len(left))
	}
}

// timeless returns a record whose event and log have no time in their ids.
func timeless(id string, year int) Record {
	r := record("Delivery", 1, 0, "a@example.com")
	r.MessageID, r.AcceptedAt = id, midnight
	r.OccurredAt = time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	return r
}

func prunesTimeless(t *testing.T, s Store) {
	old := []Record{timeless("old-1970", 1970), timeless("old-9999", 9999)}
	fresh := []Record{timeless("new-1970", 1970), timeless("new-9999", 9999)}
	for _, r := range old {
		commit(t, s, ports.Unit{Events: r.Events(midnight.Add(-day))})
	}
	for _, r := range fresh {
		commit(t, s, ports.Unit{Events: r.Events(midnight.Add(day))})
	}
	prune(t, s, midnight, time.Time{}, 2)
	same(t, "events that stayed", []bool{false, false, true, true}, kept(t, s, append(old, fresh...)...))
	prune(t, s, time.Time{}, midnight, 2)
	for _, r := range append(old, fresh...) {
		isFresh := r.MessageID == fresh[0].MessageID || r.MessageID == fresh[1].MessageID
		found := len(readLogs(t, s, ports.LogFilter{MessageID: domain.NormalizeMessageID(r.MessageID)})) == 1
		same(t, "log of "+r.MessageID, isFresh, found)
	}
}

// prunesNamed prunes logs without a time that only a report, or the other node of
// a transfer, has named.
func prunesNamed(t *testing.T, s Store) {
	gone, stays := timeless("gone", 1970), timeless("stays", 1970)
	moved := record("XferOut", 3, 5, "a@example.com")
	moved.TransferID = "moved"
	commit(t, s, ports.Unit{Events: append(reportOn("OOB", 1, gone).Events(midnight.Add(-day)), moved.Events(midnight.Add(-day))...)})
	commit(t, s, ports.Unit{Events: reportOn("OOB", 2, stays).Events(midnight.Add(day))})
	prune(t, s, time.Time{}, midnight, 2)
	prune(t, s, time.Time{}, midnight, 0)
	for r, want := range map[string]domain.Status{gone.MessageID: domain.Delivered, stays.MessageID: domain.BouncedLate} {
		commit(t, s, ports.Unit{Events: timeless(r, 1970).Events(midnight.Add(day))})
		same(t, "status of "+r, want, readLogs(t, s, ports.LogFilter{MessageID: r})[0].Status())
	}
}

func keepsAllAtZero(t *testing.T, s Store) {
	l := newLedger()
	u := ports.Unit{
		Events:  eventsOf(onDay(1, -4000*day), onDay(2, 0), timeless("x", 1970), timeless("y", 9999)),
		Rejects: []domain.Reject{{Reason: "not JSON", Raw: "{", ReceivedAt: time.Unix(1, 0).UTC()}},
	}
	l.take(u)
	commit(t, s, u)
	prune(t, s, time.Time{}, time.Time{}, 0)
	l.check(t, s)
}

func prunesMany(t *testing.T, s Store) {
	const n = 5000 // more than a store takes in one step
	var old []Record
	for i := range n {
		old = append(old, onDay(i, -day+time.Duration(i)*time.Second))
	}
	young := eventsOf(onDay(n, day))
	commitRecords(t, s, old...)
	commit(t, s, ports.Unit{Events: young})
	prune(t, s, midnight, midnight, 2*n)
	l := newLedger()
	l.take(ports.Unit{Events: young})
	l.check(t, s)
}

// leavesClaimUnblocked prunes what is announced and not claimed yet. Whether
// such an announcement still comes, without its events, is the store's choice.
func leavesClaimUnblocked(t *testing.T, s Store) {
	for i := range 5 {
		commitRecords(t, s, onDay(i, -day))
	}
	mixed := []Record{onDay(10, -day), onDay(11, day)}
	commitRecords(t, s, mixed...)
	last := commitRecords(t, s, onDay(12, day))
	_, err := s.Prune(context.Background(), midnight, time.Time{})
	fine(t, "prune", err)
	claimed := map[ports.AnnouncementID][]ports.Announced{}
	for range 7 {
		for _, a := range claim(t, s, 1) {
			claimed[a.ID] = a.Events
			fine(t, "done", s.Done(context.Background(), []ports.AnnouncementID{a.ID}))
		}
	}
	same(t, "announcement after pruned ones", last.Announcement.Events, claimed[last.Announcement.ID])
	same(t, "what is left of one", announced(eventsOf(mixed[1]), domain.Delivered), claimed[last.Announcement.ID-1])
}

func letsPrunedComeAnew(t *testing.T, s Store) {
	r := onDay(1, -day)
	commitRecords(t, s, r)
	prune(t, s, midnight, time.Time{}, 1)
	same(t, "New", []bool{true}, commitRecords(t, s, r).New)
	same(t, "events that stayed", []bool{true}, kept(t, s, r))
}

func prunesBesideCommits(t *testing.T, s Store) {
	done := make(chan error, 1)
	go func() {
		for i := range 40 {
			if _, err := s.Commit(context.Background(), ports.Unit{Events: eventsOf(onDay(i, -day), onDay(i, day))}); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 20 {
		_, err := s.Prune(context.Background(), midnight, midnight)
		fine(t, "prune beside commits", err)
	}
	fine(t, "commit beside pruning", <-done)
	_, err := s.Prune(context.Background(), midnight, midnight)
	fine(t, "prune", err)
	l := newLedger()
	for i := range 40 {
		l.take(ports.Unit{Events: eventsOf(onDay(i, day))})
	}
	l.check(t, s)
}
