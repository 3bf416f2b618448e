package contract

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// hashes of responses, of which some are no number in JSON's own mind or in a
// signed column.
var hashes = []uint64{0, 0, 1, 1<<53 + 1, 1 << 63, 1<<64 - 1}

// verdicts generates what failures mean: nothing, what there is, and words of a
// version to come.
func verdicts() *rapid.Generator[domain.Verdict] {
	return rapid.Custom(func(t *rapid.T) domain.Verdict {
		v := domain.Verdict{
			Cause: rapid.SampledFrom([]domain.Cause{
				"", "", domain.CauseUnknown, domain.CauseRecipient, domain.CauseSender, "é'",
			}).Draw(t, "cause"),
			Subcause: rapid.SampledFrom([]domain.Subcause{"", domain.SubcauseUnknown, domain.SubcauseRate}).Draw(t, "subcause"),
		}
		v.Permanence = rapid.SampledFrom([]domain.Permanence{"", domain.Permanent, domain.Temporary}).Draw(t, "permanence")
		v.Fault = rapid.SampledFrom([]domain.Fault{"", domain.FaultUs, domain.FaultProvider}).Draw(t, "fault")
		v.Rule = rapid.SampledFrom(names).Draw(t, "rule")
		return v
	})
}

var ties = []domain.Tie{
	domain.TieVERP, domain.TiePolicyMeta, domain.TieTrace, domain.TieReceived, domain.TieMessageID,
}

// varyTies draws which other messages a record names.
func varyTies(t *rapid.T, r *Record) {
	switch r.RecordType {
	case "XferOut", "XferIn":
		r.TransferID = rapid.SampledFrom(messageIDs).Draw(t, "other id")
	case "OOB", "Feedback":
		kind := rapid.SampledFrom([]string{"abuse", "not-spam", "Auth-Failure", ""}).Draw(t, "feedback")
		r.Report = &domain.Report{
			FeedbackType: kind, MailFrom: Texts().Draw(t, "return path"),
			References: []domain.Reference{{By: domain.TieTrace, MessageID: messageID(1), Recipient: "a@example.com"}},
		}
		r.Original = originals().Draw(t, "original")
		if o := r.Original; o != nil && o.MessageID == domain.NormalizeMessageID(r.MessageID) {
			r.Original = nil
		}
	}
}

// originals generates messages that reports are about, and nil.
func originals() *rapid.Generator[*domain.Original] {
	return rapid.Custom(func(t *rapid.T) *domain.Original {
		id := domain.NormalizeMessageID(rapid.SampledFrom(messageIDs).Draw(t, "original id"))
		if id == "" || rapid.IntRange(0, 4).Draw(t, "untied") == 0 {
			return nil
		}
		o := &domain.Original{MessageID: id, By: rapid.SampledFrom(ties).Draw(t, "tie")}
		for _, to := range some(append(recipients, "forwarded@example.net"), 0, 3).Draw(t, "original's recipients") {
			if to = domain.NormalizeRecipient(to); to != "" && !slices.Contains(o.Recipients, to) {
				o.Recipients = append(o.Recipients, to)
			}
		}
		return o
	})
}

// reportOn returns report n, that came some seconds after the message of about,
// and is tied to it by a signed return path.
func reportOn(kind string, n int, about Record) Record {
	r := record(kind, 1000+n, 2000+n, "postmaster@example.com")
	r.Report = &domain.Report{FeedbackType: "abuse", MailFrom: "bounces@sender.example"}
	r.Original = &domain.Original{MessageID: domain.NormalizeMessageID(about.MessageID), By: domain.TieVERP}
	for _, to := range about.Recipients {
		r.Original.Recipients = append(r.Original.Recipients, domain.NormalizeRecipient(to))
	}
	return r
}

// hidesUnconfirmed has reports and transfers come before the message that they
// name.
func hidesUnconfirmed(t *testing.T, s Store) {
	mail := record("Delivery", 1, 5, "a@example.com")
	forwarded := reportOn("OOB", 1, record("", 1, 0, "elsewhere@example.net"))
	bounce, complaint := reportOn("OOB", 2, mail), reportOn("Feedback", 3, mail)
	early := eventsOf(forwarded, bounce, complaint)
	c := commit(t, s, ports.Unit{Events: early, Hold: time.Hour})
	want := make([]ports.Announced, len(early))
	for i := range early {
		want[i].Event = &early[i]
	}
	same(t, "announced of a message that is not known", want, c.Announcement.Events)
	same(t, "logs before the message", 0, len(readLogs(t, s, ports.LogFilter{})))
	key := domain.NewLogKey(mail.MessageID, "a@example.com").String()
	for _, id := range []string{mail.MessageID, key, bounce.MessageID} {
		same(t, "logs of "+id+" before the message", 0, len(find(t, s, id, 10)))
	}
	late := eventsOf(mail, reportOn("OOB", 4, mail))
	c = commit(t, s, ports.Unit{Events: late})
	same(t, "announced", announced(late, domain.Complained, domain.Complained), c.Announcement.Events)
	logs := byKey(mail, bounce, complaint)
	same(t, "logs", logs, readLogs(t, s, ports.LogFilter{}))
	same(t, "logs of the message", logs, find(t, s, mail.MessageID, 10))
	same(t, "log by its id", logs, find(t, s, key, 10))
}

// showsTiedReports reads reports with the message that they are about.
func showsTiedReports(t *testing.T, s Store) {
	mail := record("Delivery", 1, 5, "a@example.com", "b@example.com")
	withdrawn := reportOn("Feedback", 3, mail)
	withdrawn.Report.FeedbackType = "not-spam"
	nameless := reportOn("OOB", 4, record("", 1, 0))
	untied := reportOn("OOB", 5, mail)
	untied.Original = nil
	records := []Record{mail, reportOn("OOB", 1, mail), reportOn("Feedback", 2, mail), withdrawn, nameless}
	keeps(t, s, ports.Unit{Events: eventsOf(append(records, untied)...)})
	same(t, "events", eventsOf(records...), readEvents(t, s, mail.MessageID))
	same(t, "events of a report", eventsOf(nameless), readEvents(t, s, nameless.MessageID))
}

// tellsReportsApart has reports come in as mail, and be sent on.
func tellsReportsApart(t *testing.T, s Store) {
	mail := record("Reception", 1, 5, "a@example.com")
	report := reportOn("OOB", 1, mail)
	relayed := record("Delivery", 1001, 9, report.Sender)
	other := record("Delivery", 7, 9, "a@example.com")
	other.OfReport = true
	keeps(t, s, ports.Unit{Events: eventsOf(mail, relayed)}, ports.Unit{Events: eventsOf(report, other)})
	same(t, "logs of mail", byKey(mail, report), readLogs(t, s, ports.LogFilter{}))
	same(t, "logs of reports", byKey(report, relayed, other), readLogs(t, s, ports.LogFilter{Reports: true}))
}

// linksTransfers has one node, the other, or both tell of a transfer.
func linksTransfers(t *testing.T, s Store) {
	var units []ports.Unit
	for n, told := range [][2]bool{{true, false}, {false, true}, {true, true}} {
		out, in := record("XferOut", 10*n, 10*n+1, "a@example.com"), record("XferIn", 10*n+5, 10*n+2, "a@example.com")
		out.TransferID, in.TransferID = dashed(in.MessageID), out.MessageID
		records := []Record{record("Reception", 10*n, 10*n, "a@example.com"), record("Delivery", 10*n+5, 10*n+6, "a@example.com")}
		if told[0] {
			records = append(records, out)
		}
		if told[1] {
			records = append(records, in)
		}
		units = append(units, ports.Unit{Events: eventsOf(records...)})
	}
	keeps(t, s, units...)
	for i, l := range readLogs(t, s, ports.LogFilter{}) {
		want := domain.Delivered
		if i%2 == 1 {
			want = domain.Transferred
		}
		same(t, "status of log "+l.MessageID, want, l.Status())
		same(t, "log is linked", true, (l.PriorID == "") != (l.NextID == ""))
	}
}

// findsReports finds a report's own log by its id.
func findsReports(t *testing.T, s Store) {
	report := reportOn("OOB", 1, record("Delivery", 1, 5, "a@example.com"))
	relayed := withApplication(record("Delivery", 1001, 9, report.Sender), "app-1")
	commitRecords(t, s, report, relayed)
	want := byKey(report, relayed)
	for _, id := range []string{relayed.MessageID, "app-1", want[0].Key.String()} {
		same(t, "logs of "+id, want, find(t, s, id, 10))
	}
}
