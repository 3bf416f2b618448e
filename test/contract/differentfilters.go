package contract

import (
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// asked says of which fields something is asked: often of few, so that something is
// found.
type asked map[string]bool

func fieldsOf(t *teller, names ...string) asked {
	n := min(len(names), drawn(t, "fields", []int{0, 1, 1, 1, 2, 2, 3, 9}))
	of := asked{}
	for _, name := range rapid.Permutation(names).Draw(t.T, "which")[:n] {
		of[name] = true
	}
	return of
}

// text draws what is asked of a field: nothing, what something has, or some other.
func (a asked) text(t *teller, name, has string, others []string) string {
	switch {
	case !a[name]:
		return ""
	case rapid.IntRange(0, 3).Draw(t.T, "other "+name) == 0:
		return drawn(t, name, others)
	}
	return has
}

// aLog draws one that both have.
func (p *pair) aLog(t *teller) domain.EmailLog {
	if len(p.logs) == 0 {
		return domain.EmailLog{Key: domain.LogKey{1}, AcceptedAt: noon}
	}
	if rapid.IntRange(0, 2).Draw(t.T, "of a crowd") > 0 {
		of := drawn(t, "letter", p.letters)
		if l, ok := p.byKey[domain.NewLogKey(of.id, of.to[0])]; ok {
			return l
		}
	}
	return drawn(t, "log", p.logs)
}

func (p *pair) anEvent(t *teller) domain.EmailEvent {
	if len(p.events) == 0 {
		return domain.EmailEvent{OccurredAt: noon}
	}
	return drawn(t, "event", p.events)
}

// anySpelling of a message id.
func anySpelling(t *teller, id string) string {
	switch rapid.IntRange(0, 3).Draw(t.T, "spelling") {
	case 0:
		return strings.ToUpper(id)
	case 1:
		if len(id) == 32 {
			return dashed(id)
		}
	}
	return id
}

func (p *pair) logFilter(t *teller) ports.LogFilter {
	l := p.aLog(t)
	of := fieldsOf(t, "message", "app", "recipient", "recipient", "recipient", "domain", "tenant", "campaign", "provider", "source", "cause")
	f := ports.LogFilter{
		MessageID:     anySpelling(t, of.text(t, "message", l.MessageID, []string{messageID(1), "", "", "%"})),
		ApplicationID: of.text(t, "app", l.ApplicationID, few["app"]),
		Recipient:     of.text(t, "recipient", l.Recipient, fewRecipients),
		Domain:        of.text(t, "domain", l.Recipient[strings.LastIndexByte(l.Recipient, '@')+1:], fewDomains),
		Tenant:        of.text(t, "tenant", l.Tenant, few["tenant"]),
		Campaign:      of.text(t, "campaign", l.Campaign, few["campaign"]),
		Provider:      of.text(t, "provider", l.Provider, few["provider"]),
		EgressSource:  of.text(t, "source", l.EgressSource, few["source"]),
		Cause:         domain.Cause(of.text(t, "cause", string(l.Decision.Verdict.Cause), few["cause"])),
		From:          bound(t, "from", l.AcceptedAt), To: bound(t, "to", l.AcceptedAt),
		Reports: l.OfReport,
	}
	if rapid.IntRange(0, 2).Draw(t.T, "by status") == 0 {
		f.Statuses = rapid.SampledFrom([][]domain.Status{
			{l.Status()}, {domain.Bounced, domain.BouncedLate}, {domain.Deferred}, {domain.Expired, domain.Complained},
			{domain.Pending, domain.Delivered}, {domain.Transferred, domain.BouncedLate, domain.Pending},
		}).Draw(t.T, "statuses")
	}
	return f
}

// farYears are before and behind all mail, and where times of keys begin anew.
var farYears = map[string][]int{
	"from": {-300, 1900, 1970, 2000, 2000, 2010, 2039, 2074, 9999},
	"to":   {1, 1900, 1970, 2020, 2039, 2074, 2100, 2110, 2110, 9999},
}

// bound draws an end of a range: none, near a time, or far from all.
func bound(t *teller, name string, near time.Time) time.Time {
	switch rapid.IntRange(0, 5).Draw(t.T, "kind of "+name) {
	case 0:
		return near.Add(drawn(t, name, []time.Duration{
			0, time.Microsecond, -time.Microsecond, time.Nanosecond, -time.Nanosecond, time.Millisecond, -time.Millisecond,
			time.Minute, -time.Minute, day, -day, -48 * time.Hour,
		}))
	case 1:
		stretch := time.UnixMilli(near.UnixMilli() &^ 0xffff).UTC()
		border := drawn(t, name, []time.Time{
			near.Truncate(day), near.Truncate(day).Add(day), stretch, stretch.Add(65536 * time.Millisecond),
			time.UnixMilli(2 * eraOfKeys).UTC(), time.UnixMilli(3 * eraOfKeys).UTC(),
		})
		return border.Add(drawn(t, "beside", []time.Duration{0, time.Microsecond, -time.Microsecond}))
	case 2:
		year := drawn(t, name, farYears[name])
		return time.Date(year, 1, 1, 0, 0, 0, 1000, time.UTC).Add(drawn(t, "beside", []time.Duration{0, -time.Microsecond, time.Nanosecond}))
	}
	return time.Time{}
}

// cursor draws where a page starts: at the greatest, at one that is there, or
// anywhere.
func cursor(t *teller, of [16]byte) (key [16]byte) {
	switch rapid.IntRange(0, 7).Draw(t.T, "cursor") {
	case 0:
		return of
	case 1:
		of[15] ^= byte(rapid.IntRange(1, 255).Draw(t.T, "beside"))
		return of
	case 2: // of no one in its millisecond, or of none
		clear(of[6:])
		return of
	case 3:
		copy(key[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t.T, "bytes"))
	}
	return key
}
