package domain_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

var reportedAt = time.Date(2026, 7, 25, 17, 20, 0, 0, time.UTC)

const ourReturnPath = "news@sender.example"

// anUntiedOOB is a late bounce that names no message.
func anUntiedOOB(change func(*domain.EmailEvent)) domain.EmailEvent {
	e := anOOB(ourReturnPath)
	e.OccurredAt, e.AcceptedAt = reportedAt.Add(-time.Hour), reportedAt
	if change != nil {
		change(&e)
	}
	return e
}

func anUntiedComplaint(r domain.Report) domain.EmailEvent {
	e := aFeedback(r)
	e.OccurredAt, e.AcceptedAt = reportedAt, reportedAt.Add(-time.Minute)
	return e
}

func TestLikenessIsWhatAReportWithoutATieSays(t *testing.T) {
	const day = 24 * time.Hour
	bounce := domain.Likeness{Recipient: aRecipient, SenderDomain: "sender.example", At: reportedAt, Within: 10 * day}
	remote := bounce
	remote.At = reportedAt.Add(-time.Hour)
	complaint := bounce
	complaint.Within = 30 * day
	cases := []struct {
		name string
		e    domain.EmailEvent
		want domain.Likeness
	}{
		{"a late bounce", anUntiedOOB(nil), bounce},
		{"in another case", anUntiedOOB(func(e *domain.EmailEvent) {
			e.Recipient, e.Sender = "<ANN@Example.COM>", "<News@SENDER.example>"
		}), bounce},
		{"of which nobody knows when it came", anUntiedOOB(func(e *domain.EmailEvent) { e.AcceptedAt = time.Time{} }), remote},
		{"a complaint", anUntiedComplaint(domain.Report{MailFrom: "<" + ourReturnPath + ">", Recipients: []string{"", "<Ann@example.com>", "bob@example.org"}}), complaint},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, ok := domain.LikenessOf(&c.e)
			same(t, ok, true)
			same(t, got, c.want)
		})
	}
}

func TestWhatSaysTooLittleHasNoLikeness(t *testing.T) {
	to := []string{aRecipient}
	tied := anUntiedOOB(func(e *domain.EmailEvent) {
		e.Original = &domain.Original{MessageID: aMessage, Recipients: to, By: domain.TieMessageID}
	})
	for name, e := range map[string]domain.EmailEvent{
		"tied":                      tied,
		"a log hook's":              anUntiedOOB(func(e *domain.EmailEvent) { e.ReceptionProtocol = "LogRecord" }),
		"of nobody":                 anUntiedOOB(func(e *domain.EmailEvent) { e.Recipient = "<>" }),
		"to nobody":                 anUntiedOOB(func(e *domain.EmailEvent) { e.Sender = "" }),
		"to no domain":              anUntiedOOB(func(e *domain.EmailEvent) { e.Sender = "Postmaster" }),
		"without a time":            anUntiedOOB(func(e *domain.EmailEvent) { e.OccurredAt, e.AcceptedAt = time.Time{}, time.Time{} }),
		"a bounce":                  anUntiedOOB(func(e *domain.EmailEvent) { e.Type = domain.Bounce }),
		"a complaint of nobody":     anUntiedComplaint(domain.Report{MailFrom: ourReturnPath}),
		"a complaint about nobody":  anUntiedComplaint(domain.Report{Recipients: to}),
		"a complaint without words": {Type: domain.Feedback, MessageID: aReport, Recipient: aRecipient, Sender: ourReturnPath, OccurredAt: reportedAt},
	} {
		if k, ok := domain.LikenessOf(&e); ok {
			t.Errorf("a report that is %s is like %+v", name, k)
		}
	}
}

func TestFoldAddressFoldsLettersOfASCII(t *testing.T) {
	for address, want := range map[string]string{
		"Frank.Smith@Example.ORG": "frank.smith@example.org", "ÄNNE@ÄB.example": "Änne@äb.example",
		"Postmaster": "postmaster", "": "", `"A B@C"@example.org`: `"a b@c"@example.org`,
	} {
		if got := domain.FoldAddress(address); got != want {
			t.Errorf("%q folds to %q, want %q", address, got, want)
		}
	}
}

// deliveredAgo is a log of aRecipient that was delivered so long before the report.
func deliveredAgo(ago time.Duration, change func(*domain.EmailLog)) domain.EmailLog {
	l := domain.EmailLog{
		Key: domain.LogKey{1}, Recipient: aRecipient, Sender: ourReturnPath, Confirmed: true, DeliveredAt: reportedAt.Add(-ago),
	}
	if change != nil {
		change(&l)
	}
	return l
}

func TestReportFitsWhatWasDeliveredToItsRecipientBefore(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		log  domain.EmailLog
		want bool
	}{
		"an hour before":        {deliveredAgo(time.Hour, nil), true},
		"at once":               {deliveredAgo(0, nil), true},
		"later":                 {deliveredAgo(-time.Microsecond, nil), false},
		"just in time":          {deliveredAgo(10*day-time.Microsecond, nil), true},
		"long before":           {deliveredAgo(10*day, nil), false},
		"in capitals":           {deliveredAgo(day, func(l *domain.EmailLog) { l.Recipient = "ANN@example.com" }), true},
		"to somebody else":      {deliveredAgo(day, func(l *domain.EmailLog) { l.Recipient = "anna@example.com" }), false},
		"by another sender":     {deliveredAgo(day, func(l *domain.EmailLog) { l.Sender = "b-1@SENDER.example" }), true},
		"from another domain":   {deliveredAgo(day, func(l *domain.EmailLog) { l.Sender = "news@a.sender.example" }), false},
		"from nobody":           {deliveredAgo(day, func(l *domain.EmailLog) { l.Sender = "" }), false},
		"never":                 {deliveredAgo(day, func(l *domain.EmailLog) { l.DeliveredAt = time.Time{} }), false},
		"of which nobody knows": {deliveredAgo(day, func(l *domain.EmailLog) { l.Confirmed = false }), false},
		"as a report":           {deliveredAgo(day, func(l *domain.EmailLog) { l.OfReport = true }), false},
	} {
		e := anUntiedOOB(nil)
		k, _ := domain.LikenessOf(&e)
		if k.Fits(&c.log) != c.want {
			t.Errorf("delivered %s: fits is %v, want %v", name, !c.want, c.want)
		}
		if from, to := k.Accepted(); c.want && (c.log.DeliveredAt.Before(from) || !c.log.DeliveredAt.Before(to)) {
			t.Errorf("delivered %s: accepted from %v to %v, which is none of it", name, from, to)
		}
	}
}

func TestLikeliestIsTheLastDeliveredWhateverTheOrder(t *testing.T) {
	some := rapid.Custom(func(t *rapid.T) domain.EmailLog {
		ago := time.Duration(rapid.IntRange(-2, 14).Draw(t, "days")) * 24 * time.Hour
		return deliveredAgo(ago, func(l *domain.EmailLog) {
			l.Key = domain.LogKey{byte(rapid.IntRange(0, 255).Draw(t, "key"))}
			l.Recipient = rapid.SampledFrom([]string{aRecipient, strings.ToUpper(aRecipient), "bob@example.org"}).Draw(t, "recipient")
			l.Confirmed = rapid.IntRange(0, 3).Draw(t, "confirmed") > 0
		})
	})
	rapid.Check(t, func(t *rapid.T) {
		logs := rapid.SliceOfNDistinct(some, 0, 8, func(l domain.EmailLog) domain.LogKey { return l.Key }).Draw(t, "logs")
		e := anUntiedOOB(nil)
		k, _ := domain.LikenessOf(&e)
		got, ok := k.Likeliest(logs)
		again, okAgain := k.Likeliest(rapid.Permutation(logs).Draw(t, "order"))
		if ok != okAgain || got != again {
			t.Fatalf("in another order %v, before %v", again, got)
		}
		fits := slices.DeleteFunc(slices.Clone(logs), func(l domain.EmailLog) bool { return !k.Fits(&l) })
		if ok != (len(fits) > 0) || ok && !slices.Contains(fits, got) {
			t.Fatalf("found is %v of %d that fit", ok, len(fits))
		}
		for _, l := range fits {
			if l.DeliveredAt.After(got.DeliveredAt) || l.DeliveredAt.Equal(got.DeliveredAt) && l.Key[0] > got.Key[0] {
				t.Fatalf("took the log of %v, and left that of %v", got.DeliveredAt, l.DeliveredAt)
			}
		}
		// What came later, or to somebody else, changes nothing.
		later := deliveredAgo(-time.Second, func(l *domain.EmailLog) { l.Key = domain.LogKey{0, 1} })
		if with, _ := k.Likeliest(append(fits, later)); with != got {
			t.Fatal("a later delivery changed what the report is about")
		}
	})
}

func TestTiesByLikenessAreLikely(t *testing.T) {
	same(t, domain.TieLikeness.Confidence(), domain.Likely)
}
