package domain

import (
	"bytes"
	"strings"
	"time"
)

// Likeness is what a report that names no message says of the one that it is
// about: to whom and from where that went, and before when (kumomta.md, section
// 4). A tie by it depends on what else is stored, and on messages that are still
// to come, so it is worked out when it is read and gives no log a status.
type Likeness struct {
	Recipient    string // as FoldAddress returns it; of several the first
	SenderDomain string // of the envelope sender, in lower case
	At           time.Time
	// Within is how long before At the message was delivered at most.
	Within time.Duration
}

// How long after its delivery a message is reported. A server that took it gives
// up after 5 days or so (RFC 5321, section 4.5.4.1); people complain of what they
// find weeks later.
const (
	bouncesWithin    = 10 * 24 * time.Hour
	complainedWithin = 30 * 24 * time.Hour
)

// ReportedWithin is the longest Within.
const ReportedWithin = complainedWithin

// triedWithin is how long a message is tried before it is delivered: somewhat
// more than the week after which KumoMTA gives up by default.
const triedWithin = 8 * 24 * time.Hour

// LikenessOf returns the likeness of a report, and false for all other events,
// for reports that name a message themselves, and for those that do not say to
// whom and from where it went. A recipient whose name was struck out is one to
// whom nothing was delivered.
func LikenessOf(e *EmailEvent) (Likeness, bool) {
	if !e.Type.IsReport() || e.Original != nil || e.FromLogHook() {
		return Likeness{}, false
	}
	l := Likeness{At: e.OccurredAt, Within: complainedWithin}
	named, sender := []string{e.Recipient}, e.Sender // the address that the report came to
	switch {
	case e.Type == OOB:
		l.Within = bouncesWithin
		if !e.AcceptedAt.IsZero() {
			l.At = e.AcceptedAt // as EmailLog's decision has it
		}
	case e.Report == nil:
		return Likeness{}, false
	default:
		named, sender = e.Report.Recipients, e.Report.MailFrom
	}
	if named = distinctRecipients(named); len(named) > 0 {
		l.Recipient = FoldAddress(named[0])
	}
	l.SenderDomain = senderDomain(sender)
	return l, l.Recipient != "" && l.SenderDomain != "" && !l.At.IsZero()
}

// FoldAddress returns the address normalized, with the letters of ASCII in its
// local part in lower case too: what two addresses have in common that hardly a
// provider tells apart.
func FoldAddress(address string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, NormalizeRecipient(address))
}

// senderDomain returns the domain of an envelope sender, "" for none.
func senderDomain(address string) string {
	address = strings.Trim(address, "<> ")
	if !strings.Contains(address, "@") {
		return ""
	}
	return strings.ToLower(AddressDomain(address))
}

// Accepted returns the range of time, without its end, in which the message was
// accepted that was delivered in time.
func (k *Likeness) Accepted() (from, to time.Time) {
	return k.At.Add(-k.Within - triedWithin), k.At.Add(time.Microsecond)
}

// Fits says whether the report can be about the message of l.
func (k *Likeness) Fits(l *EmailLog) bool {
	return l.Confirmed && !l.OfReport && !l.DeliveredAt.IsZero() &&
		!l.DeliveredAt.After(k.At) && l.DeliveredAt.After(k.At.Add(-k.Within)) &&
		FoldAddress(l.Recipient) == k.Recipient && senderDomain(l.Sender) == k.SenderDomain
}

// Likeliest returns the log that the report is likely about, whatever the order
// of logs: of those that fit the one that was delivered last, of several at that
// time the one with the greatest key; and false if none fits.
func (k *Likeness) Likeliest(logs []EmailLog) (EmailLog, bool) {
	var likeliest EmailLog
	found := false
	for i := range logs {
		l := &logs[i]
		if !k.Fits(l) || found && !isLater(l, &likeliest) {
			continue
		}
		likeliest, found = *l, true
	}
	return likeliest, found
}

func isLater(l, o *EmailLog) bool {
	if !l.DeliveredAt.Equal(o.DeliveredAt) {
		return l.DeliveredAt.After(o.DeliveredAt)
	}
	return bytes.Compare(l.Key[:], o.Key[:]) > 0
}
