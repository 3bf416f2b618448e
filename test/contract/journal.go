package contract

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestJournal holds a store's Commit to the words of ports.Journal.
func TestJournal(t *testing.T, open Open) {
	tellAll(t, "Journal", open, []story{
		{"KeepsAwkwardRecordsByteForByte", keepsAwkwardRecords},
		{"KeepsAllPartsOfRecord", keepsAllParts},
		{"MarksEventNewOnceInUnit", marksNewOnceInUnit},
		{"MarksEventNewOnceAcrossUnits", marksNewOnceAcrossUnits},
		{"KeepsFirstCopyOfDuplicate", keepsFirstCopy},
		{"JoinsWhatKnownCopiesSay", joinsKnownCopies},
		{"NeverLowersStatus", neverLowersStatus},
		{"JoinsEachFactWhateverTheOrder", joinsEachFact},
		{"MakesLogsOfMailOnly", makesLogsOfMailOnly},
		{"HidesLogsUntilTheirMessageIsKnown", hidesUnconfirmed},
		{"ShowsReportsInTimelinesOfTheirMessages", showsTiedReports},
		{"TellsReportsOwnLifeApart", tellsReportsApart},
		{"LinksIDsOfTransferredMessage", linksTransfers},
		{"AnnouncesNewEventsInOrder", announcesNewInOrder},
		{"AnnouncesStatusAfterCommit", announcesStatus},
		{"AnnouncesNothingWithoutNewEvents", announcesNothing},
		{"NumbersAnnouncementsUpward", numbersAnnouncements},
		{"QuarantinesRejectsOnce", quarantinesOnce},
		{"TakesEmptyUnit", takesEmptyUnit},
		{"TakesLargeUnit", takesLargeUnit},
	})
	testWhole(t, open)
	testLaw(t, open)
}

// keeps commits units and checks what is new and stored against the ledger.
func keeps(t *testing.T, s Store, units ...ports.Unit) {
	t.Helper()
	l := newLedger()
	for i, u := range units {
		c := commit(t, s, u)
		same(t, fmt.Sprintf("New of unit %d", i), l.take(u), c.New)
	}
	l.check(t, s)
}

func keepsAwkwardRecords(t *testing.T, s Store) {
	var records []Record
	for i, text := range awkward {
		r := record("Bounce", i, i+1, "user@example.com")
		r.Sender, r.Queue, r.Site, r.SessionID = text, text, text, text
		r.Response.Content, r.Response.Command, r.Classification = text, text, text
		r.PeerName, r.EgressPool, r.EgressSource, r.Provider = text, text, text, text
		r.Tenant, r.Campaign, r.ApplicationID = text, text, text
		r.Verdict = domain.Verdict{
			Cause: domain.Cause(text), Subcause: domain.Subcause(text), Permanence: domain.Permanence(text),
			Fault: domain.Fault(text), Rule: text,
		}
		r.ResponseHash = math.MaxUint64 - uint64(i)
		records = append(records, r)
	}
	events := eventsOf(records...)
	// Bytes that no text column takes, but a JSON string may be sent with.
	line := record("Delivery", 99, 100, "user@example.com").Line()
	events = append(events, EventsOf(line[:len(line)-1]+`,"Noise":"`+"\xff\xfe"+`\u0000"} `, received)...)
	keeps(t, s, ports.Unit{Events: events})
}

func keepsAllParts(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com", "b@example.com", "c@example.org")
	keeps(t, s, ports.Unit{Events: eventsOf(r, record("Bounce", 1, 6, "d@example.org"))})
	same(t, "parts", 4, len(readEvents(t, s, messageID(1))))
}

func marksNewOnceInUnit(t *testing.T, s Store) {
	r := record("Delivery", 1, 5, "a@example.com", "b@example.com")
	c := commitRecords(t, s, r, otherwise(r), record("Bounce", 2, 6, "a@example.com"), r)
	same(t, "New", []bool{true, true, false, false, true, false, false}, c.New)
	same(t, "events announced", 3, len(c.Announcement.Events))
}

func marksNewOnceAcrossUnits(t *testing.T, s Store) {
	first, second := record("Delivery", 1, 5, "a@example.com"), record("Delivery", 2, 5, "a@example.com")
	same(t, "New of the first unit", []bool{true}, commitRecords(t, s, first).New)
	c := commitRecords(t, s, otherwise(first), second)
	same(t, "New of the second unit", []bool{false, true}, c.New)
	same(t, "New of a third", []bool{false, false}, commitRecords(t, s, second, first).New)
}

func keepsFirstCopy(t *testing.T, s Store) {
	inUnit, across := record("Delivery", 1, 5, "a@example.com"), record("Delivery", 2, 5, "a@example.com")
	late := otherwise(across).Events(received.Add(time.Hour))
	keeps(t, s,
		ports.Unit{Events: eventsOf(inUnit, otherwise(inUnit), across)},
		ports.Unit{Events: late})
	stored := readEvents(t, s, messageID(2))
	same(t, "raw bytes", across.Line(), stored[0].Raw)
	same(t, "received", received, stored[0].ReceivedAt)
}

func joinsKnownCopies(t *testing.T, s Store) {
	bare := record("Delivery", 1, 5, "a@example.com")
	bare.Size = 0
	full := otherwise(bare)
	full.Size = 2048
	keeps(t, s, ports.Unit{Events: eventsOf(bare)}, ports.Unit{Events: eventsOf(full)})
	l := readLogs(t, s, ports.LogFilter{})[0]
	same(t, "facts of the second copy", []any{"acme", "spring", "app-1", int64(2048)},
		[]any{l.Tenant, l.Campaign, l.ApplicationID, l.Size})
}

func neverLowersStatus(t *testing.T, s Store) {
	kinds := []string{"XferOut", "Reception", "Delivery", "TransientFailure", "Bounce", "Expiration", "Delayed"}
	var units []ports.Unit
	for i, kind := range kinds {
		units = append(units, ports.Unit{Events: eventsOf(record(kind, 1, 10+i, "a@example.com"))})
	}
	keeps(t, s, units...)
	same(t, "status", domain.Delivered, readLogs(t, s, ports.LogFilter{})[0].Decision.Status)
}

func makesLogsOfMailOnly(t *testing.T, s Store) {
	var records []Record
	for i, kind := range recordTypes {
		records = append(records, record(kind, i, i+5, "a@example.com"))
	}
	hook := record("Delivery", 50, 55, "a@example.com")
	hook.ReceptionProtocol = "LogRecord"
	nameless := record("Rejection", 51, 55)
	nameless.MessageID = ""
	records = append(records, hook, nameless, record("Reception", 52, 55), record("OOB", 53, 55, "a@example.com"))
	keeps(t, s, ports.Unit{Events: eventsOf(records...)})
	same(t, "number of logs", len(recordTypes)-3, len(readLogs(t, s, ports.LogFilter{})))
}

func quarantinesOnce(t *testing.T, s Store) {
	reject := func(raw string, index int) domain.Reject {
		return domain.Reject{Index: index, Reason: "not JSON", Raw: raw, ReceivedAt: received}
	}
	later := reject("{broken", 7)
	later.ReceivedAt = received.Add(time.Hour)
	keeps(t, s,
		ports.Unit{Rejects: []domain.Reject{reject("{broken", 0), reject("\xff\x00\xfe", 1), reject("{broken", 2)}},
		ports.Unit{
			Events:  eventsOf(record("Delivery", 1, 5, "a@example.com")),
			Rejects: []domain.Reject{later, reject("'quoted'\n\\", 0)},
		})
	same(t, "entries", 3, len(readQuarantine(t, s)))
}

func takesEmptyUnit(t *testing.T, s Store) {
	keeps(t, s, ports.Unit{})
	same(t, "claimed", 0, len(claim(t, s, 10)))
}

func takesLargeUnit(t *testing.T, s Store) {
	keeps(t, s, ports.Unit{Events: eventsOf(deliveries(0, 3000)...)})
}

// closedIsUnavailable fails t if a store still answers after it was closed.
func closedIsUnavailable(t *testing.T, s Store) {
	fine(t, "close", s.Close())
	fine(t, "close again", s.Close())
	ctx := context.Background()
	_, commitErr := s.Commit(ctx, ports.Unit{Events: eventsOf(record("Delivery", 1, 5, "a@example.com"))})
	_, claimErr := s.Claim(ctx, 1, time.Minute)
	_, pruneErr := s.Prune(ctx, noon, noon)
	_, listErr := s.List(ctx, domain.QuarantineID{}, 1)
	_, getErr := s.Get(ctx, domain.QuarantineID{1})
	_, eventsErr := s.Events(ctx, messageID(1))
	_, countErr := s.CountEvents(ctx, ports.StatsQuery{From: noon, To: received, Width: time.Hour})
	_, vitalsErr := s.Vitals(ctx)
	var logsErr error
	for _, err := range s.Logs(ctx, ports.LogFilter{}) {
		logsErr = err
	}
	for what, err := range map[string]error{
		"commit": commitErr, "claim": claimErr, "prune": pruneErr, "list": listErr, "get": getErr,
		"events": eventsErr, "count": countErr, "logs": logsErr, "vitals": vitalsErr, "ping": s.Ping(ctx),
		"done":   s.Done(ctx, []ports.AnnouncementID{1}),
		"remove": s.Remove(ctx, domain.QuarantineID{1}),
	} {
		is(t, what+" on a closed store", err, ports.ErrUnavailable)
	}
}
