package contract

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestLikenesses holds a store to the words of ports.Likenesses.
func TestLikenesses(t *testing.T, open Open) {
	tellAll(t, "Likenesses", open, []story{
		{"FindsLogsInAnyCase", logsInAnyCase},
		{"FindsLogsOfMailThatIsConfirmed", logsOfConfirmedMail},
		{"FindsLogsByAcceptanceNewestFirst", logsByAcceptance},
		{"FindsReportsInAnyCase", reportsInAnyCase},
		{"FindsReportsThatNameNoMessage", reportsThatNameNoMessage},
		{"FindsReportsByTimeOldestFirst", reportsByTime},
		{"FindsNothingByNothing", likenessesOfNothing},
		{"IsUnavailableWhenClosed", likenessesClosed},
	})
}

const likenessDay = 24 * time.Hour

// logsTo returns the ids and recipients of what a store says of a whole day.
func logsTo(t *testing.T, s Store, recipient string, limit int) []string {
	t.Helper()
	return logsToIn(t, s, recipient, noon.Add(-likenessDay), noon.Add(likenessDay), limit)
}

func logsToIn(t *testing.T, s Store, recipient string, from, to time.Time, limit int) []string {
	t.Helper()
	logs, err := s.LogsTo(context.Background(), recipient, from, to, limit)
	fine(t, "logs to", err)
	names := make([]string, len(logs))
	for i, l := range logs {
		names[i] = l.MessageID + " " + l.Recipient
	}
	return names
}

func logsInAnyCase(t *testing.T, s Store) {
	to := []string{
		"frank.smith@example.com", "Frank.Smith@EXAMPLE.com", "FRANK.SMITH@example.com", "frank.smith@example.org",
		"frank_smith@example.com", "Änne@example.com", "änne@example.com",
	}
	var records []Record
	for i, recipient := range to {
		records = append(records, record("Delivery", i, i+5, recipient))
	}
	records = append(records, record("Bounce", 0, 9, "Frank.smith@example.com"))
	commitRecords(t, s, records...)
	same(t, "logs in any case", []string{
		messageID(2) + " FRANK.SMITH@example.com", messageID(1) + " Frank.Smith@example.com",
	}, logsTo(t, s, "frank.smith@example.com", 2))
	all := logsTo(t, s, "frank.smith@example.com", 10)
	both := all[min(2, len(all)):] // of one message, in the order of their hashes
	slices.Sort(both)
	same(t, "logs of one message", []string{
		messageID(0) + " Frank.smith@example.com", messageID(0) + " frank.smith@example.com",
	}, both)
	// Letters beyond ASCII are told apart.
	same(t, "logs to another letter", []string{messageID(6) + " änne@example.com"}, logsTo(t, s, "änne@example.com", 10))
	same(t, "logs whole", wantedLogs(records[3]), found(s.LogsTo(context.Background(), "frank.smith@example.org", at(0), at(9), 1)))
	same(t, "capitals whole", wantedLogs(records[2]), found(s.LogsTo(context.Background(), "frank.smith@example.com", at(2), at(9), 1)))
}

func wantedLogs(r Record) []domain.EmailLog { return domain.Fold(eventsOf(r)) }

// found passes on what was found, and the error where nothing was.
func found[T any](all []T, err error) any {
	if err != nil {
		return err
	}
	return all
}

func logsOfConfirmedMail(t *testing.T, s Store) {
	oob := record("OOB", 9, 60, "Frank@example.com")
	oob.Original = &domain.Original{MessageID: messageID(8), Recipients: []string{"Frank@example.com"}, By: domain.TieVERP}
	plain := record("OOB", 7, 60, "frank@example.com")
	plain.Original = &domain.Original{MessageID: messageID(8), Recipients: []string{"frank@example.com"}, By: domain.TieVERP}
	ofReport, ofReportInCapitals := record("Delivery", 5, 6, "frank@example.com"), record("Delivery", 4, 6, "FRANK@example.com")
	ofReport.OfReport, ofReportInCapitals.OfReport = true, true
	commitRecords(t, s, oob, plain, ofReport, ofReportInCapitals, record("TransientFailure", 1, 2, "frank@example.com"))
	same(t, "logs", []string{messageID(1) + " frank@example.com"}, logsTo(t, s, "frank@example.com", 10))
}

func logsByAcceptance(t *testing.T, s Store) {
	var records []Record
	for i := range 20 {
		records = append(records, record("Delivery", i, 100-i, []string{"frank@example.com", "Frank@example.com"}[i%2]))
	}
	undated := record("Delivery", 10, 30, "FRANK@example.com") // its key has no time, and comes last
	undated.MessageID = "odd"
	commitRecords(t, s, append(records, undated)...)
	var want []string
	for i := 14; i >= 5; i-- {
		want = append(want, messageID(i)+" "+records[i].Recipients[0])
	}
	want = append(want, "odd FRANK@example.com")
	for _, limit := range []int{1, 3, 11, 50} {
		same(t, fmt.Sprintf("%d logs of a range", limit), want[:min(limit, 11)],
			logsToIn(t, s, "frank@example.com", at(5), at(15), limit))
	}
	same(t, "logs of no range", 0, len(logsToIn(t, s, "frank@example.com", at(5), at(5), 5)))
}

// untied is an OOB that names no message.
func untied(n int, recipient string) Record {
	r := record("OOB", n, n, recipient)
	r.Report = &domain.Report{Host: "mx.example.com"}
	return r
}

// complaint is a Feedback that names no message.
func complaint(n int, recipients ...string) Record {
	r := record("Feedback", n, n, "fbl@reports.example")
	r.Report = &domain.Report{FeedbackType: "abuse", MailFrom: "news@sender.example", Recipients: recipients}
	return r
}

func reportsOn(t *testing.T, s Store, recipient string, from, to time.Time, limit int) []domain.EmailEvent {
	t.Helper()
	reports, err := s.ReportsOn(context.Background(), recipient, from, to, limit)
	fine(t, "reports on", err)
	return reports
}

func reportsInAnyCase(t *testing.T, s Store) {
	on := []Record{
		untied(1, "frank@example.com"), untied(2, "FRANK@EXAMPLE.com"), complaint(3, "<Frank@example.com>", "grace@example.com"),
	}
	others := []Record{untied(4, "frank@example.org"), complaint(5, "grace@example.com", "frank@example.com")}
	commitRecords(t, s, append(on, others...)...)
	same(t, "reports", eventsOf(on...), reportsOn(t, s, "frank@example.com", at(0), at(60), 10))
	same(t, "reports of the first of several", eventsOf(others[1]), reportsOn(t, s, "grace@example.com", at(0), at(60), 10))
}

func reportsThatNameNoMessage(t *testing.T, s Store) {
	tied, tiedComplaint := untied(1, "frank@example.com"), complaint(2, "frank@example.com")
	tied.Original = &domain.Original{MessageID: messageID(50), Recipients: []string{"frank@example.com"}, By: domain.TieVERP}
	tiedComplaint.Original = &domain.Original{MessageID: messageID(50), By: domain.TieTrace}
	nameless, homeless, ofHook := complaint(3), untied(4, "frank@example.com"), untied(5, "frank@example.com")
	homeless.Sender, ofHook.ReceptionProtocol = "", "LogRecord"
	bare := complaint(6, "frank@example.com")
	bare.Report = nil
	counts := complaint(7, "frank@example.com")
	commitRecords(t, s, tied, tiedComplaint, nameless, homeless, ofHook, bare, counts,
		record("Delivery", 8, 8, "frank@example.com"), record("Bounce", 9, 9, "frank@example.com"))
	same(t, "reports", eventsOf(counts), reportsOn(t, s, "frank@example.com", at(0), at(60), 10))
}

func reportsByTime(t *testing.T, s Store) {
	var records []Record
	for i := range 12 {
		records = append(records, untied(i, []string{"frank@example.com", "Frank@example.com"}[i%2]))
	}
	undated := complaint(6, "frank@example.com")
	undated.OccurredAt = time.Date(2190, 1, 1, 0, 0, 0, 0, time.UTC)
	commitRecords(t, s, append(slices.Clone(records), undated)...)
	want := eventsOf(records[3:9]...)
	for _, limit := range []int{1, 4, 6, 50} {
		same(t, fmt.Sprintf("%d reports of a range", limit), want[:min(limit, 6)], reportsOn(t, s, "frank@example.com", at(3), at(9), limit))
	}
	same(t, "reports of no range", 0, len(reportsOn(t, s, "frank@example.com", at(3), at(3), 5)))
	same(t, "reports from within a millisecond", eventsOf(records[4]),
		reportsOn(t, s, "frank@example.com", at(3).Add(time.Nanosecond), at(4).Add(time.Nanosecond), 5))
}

func likenessesOfNothing(t *testing.T, s Store) {
	commitRecords(t, s, record("Delivery", 1, 2, "frank@example.com"), untied(3, "frank@example.com"), record("Delivery", 4, 5))
	for _, recipient := range []string{"", "%", "frank", "frank@example.com\x00", "\xff", "frank@example.com "} {
		same(t, fmt.Sprintf("logs to %q", recipient), 0, len(logsTo(t, s, recipient, 5)))
		same(t, fmt.Sprintf("reports on %q", recipient), 0, len(reportsOn(t, s, recipient, at(0), at(60), 5)))
	}
}

func likenessesClosed(t *testing.T, s Store) {
	fine(t, "close", s.Close())
	_, err := s.LogsTo(context.Background(), "frank@example.com", at(0), at(60), 1)
	is(t, "logs to, on a closed store", err, ports.ErrUnavailable)
	_, err = s.ReportsOn(context.Background(), "frank@example.com", at(0), at(60), 1)
	is(t, "reports on, on a closed store", err, ports.ErrUnavailable)
}
