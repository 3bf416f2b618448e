package domain_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// aStory is what happens to aMessage for aRecipient, and what reports say of it:
// two that are tied to it, one that is tied to a forwarded address, and what
// becomes of a report itself.
func aStory() (own, reports []domain.EmailEvent) {
	at := func(e domain.EmailEvent, minutes int) domain.EmailEvent {
		e.OccurredAt = time.Date(2026, 7, 25, 17, 20+minutes, 0, 0, time.UTC)
		if e.Type.IsReport() {
			e.AcceptedAt = e.OccurredAt.Add(time.Second)
		}
		e.Original = originalOf(e)
		identify(&e, e.OccurredAt)
		return e
	}
	event := func(r domain.EventType) domain.EmailEvent {
		return domain.EmailEvent{Type: r, MessageID: aMessage, Recipient: aRecipient, DeliveryProtocol: "ESMTP"}
	}
	forwarded := anOOB(aReturnPath)
	forwarded.Recipient = "ann@forward.example"
	received := domain.EmailEvent{Type: domain.Reception, MessageID: aReport, Recipient: aReturnPath, OfReport: true}
	own = []domain.EmailEvent{at(event(domain.Reception), 0), at(event(domain.TransientFailure), 1), at(event(domain.Delivery), 2)}
	reports = []domain.EmailEvent{
		at(anOOB(aReturnPath), 10), at(forwarded, 11), at(received, 9),
		at(aFeedback(domain.Report{FeedbackType: "abuse", MailFrom: aReturnPath, Recipients: []string{aRecipient}}), 20),
		at(aFeedback(domain.Report{FeedbackType: "not-spam", MailFrom: aReturnPath, Recipients: []string{aRecipient}}), 30),
	}
	return own, reports
}

func TestReportsDecideInAnyOrderAndConfirmNothing(t *testing.T) {
	own, reports := aStory()
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(own), 0, -1, eventID).Draw(t, "own")
		told := rapid.SliceOfNDistinct(rapid.SampledFrom(reports), 1, -1, eventID).Draw(t, "reports")
		all := rapid.Permutation(slices.Concat(some, told, some)).Draw(t, "all")
		highest := map[domain.LogKey]domain.Status{}
		for _, l := range domain.Fold(all) {
			for _, e := range all {
				if statement, ok := statementOf(&e, l.Key); ok {
					highest[l.Key] = max(highest[l.Key], statement.Status())
				}
			}
			isOwn := l.MessageID == aMessage && l.Recipient == aRecipient
			if l.MessageID == aMessage && l.Confirmed != (isOwn && len(some) > 0) {
				t.Fatalf("the log to %s is confirmed: %v by %d events of its own", l.Recipient, l.Confirmed, len(some))
			}
			if l.Status() != highest[l.Key] {
				t.Fatalf("the log to %s is %s, want %s", l.Recipient, l.Status(), highest[l.Key])
			}
			if l.MessageID == aReport && (!l.OfReport || l.Status() != domain.Pending) {
				t.Fatalf("the report's own log is %s, of a report: %v", l.Status(), l.OfReport)
			}
			if l.OfReport != (l.MessageID == aReport) {
				t.Fatalf("the log of %s is of a report: %v", l.MessageID, l.OfReport)
			}
		}
	})
}

func TestLateBounceIsDecidedWhenItsReportCame(t *testing.T) {
	own, reports := aStory()
	for _, remote := range []time.Time{{}, reports[0].OccurredAt.AddDate(-50, 0, 0), reports[0].OccurredAt.AddDate(50, 0, 0)} {
		report := reports[0]
		report.OccurredAt = remote // a remote clock's, or each logger's own
		l := logNamed(t, aMessage, append(slices.Clone(own), report))
		if l.Status() != domain.BouncedLate || !l.Decision.At.Equal(report.AcceptedAt) || !l.FailedAt.Equal(report.AcceptedAt) {
			t.Errorf("%s at %v, failed at %v, want %v", l.Status(), l.Decision.At, l.FailedAt, report.AcceptedAt)
		}
		if !l.DeliveredAt.Equal(own[2].OccurredAt) {
			t.Errorf("delivered at %v", l.DeliveredAt)
		}
		same(t, l.Decision.Confidence, domain.Verified)
	}
	reports[0].AcceptedAt = time.Time{} // an id without a time
	same(t, logNamed(t, aMessage, reports[:1]).Decision.At, reports[0].OccurredAt)
}

func TestReportOfAReportLeavesCustomersMailAlone(t *testing.T) {
	own, reports := aStory()
	second := anOOB("", domain.Reference{By: domain.TiePolicyMeta, MessageID: aReport})
	second.MessageID, second.Recipient = otherMessage, aReturnPath
	second.Original = originalOf(second)
	identify(&second, second.OccurredAt)
	events := append(slices.Clone(own), reports[2], second) // the first one's reception, and that it bounced when relayed
	logs := domain.Fold(events)
	for _, l := range logs {
		if wantReport := l.MessageID != aMessage; l.OfReport != wantReport {
			t.Errorf("the log of %s is of a report: %v", l.MessageID, l.OfReport)
		}
	}
	same(t, logNamed(t, aMessage, events).Decision.Status, domain.Delivered)
}

func TestReportSpeaksForEachOfItsRecipients(t *testing.T) {
	e := aFeedback(domain.Report{MailFrom: aReturnPath, Recipients: []string{aRecipient, "bob@example.org", "ann@EXAMPLE.com"}})
	e.Original = originalOf(e)
	var recipients []string
	for _, l := range domain.AppendLogs(nil, &e) {
		if l.MessageID == aMessage {
			recipients = append(recipients, l.Recipient)
			same(t, l.Status(), domain.Complained)
			same(t, l.Confirmed, false)
		}
	}
	same(t, recipients, []string{aRecipient, "bob@example.org"})
}

func eventID(e domain.EmailEvent) domain.EventID { return e.ID }

// statementOf returns what one event says of a log.
func statementOf(e *domain.EmailEvent, key domain.LogKey) (domain.EmailLog, bool) {
	logs := domain.AppendLogs(nil, e)
	i := slices.IndexFunc(logs, func(l domain.EmailLog) bool { return l.Key == key })
	if i < 0 {
		return domain.EmailLog{}, false
	}
	return logs[i], true
}
