package domain_test

import (
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// Small pools, so that drawn events meet: the laws are about events of the same
// message, of the same instant and of the same record.
var (
	messageIDs = rapid.SampledFrom([]string{
		"10d1b680884d11f19001782d7e12e173",
		"10D1B680-884D-11F1-9001-782D7E12E173",
		"019f9a2f08000000800000000000002a",
		"not-a-uuid",
		"",
	})
	recipients = rapid.SampledFrom([]string{
		"ann@example.com", "ann@EXAMPLE.com", "Ann@example.com", "bob@example.org", "Postmaster", "",
	})
	instants = rapid.SampledFrom([]time.Time{
		time.Date(2026, 7, 25, 17, 20, 0, 123456789, time.UTC),
		time.Date(2026, 7, 25, 17, 20, 0, 123457000, time.UTC),
		time.Date(2026, 7, 25, 17, 20, 1, 0, time.UTC),
		time.Date(2026, 7, 26, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	})
	maybeInstants = rapid.OneOf(instants, rapid.Just(time.Time{}))
	types         = rapid.SampledFrom(domain.EventTypes())
	texts         = rapid.SampledFrom([]string{"", "a", "b", "ä", "B"})
	protocols     = rapid.SampledFrom([]string{
		"", "ESMTP", "Lua", "Maildir", "HttpInjectionGenerator", "DeferredSmtpInjection",
	})
	receptions = rapid.SampledFrom([]string{"ESMTP", "HTTP", "", "LogRecord"})
	responses  = rapid.SampledFrom([]domain.Response{
		{Code: 250, Content: "OK"},
		{Code: 452, Enhanced: domain.EnhancedCode{Class: 4, Subject: 2, Detail: 2}, Content: "mailbox full"},
		{Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Content: "no such user"},
	})
)

// anyEvent draws an event. Its id is derived from what it is, as a decoder does
// it, so that events of one id agree on everything that decides.
var anyEvent = rapid.Custom(func(t *rapid.T) domain.EmailEvent {
	at := instants.Draw(t, "event time")
	e := domain.EmailEvent{
		Type:              types.Draw(t, "type"),
		MessageID:         messageIDs.Draw(t, "message id"),
		Recipient:         recipients.Draw(t, "recipient"),
		OccurredAt:        at.Truncate(time.Microsecond),
		Response:          responses.Draw(t, "response"),
		DeliveryProtocol:  protocols.Draw(t, "delivery protocol"),
		ReceptionProtocol: receptions.Draw(t, "reception protocol"),
	}
	identify(&e, at)
	return anyCopyOf(t, e)
})

func identify(e *domain.EmailEvent, at time.Time) {
	identity := domain.Identity{
		RecordType: e.Type.String(), MessageID: e.MessageID, EventTime: at,
		Recipients: []string{e.Recipient}, Response: e.Response,
	}
	digest, _ := identity.Digest(nil)
	e.ID = digest.EventID(e.Recipient)
}

// anyCopyOf draws what copies of one event may disagree on.
func anyCopyOf(t *rapid.T, e domain.EmailEvent) domain.EmailEvent {
	e.Meta = rapid.SampledFrom([]string{"", `{"a":1}`, `{"b":2}`}).Draw(t, "meta")
	e.Classification = texts.Draw(t, "classification")
	e.Size = rapid.Int64Range(0, 3).Draw(t, "size")
	e.Attempts = rapid.IntRange(0, 3).Draw(t, "attempts")
	e.Sender = texts.Draw(t, "sender")
	e.Tenant = texts.Draw(t, "tenant")
	e.Campaign = texts.Draw(t, "campaign")
	e.ApplicationID = texts.Draw(t, "application id")
	e.Provider = texts.Draw(t, "provider")
	e.EgressSource = texts.Draw(t, "egress source")
	e.AcceptedAt = maybeInstants.Draw(t, "accepted at").Truncate(time.Microsecond)
	e.Verdict = verdicts.Draw(t, "verdict")
	e.ResponseHash = rapid.Uint64Range(0, 2).Draw(t, "response hash")
	e.OfReport = rapid.Bool().Draw(t, "of a report")
	switch e.Type {
	case domain.OOB, domain.Feedback:
		e.Report = &domain.Report{FeedbackType: feedbackTypes.Draw(t, "feedback")}
		e.Original = originals.Draw(t, "original")
	case domain.XferOut, domain.XferIn:
		e.TransferID = messageIDs.Draw(t, "other id")
	}
	return e
}

var (
	verdicts = rapid.SampledFrom([]domain.Verdict{
		{},
		{Cause: domain.CauseUnknown, Permanence: domain.Permanent, Fault: domain.FaultProvider},
		{Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent, Fault: domain.FaultRecipient, Rule: "a"},
		{Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent, Fault: domain.FaultRecipient, Rule: "b"},
	})
	feedbackTypes = rapid.SampledFrom([]string{"abuse", "not-spam", ""})
	originals     = rapid.SampledFrom([]*domain.Original{
		nil,
		{MessageID: aMessage, Recipients: []string{aRecipient}, By: domain.TieVERP},
		{MessageID: aMessage, Recipients: []string{aRecipient, "bob@example.org"}, By: domain.TieTrace},
		{MessageID: aMessage, By: domain.TieVERP},
	})
)

// anyEvents draws events and, among them, other copies of the same events.
var anyEvents = rapid.Custom(func(t *rapid.T) []domain.EmailEvent {
	events := rapid.SliceOfN(anyEvent, 1, 12).Draw(t, "events")
	for i := range events {
		if rapid.Bool().Draw(t, "copied") {
			events = append(events, anyCopyOf(t, events[i]))
		}
	}
	return events
})

// The log that the laws of Join are tried on.
const (
	aMessage   = "10d1b680884d11f19001782d7e12e173"
	aRecipient = "ann@example.com"
)

// anyLog draws a log of aMessage and aRecipient: what one event says, what a
// complaint tied to the message says, or several of them joined.
var anyLog = rapid.Custom(func(t *rapid.T) domain.EmailLog {
	said := rapid.SliceOfN(logOfOne, 1, 3).Draw(t, "said")
	joined := said[0]
	for _, l := range said[1:] {
		joined = joined.Join(l)
	}
	return joined
})

var logOfOne = rapid.Custom(func(t *rapid.T) domain.EmailLog {
	e := anyEvent.Filter(speaksOfALog).Draw(t, "event")
	e.MessageID, e.Recipient = aMessage, aRecipient
	identify(&e, e.OccurredAt)
	if e.Original != nil {
		e.MessageID, e.Report = "the report's", &domain.Report{}
		e.Original = &domain.Original{MessageID: aMessage, Recipients: []string{aRecipient}, By: e.Original.By}
	}
	l, _ := logOf(&e)
	return l
})

// logOf returns the log that the event says is its own, or the one it is tied to.
func logOf(e *domain.EmailEvent) (domain.EmailLog, bool) {
	key, ok := e.LogKey()
	if ok {
		for _, l := range domain.AppendLogs(nil, e) {
			if l.Key == key {
				return l, true
			}
		}
	}
	return domain.EmailLog{}, false
}

func speaksOfALog(e domain.EmailEvent) bool {
	_, ok := logOf(&e)
	return ok
}
