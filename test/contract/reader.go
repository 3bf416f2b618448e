package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestLogReader holds a store to the words of ports.LogReader.
func TestLogReader(t *testing.T, open Open) {
	tellAll(t, "LogReader", open, []story{
		{"StreamsLogsNewestAcceptanceFirst", streamsNewestFirst},
		{"StreamsUndatedLogsLast", streamsUndatedLast},
		{"StreamsManyLogsWhileOthersCommit", streamsMany},
		{"StopsWhereReaderStops", stopsWithReader},
		{"ChoosesLogsByFilter", choosesByFilter},
		{"FindsLogsOfReportsToo", findsReports},
		{"FindsLogsByAnyID", findsByAnyID},
		{"FindsLogByItsOwnIDAlone", findsByOwnID},
		{"FindsUpToLimit", findsUpToLimit},
		{"FindsNothingByOddIDs", findsNothingByOddIDs},
		{"ReadsEventsInOrderOfTimeAndID", readsEventsInOrder},
		{"TakesAnySpellingOfMessageID", takesAnySpelling},
		{"EndedContextIsUnavailable", endedContextReads},
		{"PingsOpenStore", pings},
	})
}

// byAcceptance returns the logs of records, newest acceptance first.
func byAcceptance(records ...Record) []domain.EmailLog {
	logs := shown(domain.Fold(eventsOf(records...)), false)
	slices.SortStableFunc(logs, func(a, b domain.EmailLog) int { return b.AcceptedAt.Compare(a.AcceptedAt) })
	return logs
}

func streamsNewestFirst(t *testing.T, s Store) {
	records := deliveries(0, 40)
	for i := range 40 {
		commitRecords(t, s, records[i*7%40])
	}
	same(t, "logs", byAcceptance(records...), readLogs(t, s, ports.LogFilter{}))
}

// streamsUndatedLast has a log come last that was accepted last, because its key has
// no time.
func streamsUndatedLast(t *testing.T, s Store) {
	records := deliveries(0, 5)
	records[2].MessageID, records[2].AcceptedAt = "undated", at(100)
	commitRecords(t, s, records...)
	want := byKey(records...)
	same(t, "last log", "undated", want[4].MessageID)
	same(t, "logs", want, readLogs(t, s, ports.LogFilter{}))
}

// streamsMany reads in the midst of commits: each log once, in order, none of
// those that were there before missing.
func streamsMany(t *testing.T, s Store) {
	const before, beside = 2500, 50
	commitRecords(t, s, deliveries(0, before)...)
	var seen []domain.EmailLog
	next := before
	for l, err := range s.Logs(context.Background(), ports.LogFilter{}) {
		fine(t, "read logs", err)
		seen = append(seen, l)
		if len(seen)%beside == 0 {
			commitRecords(t, s, deliveries(next, 1)...)
			next++
		}
	}
	seen = slices.DeleteFunc(seen, func(l domain.EmailLog) bool { return !l.AcceptedAt.Before(at(before)) })
	same(t, "logs", byAcceptance(deliveries(0, before)...), seen)
}

func stopsWithReader(t *testing.T, s Store) {
	commitRecords(t, s, deliveries(0, 100)...)
	for range 20 { // more than a store has connections
		n := 0
		for _, err := range s.Logs(context.Background(), ports.LogFilter{}) {
			fine(t, "read logs", err)
			if n++; n == 3 {
				break
			}
		}
	}
	same(t, "logs", 100, len(readLogs(t, s, ports.LogFilter{})))
	commitRecords(t, s, deliveries(100, 1)...)
}

func choosesByFilter(t *testing.T, s Store) {
	records := []Record{
		record("Delivery", 1, 5, "a@example.com", "b@example.com"), record("Bounce", 2, 5, "a@EXAMPLE.com"),
		record("TransientFailure", 3, 5, "A@example.com"), record("Reception", 4, 5, "c@example.org"),
		record("XferOut", 5, 5, "d'\"@example.org"), record("Bounce", 6, 5, "a@example.com"),
	}
	for i := range records {
		records[i].Tenant = []string{"acme", "Acme", "o'neill", ""}[i%4]
		records[i].Campaign = []string{"spring", "%"}[i%2]
		records[i].ApplicationID = fmt.Sprintf("app-%d", i/2)
	}
	untimed := record("Expiration", 7, 5, "a@example.com") // its id does not say when it was accepted
	untimed.MessageID = "untimed"
	records = append(records, untimed)
	commitRecords(t, s, records...)
	all := byAcceptance(records...)
	for name, f := range filters() {
		var want []domain.EmailLog
		for _, l := range all {
			if f.chooses(&l) {
				want = append(want, l)
			}
		}
		if len(want) == 0 && !strings.HasPrefix(name, "no ") {
			t.Fatalf("filter by %s: chooses nothing, so it says nothing", name)
		}
		got := readLogs(t, s, f.LogFilter)
		slices.SortFunc(got, byRecipientWithin)
		slices.SortFunc(want, byRecipientWithin)
		same(t, "logs by "+name, want, got)
	}
}

// byRecipientWithin orders logs by acceptance, and those of one message by
// recipient.
func byRecipientWithin(a, b domain.EmailLog) int {
	if c := b.AcceptedAt.Compare(a.AcceptedAt); c != 0 {
		return c
	}
	return strings.Compare(a.Recipient, b.Recipient)
}

type filter struct {
	ports.LogFilter
	chooses func(*domain.EmailLog) bool
}

func filters() map[string]filter {
	type log = *domain.EmailLog
	return map[string]filter{
		"nothing":     {ports.LogFilter{}, func(log) bool { return true }},
		"message":     {ports.LogFilter{MessageID: messageID(1)}, func(l log) bool { return l.MessageID == messageID(1) }},
		"no message":  {ports.LogFilter{MessageID: messageID(77)}, func(log) bool { return false }},
		"odd message": {ports.LogFilter{MessageID: "untimed"}, func(l log) bool { return l.MessageID == "untimed" }},
		"application": {ports.LogFilter{ApplicationID: "app-1"}, func(l log) bool { return l.ApplicationID == "app-1" }},
		"recipient": {ports.LogFilter{Recipient: "a@example.com"},
			func(l log) bool { return l.Recipient == "a@example.com" }},
		"recipient's domain in other case": {ports.LogFilter{Recipient: "A@Example.COM"},
			func(l log) bool { return l.Recipient == "A@example.com" }},
		"recipient with quotes": {ports.LogFilter{Recipient: "d'\"@example.org"},
			func(l log) bool { return l.Recipient == "d'\"@example.org" }},
		"no recipient": {ports.LogFilter{Recipient: "%"}, func(log) bool { return false }},
		"tenant":       {ports.LogFilter{Tenant: "acme"}, func(l log) bool { return l.Tenant == "acme" }},
		"quoted tenant": {ports.LogFilter{Tenant: "o'neill"},
			func(l log) bool { return l.Tenant == "o'neill" }},
		"campaign": {ports.LogFilter{Campaign: "%"}, func(l log) bool { return l.Campaign == "%" }},
		"status": {ports.LogFilter{Statuses: []domain.Status{domain.Bounced}},
			func(l log) bool { return l.Status() == domain.Bounced }},
		"statuses": {ports.LogFilter{Statuses: []domain.Status{domain.Pending, domain.Transferred, domain.BouncedLate}},
			func(l log) bool { return l.Status() == domain.Pending || l.Status() == domain.Transferred }},
		"no status": {ports.LogFilter{Statuses: []domain.Status{domain.Complained}}, func(log) bool { return false }},
		"from":      {ports.LogFilter{From: at(3)}, func(l log) bool { return !l.AcceptedAt.Before(at(3)) }},
		"to":        {ports.LogFilter{To: at(3)}, func(l log) bool { return l.AcceptedAt.Before(at(3)) }},
		"from and to": {ports.LogFilter{From: at(2), To: at(5)},
			func(l log) bool { return !l.AcceptedAt.Before(at(2)) && l.AcceptedAt.Before(at(5)) }},
		"from of an id without time": {ports.LogFilter{From: at(7), To: at(8)},
			func(l log) bool { return l.MessageID == "untimed" }},
		"no range": {ports.LogFilter{From: at(5), To: at(5)}, func(log) bool { return false }},
		"all together": {ports.LogFilter{
			MessageID: messageID(2), ApplicationID: "app-0", Recipient: "a@example.com", Tenant: "Acme",
			Statuses: []domain.Status{domain.Bounced}, Campaign: "%", From: at(2), To: at(3),
		}, func(l log) bool { return l.MessageID == messageID(2) }},
		"no log, for one field differs": {ports.LogFilter{MessageID: messageID(2), Tenant: "acme"},
			func(log) bool { return false }},
	}
}

func readsEventsInOrder(t *testing.T, s Store) {
	records := []Record{
		record("Delivery", 1, 30, "a@example.com", "b@example.com", "c@example.com"),
		record("Reception", 1, 2, "a@example.com"), record("TransientFailure", 1, 10, "c@example.com"),
		record("Reception", 2, 3, "z@example.com"), record("OOB", 1, 10, "c@example.com"),
		record("Delayed", 1, 10, "a@example.com"), record("Reception", 1, 2),
	}
	keeps(t, s, ports.Unit{Events: eventsOf(records[:3]...)}, ports.Unit{Events: eventsOf(records[3:]...)})
	same(t, "events but that of no recipient", 7, len(readEvents(t, s, messageID(1))))
	same(t, "events of an unknown message", 0, len(readEvents(t, s, messageID(9))))
}

func takesAnySpelling(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com")
	id := r.MessageID
	dashed := strings.ToUpper(id[:8] + "-" + id[8:12] + "-" + id[12:16] + "-" + id[16:20] + "-" + id[20:])
	upper := record("Reception", 1, 2, "a@example.com")
	upper.MessageID = dashed
	events := eventsOf(upper, r)
	commit(t, s, ports.Unit{Events: events})
	for _, spelling := range []string{id, strings.ToUpper(id), dashed, strings.ToLower(dashed)} {
		same(t, "events of "+spelling, events, readEvents(t, s, spelling))
	}
}

func endedContextReads(t *testing.T, s Store) {
	commitRecords(t, s, deliveries(0, 3)...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, f := range []ports.LogFilter{{}, {Tenant: "acme"}, {Tenant: "acme", Provider: "google"}, {Tenant: "a\x00"}} {
		var logsErr error
		n := 0
		for _, logsErr = range s.Logs(ctx, f) {
			n++
		}
		is(t, fmt.Sprintf("logs of %+v under an ended context", f), logsErr, ports.ErrUnavailable)
		same(t, "steps to the first error", 1, n)
	}
	_, err := s.Events(ctx, messageID(1))
	is(t, "events under an ended context", err, ports.ErrUnavailable)
	_, err = s.FindLogs(ctx, messageID(1), 10)
	is(t, "find logs under an ended context", err, ports.ErrUnavailable)
}

func pings(t *testing.T, s Store) { fine(t, "ping", s.Ping(context.Background())) }
