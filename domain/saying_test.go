package domain_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestLogOfHoldsWhatTheEventSays(t *testing.T) {
	at := time.Date(2026, 7, 25, 17, 20, 1, 0, time.UTC)
	accepted := time.Date(2026, 7, 25, 17, 20, 0, 123456000, time.UTC)
	event := domain.EmailEvent{
		ID: domain.EventID{7}, Type: domain.Delivery,
		MessageID: "10D1B680-884D-11F1-9001-782D7E12E173", Recipient: "Ann@EXAMPLE.com",
		Sender: "s@example.org", Tenant: "ten", Campaign: "camp", ApplicationID: "app-1",
		Provider: "example", EgressSource: "src", Size: 1047, Attempts: 2,
		OccurredAt: at, AcceptedAt: accepted, DeliveryProtocol: "ESMTP",
		Response: domain.Response{Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Content: "OK"},
	}
	got, ok := logOf(&event)
	if !ok {
		t.Fatal("says nothing")
	}
	same(t, got, domain.EmailLog{
		Key:       domain.NewLogKey(aMessage, "Ann@example.com"),
		MessageID: aMessage, Recipient: "Ann@example.com",
		Sender: "s@example.org", Tenant: "ten", Campaign: "camp", ApplicationID: "app-1",
		Provider: "example", EgressSource: "src", Size: 1047, Attempts: 3,
		AcceptedAt: accepted, DeliveredAt: at, Confirmed: true,
		Decision: domain.Decision{
			Status: domain.Delivered, At: at, EventID: domain.EventID{7},
			Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Response: "OK",
		},
	})
}

func TestLogOfEachTypeHasItsStatusTimesAndAttempts(t *testing.T) {
	delivery := func(protocol string) domain.EmailEvent {
		return domain.EmailEvent{Type: domain.Delivery, DeliveryProtocol: protocol}
	}
	of := func(r domain.EventType) domain.EmailEvent { return domain.EmailEvent{Type: r} }
	cases := []struct {
		name      string
		event     domain.EmailEvent
		status    domain.Status
		delivered bool
		failed    bool
		attempt   bool
	}{
		{"reception", of(domain.Reception), domain.Pending, false, false, false},
		{"delivery by ESMTP", delivery("ESMTP"), domain.Delivered, true, false, true},
		{"delivery by Lua", delivery("Lua"), domain.Delivered, true, false, true},
		{"delivery to Maildir", delivery("Maildir"), domain.Delivered, true, false, true},
		{"delivery by a protocol not said", delivery(""), domain.Delivered, true, false, true},
		{"delivery into a queue of HTTP", delivery("HttpInjectionGenerator"), domain.Pending, false, false, false},
		{"delivery into a queue of SMTP", delivery("DeferredSmtpInjection"), domain.Pending, false, false, false},
		{"bounce", of(domain.Bounce), domain.Bounced, false, true, true},
		{"transient failure", of(domain.TransientFailure), domain.Deferred, false, false, true},
		{"expiration", of(domain.Expiration), domain.Expired, false, true, false},
		{"bounce by an administrator", of(domain.AdminBounce), domain.Bounced, false, true, false},
		{"delayed", of(domain.Delayed), domain.Deferred, false, false, false},
		{"rebind", of(domain.AdminRebind), domain.Pending, false, false, false},
		{"rebind of a deferred injection", of(domain.DeferredInjectionRebind), domain.Pending, false, false, false},
		{"moved to another node", of(domain.XferOut), domain.Transferred, false, false, false},
		{"moved here", of(domain.XferIn), domain.Pending, false, false, false},
		{"a type not known", of(domain.Unknown), domain.Pending, false, false, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.event.MessageID, c.event.Recipient = aMessage, aRecipient
			c.event.OccurredAt = time.Date(2026, 7, 25, 17, 20, 1, 0, time.UTC)
			got, ok := logOf(&c.event)
			if !ok {
				t.Fatal("says nothing")
			}
			if got.Status() != c.status {
				t.Errorf("status %s, want %s", got.Status(), c.status)
			}
			if got.DeliveredAt.IsZero() == c.delivered {
				t.Errorf("delivered at %v", got.DeliveredAt)
			}
			if got.FailedAt.IsZero() == c.failed {
				t.Errorf("failed at %v", got.FailedAt)
			}
			if (got.Attempts == 1) != c.attempt {
				t.Errorf("%d attempts", got.Attempts)
			}
		})
	}
}

func TestEventsThatSpeakOfNoMessageSayNothing(t *testing.T) {
	cases := []struct {
		name  string
		event domain.EmailEvent
	}{
		{"rejection", domain.EmailEvent{Type: domain.Rejection, MessageID: aMessage, Recipient: aRecipient}},
		{"bounce report", domain.EmailEvent{Type: domain.OOB, MessageID: aMessage, Recipient: aRecipient}},
		{"complaint", domain.EmailEvent{Type: domain.Feedback, MessageID: aMessage, Recipient: aRecipient, Report: &domain.Report{}}},
		{"a log hook's own", domain.EmailEvent{Type: domain.Delivery, MessageID: aMessage, Recipient: aRecipient, ReceptionProtocol: "LogRecord"}},
		{"a log hook's own report", domain.EmailEvent{
			Type: domain.OOB, MessageID: "a-report", Sender: "a", Recipient: aRecipient, ReceptionProtocol: "LogRecord",
			Original: &domain.Original{MessageID: aMessage, Recipients: []string{aRecipient}},
		}},
		{"no recipient", domain.EmailEvent{Type: domain.Reception, MessageID: aMessage}},
		{"no message id", domain.EmailEvent{Type: domain.Reception, Recipient: aRecipient}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if l, ok := logOf(&c.event); ok {
				t.Errorf("made log %s", l.Key)
			}
			if key, ok := c.event.LogKey(); ok {
				t.Errorf("has key %s", key)
			}
		})
	}
}

func TestSpellingsOfOneMessageAndDomainHaveOneLogKey(t *testing.T) {
	want := domain.NewLogKey(aMessage, "ann@example.com")
	if got := domain.NewLogKey("10D1B680-884D-11F1-9001-782D7E12E173", "ann@EXAMPLE.Com"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for _, recipient := range []string{"Ann@example.com", "ann@example.org", "ann", ""} {
		if domain.NewLogKey(aMessage, recipient) == want {
			t.Errorf("%q has the key of ann@example.com", recipient)
		}
	}
}

func TestLogKeyOfNormalTextsIsThatOfTheirSpellings(t *testing.T) {
	// The stores keep the normal texts and derive the key from them again.
	rapid.Check(t, func(t *rapid.T) {
		id, recipient := rapid.String().Draw(t, "id"), rapid.String().Draw(t, "recipient")
		same(t,
			domain.NewLogKey(domain.NormalizeMessageID(id), domain.NormalizeRecipient(recipient)),
			domain.NewLogKey(id, recipient))
	})
}

func TestKeysOfMessageEncloseItsLogsAlone(t *testing.T) {
	texts := rapid.StringN(1, 8, -1)
	ids := rapid.OneOf(messageIDs, texts)
	rapid.Check(t, func(t *rapid.T) {
		id, other := ids.Draw(t, "id"), ids.Draw(t, "other")
		least, greatest := domain.KeysOfMessage(id)
		encloses := func(k domain.LogKey) bool {
			return bytes.Compare(least[:], k[:]) <= 0 && bytes.Compare(k[:], greatest[:]) <= 0
		}
		recipient := rapid.String().Draw(t, "recipient")
		if !encloses(domain.NewLogKey(id, recipient)) {
			t.Fatalf("key of %q is outside", recipient)
		}
		sameMessage := domain.NormalizeMessageID(id) == domain.NormalizeMessageID(other)
		if encloses(domain.NewLogKey(other, recipient)) != sameMessage {
			t.Fatalf("key of message %q is inside that of %q", other, id)
		}
	})
	// The ends are keys that a recipient could have, whatever its hash.
	key := domain.NewLogKey(aMessage, aRecipient)
	least, greatest := domain.KeysOfMessage(aMessage)
	same(t, least[:], append(bytes.Clone(key[:11]), make([]byte, 5)...))
	same(t, greatest[:], append(bytes.Clone(key[:11]), bytes.Repeat([]byte{0xff}, 5)...))
}

func TestLogKeyHasTheTimeOfItsMessageID(t *testing.T) {
	if at, ok := domain.NewLogKey(aMessage, aRecipient).Time(); !ok || !at.Equal(time.Date(2026, 7, 25, 17, 20, 0, 123e6, time.UTC)) {
		t.Errorf("got %v (%v)", at, ok)
	}
	withoutTime := map[string]string{
		"no UUID": "not-a-uuid",
		"UUID v4": "8f2c1f0e11114a4a9c9c0123456789ab",
		"of 1582": "00000000000010008000000000000000",
	}
	for name, id := range withoutTime {
		t.Run(name, func(t *testing.T) {
			if at, ok := domain.NewLogKey(id, aRecipient).Time(); ok {
				t.Errorf("got %v, want none", at)
			}
		})
	}
}

func TestLogKeyRoundTripsAsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := domain.NewLogKey(rapid.String().Draw(t, "id"), rapid.String().Draw(t, "recipient"))
		if got, err := domain.ParseLogKey(key.String()); err != nil || got != key {
			t.Fatalf("got %s and %v, want %s", got, err, key)
		}
	})
}

func TestFirstLogThatAnEventSpeaksOfIsThatOfItsKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent.Draw(t, "event")
		logs := domain.AppendLogs(nil, &e)
		key, ok := e.LogKey()
		if ok != e.HasLog() {
			t.Fatalf("has a log: %v, has a key: %v", e.HasLog(), ok)
		}
		if ok && (len(logs) == 0 || logs[0].Key != key) {
			t.Fatalf("key %s is not that of the first of %d logs", key, len(logs))
		}
		for i, l := range logs {
			if l.Key != domain.NewLogKey(l.MessageID, l.Recipient) {
				t.Fatalf("log %d has key %s", i, l.Key)
			}
			if !ok && (l.Confirmed || l.Decision != domain.Decision{}) {
				t.Fatalf("log %d has a status by an event that has no log", i)
			}
		}
	})
}

func TestLogsHaveTheKeysOfTheirNamesWhateverStandsBeforeThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var said []domain.EmailLog
		for _, e := range anyEvents.Draw(t, "events") {
			said = domain.AppendLogs(said, &e)
		}
		for _, l := range said {
			if want := domain.NewLogKey(l.MessageID, l.Recipient); l.Key != want {
				t.Fatalf("the log of %q and %q has the key %s, want %s", l.MessageID, l.Recipient, l.Key, want)
			}
		}
	})
}

func TestAppendLogsKeepsWhatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, more := anyEvent.Draw(t, "event"), anyEvent.Draw(t, "more")
		said := domain.AppendLogs(nil, &e)
		same(t, domain.AppendLogs(slices.Clone(said), &more), slices.Concat(said, domain.AppendLogs(nil, &more)))
	})
}

func TestEventsConcernTheLogsWhoseStatusTheyChange(t *testing.T) {
	// An Interpreter ties no report to itself.
	interpreted := anyEvent.Filter(func(e domain.EmailEvent) bool {
		return e.Original == nil || e.Original.MessageID != domain.NormalizeMessageID(e.MessageID)
	})
	rapid.Check(t, func(t *rapid.T) {
		e := interpreted.Draw(t, "event")
		for _, l := range domain.AppendLogs(nil, &e) {
			if e.HasLog() && e.TransferID == "" && !e.Concerns(&l) {
				t.Fatalf("a %s changes log %s, whose story does not have it", e.Type, l.Key)
			}
		}
	})
}

// What is found by its message is found by what is said of the message's logs.
func TestEventsSpeakOfAllMessagesThatTheyConcern(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := anyEvent.Draw(t, "event")
		said := domain.AppendLogs(nil, &e)
		ids := []string{domain.NormalizeMessageID(e.MessageID), aMessage}
		for _, id := range ids {
			spoken := slices.ContainsFunc(said, func(l domain.EmailLog) bool { return l.MessageID == id })
			if e.ConcernsMessage(id) && !spoken {
				t.Fatalf("a %s concerns message %q and does not speak of it", e.Type, id)
			}
			l := domain.EmailLog{MessageID: id, Recipient: domain.NormalizeRecipient(recipients.Draw(t, "recipient"))}
			if id != "" && l.Recipient != "" && e.Concerns(&l) && !e.ConcernsMessage(id) {
				t.Fatalf("a %s concerns a log of message %q and not the message", e.Type, id)
			}
		}
	})
}
