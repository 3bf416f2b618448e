package contract

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// eraOfKeys is how long the 3 bytes count that stores may have of a key's time; each
// of its parts is 65.536 s long.
const eraOfKeys = 1 << 40

// instant draws when something may happen, mostly where others do.
func (p *pair) instant(t *teller) time.Time {
	base := drawn(t, "base", []time.Time{
		p.now.Add(-time.Hour), p.now.Add(-time.Hour), p.now.AddDate(0, 0, -1), p.now.AddDate(0, 0, -3), p.now.AddDate(0, 0, -40),
		noon, noon.Add(12 * time.Hour), noon.AddDate(0, 0, 1), time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC),
		time.UnixMilli(2 * eraOfKeys).UTC(), time.UnixMilli(3 * eraOfKeys).UTC(), time.Date(2088, 2, 29, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	if rapid.IntRange(0, 3).Draw(t.T, "anywhere") == 0 {
		return base.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t.T, "seconds")) * time.Second)
	}
	return base.Add(drawn(t, "off", []time.Duration{
		0, 0, time.Millisecond, -time.Millisecond, time.Second, 65536 * time.Millisecond, -65536 * time.Millisecond, -time.Hour,
	}))
}

// newLetter notes a message of that time, one of several kinds of ids.
func (p *pair) newLetter(t *teller, accepted time.Time, kind int, to ...string) letter {
	p.numbered++
	n := p.numbered
	l := letter{accepted: accepted, to: to}
	switch kind {
	case 0:
		l.id = fmt.Sprintf("Undated %d", n)
		l.accepted = accepted.Add(time.Duration(n%3) * time.Microsecond)
	case 1, 2:
		l.accepted = accepted.Add(time.Duration(n%1000) * time.Microsecond)
		l.id = idV1(l.accepted.Add(700*time.Nanosecond), n)
	default:
		l.id = idAt(accepted, n)
	}
	p.letters = append(p.letters, l)
	return l
}

func letterTo(t *teller) []string { return some(fewRecipients[:9], 1, 3).Draw(t.T, "to") }

// oneLetter are a message and what happened to it.
func (p *pair) oneLetter(t *teller) []Record {
	return tell(t, p.newLetter(t, p.instant(t), rapid.IntRange(0, 6).Draw(t.T, "kind of id"), letterTo(t)...))
}

// moreOf tells more of a message that is known, long after.
func (p *pair) moreOf(t *teller) []Record {
	if len(p.letters) == 0 {
		return nil
	}
	return tell(t, drawn(t, "letter", p.letters))
}

func tell(t *teller, l letter) []Record {
	var records []Record
	for range rapid.IntRange(1, 3).Draw(t.T, "records") {
		records = append(records, recordOf(t, l))
	}
	return records
}

// recordOf draws a record of a message, which knows some of it.
func recordOf(t *teller, l letter) Record {
	r := recordOn(t, l, drawn(t, "kind", letterKinds))
	r.Recipients = l.to[:rapid.IntRange(1, len(l.to)).Draw(t.T, "recipients")]
	if strings.HasPrefix(r.RecordType, "Xfer") && rapid.Bool().Draw(t.T, "transferred") {
		r.TransferID = idAt(l.accepted.Add(time.Second), rapid.IntRange(1, 20).Draw(t.T, "other id"))
	}
	r.OfReport = rapid.IntRange(0, 15).Draw(t.T, "of a report") == 0
	if rapid.IntRange(0, 3).Draw(t.T, "spelling") == 0 {
		r.MessageID = strings.ToUpper(r.MessageID)
	}
	return r
}

func recordOn(t *teller, l letter, kind string) Record {
	r := record(kind, 0, 0)
	r.MessageID, r.AcceptedAt = l.id, l.accepted
	r.OccurredAt = l.accepted.Add(drawn(t, "after", []time.Duration{
		0, time.Microsecond, time.Millisecond, time.Minute, 61 * time.Second, 25 * time.Hour, 70 * 24 * time.Hour, -48 * time.Hour,
	}))
	fact := func(name string) string {
		values := few[name]
		return append([]string{"", ""}, values[:len(values)-1]...)[rapid.IntRange(0, len(values)).Draw(t.T, name)]
	}
	r.Tenant, r.Campaign, r.Provider = fact("tenant"), fact("campaign"), fact("provider")
	r.EgressSource, r.ApplicationID = fact("source"), fact("app")
	if kind != "Delivery" {
		r.Verdict.Cause = domain.Cause(fact("cause"))
	}
	r.Attempts = rapid.IntRange(0, 3).Draw(t.T, "attempts")
	return r
}

// manyLetters are enough: a model looks through all of them for each answer.
const manyLetters = 4000

// crowd are many messages to one recipient in one millisecond, or within a minute
// or some days.
func (p *pair) crowd(t *teller) []Record {
	if p.numbered > manyLetters {
		return p.oneLetter(t)
	}
	n := drawn(t, "crowd", []int{5, 60, 60, 320, 800})
	all := drawn(t, "span", []time.Duration{0, 900 * time.Millisecond, 60 * time.Second, 70 * time.Second, 50 * time.Hour})
	at, kind := p.instant(t), rapid.IntRange(0, 6).Draw(t.T, "kind of id")
	one := recordOn(t, letter{accepted: at}, drawn(t, "kind", letterKinds))
	to := letterTo(t)[:1]
	records, known := make([]Record, n), len(p.letters)
	for i := range records {
		l := p.newLetter(t, at.Add(all*time.Duration(i)/time.Duration(n)).Truncate(time.Millisecond), kind, to...)
		records[i] = one
		records[i].MessageID, records[i].AcceptedAt, records[i].Recipients = l.id, l.accepted, to
		records[i].OccurredAt = l.accepted.Add(one.OccurredAt.Sub(one.AcceptedAt))
	}
	p.letters = append(p.letters[:known], p.letters[known], p.letters[known+n-1])
	return records
}

// again are records that were committed already, and other loggers' copies of them.
func (p *pair) again(t *teller) []Record {
	var records []Record
	for range min(len(p.records), 4) {
		r := drawn(t, "record", p.records)
		if rapid.Bool().Draw(t.T, "copy") {
			r.Tenant, r.Campaign, r.Size, r.Noise = "acme", "spring", 0, "two"
		}
		records = append(records, r)
	}
	return records
}

// reports are tied to messages that are known, or like some.
func (p *pair) reports(t *teller) []Record {
	var records []Record
	for range rapid.IntRange(1, 4).Draw(t.T, "reports") {
		l := p.newLetter(t, p.instant(t), rapid.IntRange(0, 6).Draw(t.T, "kind of id"), letterTo(t)[0])
		r := recordOn(t, l, drawn(t, "report", []string{"OOB", "Feedback"}))
		r.Recipients = l.to
		r.Report = &domain.Report{FeedbackType: drawn(t, "feedback", []string{"abuse", "not-spam"}), MailFrom: "news@sender.example"}
		if r.RecordType == "Feedback" {
			r.Report.Recipients = letterTo(t)
		}
		if about := drawn(t, "about", p.letters); about.id != l.id && rapid.IntRange(0, 2).Draw(t.T, "untied") > 0 {
			r.Original = originalOf(t, about)
		}
		records = append(records, r)
	}
	return records
}

// originalOf names a message and some of whom it went to, or somebody else.
func originalOf(t *teller, about letter) *domain.Original {
	o := &domain.Original{MessageID: domain.NormalizeMessageID(about.id), By: drawn(t, "tie", ties)}
	named := append(slices.Clone(about.to), "forwarded@example.net")
	for _, to := range named[rapid.IntRange(0, len(about.to)).Draw(t.T, "named"):] {
		if to = domain.NormalizeRecipient(to); !slices.Contains(o.Recipients, to) {
			o.Recipients = append(o.Recipients, to)
		}
	}
	return o
}

// strangers speak of no log, so they have messages and recipients of their own.
func (p *pair) strangers(t *teller) []Record {
	l := p.newLetter(t, p.instant(t), rapid.IntRange(0, 6).Draw(t.T, "kind of id"), "stranger@example.net")
	r := recordOn(t, l, drawn(t, "kind", []string{"Rejection", "Delivery", "Reception"}))
	switch r.RecordType {
	case "Rejection":
		r.Recipients = l.to
	case "Delivery":
		r.ReceptionProtocol, r.Recipients = "LogRecord", l.to
	}
	p.letters = p.letters[:len(p.letters)-1]
	return []Record{r}
}
