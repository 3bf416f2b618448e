package contract

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestEventPages holds a store to the words of ports.EventPages.
func TestEventPages(t *testing.T, open Open) {
	tellAll(t, "EventPages", open, []story{
		{"PagesThroughEventsByFilter", pagesOfEvents},
		{"FindsEventsOfRecipientThroughLogs", eventsOfRecipient},
		{"FindsEventsOfRecipientAmongMany", eventsOfCrowd},
		{"FindsEventsOfTheIDsMillisecond", eventsOfMillisecond},
		{"PagesThroughEventsOfMessageOverDays", eventsOverDays},
		{"ShowsUndatedEventsLast", showsUndatedEventsLast},
		{"ShowsEachEventOnceWhileOthersCommit", eventPagesWhileOthersCommit},
		{"TakesAnySpellingOfMessageID", eventPagesInAnySpelling},
		{"ReturnsOneEventWhole", oneEventWhole},
		{"SaysThatThereIsNoSuchEvent", noSuchEvent},
	})
}

// eventPages returns what all pages of that limit show.
func eventPages(t *testing.T, s Store, f ports.EventFilter, limit int) []ports.EventRow {
	t.Helper()
	var all []ports.EventRow
	var before domain.EventID
	for {
		page, err := s.EventPage(context.Background(), f, before, limit)
		fine(t, "page of events", err)
		if len(page) > limit {
			t.Fatalf("a page of %d events, want %d at most", len(page), limit)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		before = page[len(page)-1].ID
	}
}

// rowsOf returns the rows of the events that choose chooses, greatest id first.
func rowsOf(events []domain.EmailEvent, chooses func(*domain.EmailEvent) bool) []ports.EventRow {
	var rows []ports.EventRow
	for i := range events {
		if chooses(&events[i]) {
			rows = append(rows, rowOf(events[i]))
		}
	}
	slices.SortFunc(rows, func(a, b ports.EventRow) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return rows
}

// rowOf is what is kept of an event beside its record.
func rowOf(e domain.EmailEvent) ports.EventRow {
	var row ports.EventRow
	if e.Original != nil {
		row.OriginalLog, row.TiedBy = e.Original.Key(), e.Original.By
	}
	if e.Type != domain.Unknown {
		e.RecordType = ""
	}
	if e.Classification == "Uncategorized" {
		e.Classification = ""
	}
	e.Raw, e.Meta, e.Queue, e.Site, e.AcceptedAt, e.Size, e.Response.Command = "", "", "", "", time.Time{}, 0, ""
	e.PeerName, e.PeerAddress, e.EgressPool, e.SourceAddress, e.DeliveryProtocol, e.ReceptionProtocol = "", "", "", "", "", ""
	e.SessionID, e.ProviderName, e.ApplicationID, e.TransferID = "", "", "", ""
	e.Report, e.Original, e.OfReport = nil, nil, false
	row.EmailEvent = e
	return row
}

// eventfulRecords are records with all that a row can say.
func eventfulRecords() []Record {
	var records []Record
	kinds := []string{"Reception", "Delivery", "Bounce", "TransientFailure", "Rejection", "Unheard"}
	for i := range 36 {
		r := record(kinds[i%6], i/3, i*10, mixedRecipients[i%3])
		r.Tenant, r.Campaign, r.ApplicationID, r.EgressSource = "acme", "spring", "app", "ip-1"
		r.Provider, r.Classification = "google", []string{"Uncategorized", "SpamBlock"}[i%2]
		r.PeerName, r.PeerAddress, r.Meta = "mx.example.com.", "192.0.2.1", `{"a":1}`
		if kinds[i%6] == "Bounce" {
			r.Verdict = domain.Verdict{
				Cause: domain.CauseContent, Subcause: domain.SubcauseSpam, Permanence: domain.Permanent,
				Fault: domain.FaultSender, Rule: "a-rule",
			}
			r.ResponseHash = 1<<63 + uint64(i)
		}
		records = append(records, r)
	}
	oob := record("OOB", 50, 1000, mixedRecipients[0])
	oob.Original = &domain.Original{MessageID: messageID(3), Recipients: []string{mixedRecipients[0]}, By: domain.TieVERP}
	feedback := record("Feedback", 51, 1100, "fbl@reports.example")
	feedback.Original = &domain.Original{MessageID: messageID(5), Recipients: mixedRecipients[:2], By: domain.TieTrace}
	nameless := record("Feedback", 52, 1200)
	nameless.MessageID = ""
	return append(records, oob, feedback, nameless)
}

func isAbout(id string) func(e *domain.EmailEvent) bool {
	return func(e *domain.EmailEvent) bool {
		return domain.NormalizeMessageID(e.MessageID) == id || e.Original != nil && e.Original.MessageID == id
	}
}

func pagesOfEvents(t *testing.T, s Store) {
	commitRecords(t, s, eventfulRecords()...)
	events := eventsOf(eventfulRecords()...)
	inRange := func(e *domain.EmailEvent) bool {
		when, _ := e.ID.Time()
		return !when.Before(at(50)) && when.Before(at(130))
	}
	isBounce := func(e *domain.EmailEvent) bool { return e.Type == domain.Bounce || e.Type == domain.Unknown }
	bounces := []domain.EventType{domain.Bounce, domain.Unknown}
	for name, c := range map[string]struct {
		filter  ports.EventFilter
		chooses func(*domain.EmailEvent) bool
		none    bool
	}{
		"nothing":        {chooses: func(*domain.EmailEvent) bool { return true }},
		"types":          {filter: ports.EventFilter{Types: bounces}, chooses: isBounce},
		"message":        {filter: ports.EventFilter{MessageID: messageID(2)}, chooses: isAbout(messageID(2))},
		"tied message":   {filter: ports.EventFilter{MessageID: messageID(3)}, chooses: isAbout(messageID(3))},
		"report's own":   {filter: ports.EventFilter{MessageID: messageID(50)}, chooses: isAbout(messageID(50))},
		"range":          {filter: ports.EventFilter{From: at(50), To: at(130)}, chooses: inRange},
		"an empty range": {filter: ports.EventFilter{From: at(50), To: at(50)}, chooses: func(*domain.EmailEvent) bool { return false }, none: true},
		"another id":     {filter: ports.EventFilter{MessageID: "none"}, chooses: func(*domain.EmailEvent) bool { return false }, none: true},
		"all together": {
			filter: ports.EventFilter{MessageID: messageID(2), Types: bounces, From: at(50), To: at(130), Recipient: mixedRecipients[2]},
			chooses: func(e *domain.EmailEvent) bool {
				return isAbout(messageID(2))(e) && isBounce(e) && inRange(e) && domain.NormalizeRecipient(e.Recipient) == "A@example.com"
			},
		},
	} {
		want := rowsOf(events, c.chooses)
		if c.none != (len(want) == 0) {
			t.Fatalf("events by %s: %d, so it says nothing", name, len(want))
		}
		for _, limit := range []int{1, 4, 100} {
			same(t, fmt.Sprintf("pages of %d by %s", limit, name), want, eventPages(t, s, c.filter, limit))
		}
	}
}

func eventsOfRecipient(t *testing.T, s Store) {
	mail := []Record{
		record("Reception", 1, 1, "a@example.com", "b@example.com"), record("Delivery", 1, 2, "a@EXAMPLE.com"),
		record("Rejection", 2, 3, "a@example.com"), // speaks of no log
		record("Bounce", 3, 4, "a@example.com"), record("Bounce", 4, 5, "A@example.com"),
	}
	oob := record("OOB", 9, 6, "a@example.com")
	oob.Original = &domain.Original{MessageID: messageID(1), Recipients: []string{"a@example.com"}, By: domain.TieVERP}
	several := record("Feedback", 10, 7, "fbl@reports.example")
	several.Original = &domain.Original{MessageID: messageID(1), Recipients: []string{"b@example.com", "a@example.com"}, By: domain.TieTrace}
	commitRecords(t, s, append(mail, oob, several)...)
	want := rowsOf(eventsOf(mail[0], mail[1], mail[3], oob), func(e *domain.EmailEvent) bool { return e.Recipient != "b@example.com" })
	for _, limit := range []int{1, 3, 50} {
		same(t, "events of a recipient", want, eventPages(t, s, ports.EventFilter{Recipient: "a@Example.com"}, limit))
	}
	same(t, "events of the first of several", 2, len(eventPages(t, s, ports.EventFilter{Recipient: "b@example.com"}, 5)))
	same(t, "events of nobody", 0, len(eventPages(t, s, ports.EventFilter{Recipient: "z@example.com"}, 5)))
	of3 := ports.EventFilter{Recipient: "a@example.com", MessageID: messageID(3)}
	same(t, "events of a recipient's message", rowsOf(eventsOf(mail[3]), func(*domain.EmailEvent) bool { return true }), eventPages(t, s, of3, 5))
}

// eventsOfCrowd asks for those of an address that gets a copy of everything.
func eventsOfCrowd(t *testing.T, s Store) {
	var records []Record
	for i := range 300 {
		r := record("Delivery", i*1000, i*1000+5, "all@example.com", fmt.Sprintf("user%d@example.com", i))
		late := record("Bounce", i*1000, i*1000+200_000, "all@example.com")
		records = append(records, r, late)
	}
	oob := record("OOB", 500_000, 500_000, "all@example.com")
	oob.Original = &domain.Original{MessageID: messageID(3000), Recipients: []string{"all@example.com"}, By: domain.TieVERP}
	records = append(records, oob, record("Rejection", 7, 7, "all@example.com"))
	for chunk := range slices.Chunk(records, 100) {
		commitRecords(t, s, chunk...)
	}
	want := rowsOf(eventsOf(records...), func(e *domain.EmailEvent) bool {
		return e.Recipient == "all@example.com" && e.Type != domain.Rejection
	})
	for _, limit := range []int{7, 100, 1000} {
		same(t, fmt.Sprintf("pages of %d", limit), want, eventPages(t, s, ports.EventFilter{Recipient: "all@example.com"}, limit))
	}
	for name, f := range map[string]ports.EventFilter{
		"type":    {Types: []domain.EventType{domain.Bounce, domain.OOB}},
		"message": {MessageID: messageID(3000)},
		"range":   {From: at(100_000), To: at(300_000)},
	} {
		f.Recipient = "all@example.com"
		some := slices.DeleteFunc(slices.Clone(want), func(r ports.EventRow) bool {
			when, _ := r.ID.Time()
			return len(f.Types) > 0 && !slices.Contains(f.Types, r.Type) ||
				f.MessageID != "" && r.MessageID != f.MessageID && r.TiedBy == "" ||
				!f.From.IsZero() && (when.Before(f.From) || !when.Before(f.To))
		})
		if len(some) == 0 || len(some) == len(want) {
			t.Fatalf("events by %s: %d of %d, so it says nothing", name, len(some), len(want))
		}
		same(t, "pages by "+name, some, eventPages(t, s, f, 40))
	}
}

func eventsOfMillisecond(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com")
	r.OccurredAt = at(5).Add(2*time.Millisecond + 345*time.Microsecond)
	commitRecords(t, s, r)
	ms := at(5).Add(2 * time.Millisecond)
	for name, c := range map[string]struct {
		from, to time.Time
		found    int
	}{
		"from its ms":           {ms, time.Time{}, 1},
		"from within its ms":    {ms.Add(time.Nanosecond), time.Time{}, 0},
		"to its ms":             {time.Time{}, ms, 0},
		"to within its ms":      {time.Time{}, ms.Add(time.Nanosecond), 1},
		"in its ms":             {ms, ms.Add(time.Millisecond), 1},
		"from the far past":     {time.Date(-300, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 1},
		"to the far past":       {time.Time{}, time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		"from the far future":   {time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, 0},
		"from the year of time": {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, 1},
	} {
		same(t, "events "+name, c.found, len(eventPages(t, s, ports.EventFilter{From: c.from, To: c.to}, 5)))
	}
}

func showsUndatedEventsLast(t *testing.T, s Store) {
	records := deliveries(0, 6)
	for i := range records[:3] {
		records[i].OccurredAt = time.Date(2190, 1, 1, 0, 0, i, 0, time.UTC)
	}
	commitRecords(t, s, records...)
	want := rowsOf(eventsOf(records...), func(*domain.EmailEvent) bool { return true })
	same(t, "events", want, eventPages(t, s, ports.EventFilter{}, 2))
	if _, dated := want[5].ID.Time(); dated {
		t.Fatal("the last event has a time, so it says nothing")
	}
	for _, f := range []ports.EventFilter{{From: at(0)}, {To: at(100)}, {From: at(0), To: at(100)}} {
		same(t, "dated events", want[:3], eventPages(t, s, f, 2))
	}
}

// eventsOverDays asks for messages that were tried on a few days, on many, and also at
// a time that an id has no room for.
func eventsOverDays(t *testing.T, s Store) {
	const day = 24 * 60 * 60
	var records []Record
	for m, days := range []int{3, 30, 5} {
		for n := range days {
			records = append(records, record("TransientFailure", m, m+n*day, "a@example.com"),
				record("Delivery", m, m+n*day+60, "b@example.com"))
		}
	}
	undated := record("TransientFailure", 2, 0, "a@example.com")
	undated.OccurredAt = time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC)
	records = append(records, undated)
	commitRecords(t, s, records...)
	for m := range 3 {
		of := ports.EventFilter{MessageID: messageID(m)}
		tried, later := of, of
		tried.Types, later.From = []domain.EventType{domain.TransientFailure}, at(m+day)
		all := rowsOf(eventsOf(records...), isAbout(messageID(m)))
		for _, limit := range []int{1, 3, 50} {
			same(t, fmt.Sprintf("pages of %d of message %d", limit, m), all, eventPages(t, s, of, limit))
			same(t, "of a type", rowsOf(eventsOf(records...), func(e *domain.EmailEvent) bool {
				return isAbout(messageID(m))(e) && e.Type == domain.TransientFailure
			}), eventPages(t, s, tried, limit))
			same(t, "of later days", rowsOf(eventsOf(records...), func(e *domain.EmailEvent) bool {
				when, dated := e.ID.Time()
				return isAbout(messageID(m))(e) && dated && !when.Before(later.From)
			}), eventPages(t, s, later, limit))
		}
	}
}

func eventPagesWhileOthersCommit(t *testing.T, s Store) {
	records := deliveries(100, 40)
	commitRecords(t, s, records...)
	want := rowsOf(eventsOf(records...), func(*domain.EmailEvent) bool { return true })
	var seen []ports.EventRow
	var before domain.EventID
	for n := 0; ; n++ {
		page, err := s.EventPage(context.Background(), ports.EventFilter{}, before, 7)
		fine(t, "page of events", err)
		seen = append(seen, page...)
		if len(page) < 7 {
			break
		}
		before = page[len(page)-1].ID
		commitRecords(t, s, deliveries(1000+n, 1)...)
		commitRecords(t, s, deliveries(99-n, 1)...)
	}
	seen = slices.DeleteFunc(seen, func(r ports.EventRow) bool {
		return r.OccurredAt.Before(at(105)) || !r.OccurredAt.Before(at(145))
	})
	same(t, "events of before", want, seen)
}

func eventPagesInAnySpelling(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com")
	upper := record("Reception", 1, 2, "a@example.com")
	upper.MessageID = dashed(messageID(1))
	commitRecords(t, s, r, upper)
	want := rowsOf(eventsOf(r, upper), func(*domain.EmailEvent) bool { return true })
	for _, id := range []string{messageID(1), dashed(messageID(1))} {
		same(t, "events of "+id, want, eventPages(t, s, ports.EventFilter{MessageID: id}, 5))
	}
}

func oneEventWhole(t *testing.T, s Store) {
	records := append(eventfulRecords(), record("Delivery", 70, 75, "x@example.com", "y@example.com"))
	commitRecords(t, s, records...)
	for _, want := range eventsOf(records...) {
		got, err := s.Event(context.Background(), want.ID)
		fine(t, "event", err)
		same(t, "event", want, got)
	}
}

func noSuchEvent(t *testing.T, s Store) {
	commitRecords(t, s, deliveries(0, 3)...)
	for _, id := range []domain.EventID{{}, {5: 1}, {0xff}} {
		_, err := s.Event(context.Background(), id)
		is(t, "event of no such id", err, ports.ErrNotFound)
	}
}
