package httpapi

import (
	"time"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

// The examples of the document are made by what makes the answers, so that they
// have every field that answers have.

func exampleStory() logWithTimeline {
	event, registration := exampleBounce(), exampleRegistration()
	return newLogWithTimeline(application.Found{
		Candidates: domain.Fold([]domain.EmailEvent{event}), Timeline: []domain.EmailEvent{event},
		Registration: &registration,
	})
}

func exampleLog() LogLine { return exampleStory().LogLine }

// exampleBounce is an event of a message whose recipient is unknown.
func exampleBounce() domain.EmailEvent {
	at := time.Date(2026, 7, 25, 17, 20, 1, 0, time.UTC)
	return domain.EmailEvent{
		ID:   domain.EventID{0x01, 0x9f, 0x9a, 0x03, 0xd6, 0x81, 0x7c, 0x5a, 0x8e, 0x1f, 0x2b, 0x6a, 0x90, 0xd4, 0xc7, 0x13},
		Type: domain.Bounce, RecordType: "Bounce",
		MessageID: "22a08300884d11f19005782d7e12e173", Recipient: "frank@example.org", Sender: "news@sender.example",
		Site: "mx.example.org", OccurredAt: at, ReceivedAt: at.Add(40 * time.Millisecond),
		AcceptedAt: at.Add(-2 * time.Second), Size: 1047,
		Response: domain.Response{
			Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1},
			Content: "no such user here", Command: "RCPT TO:<frank@example.org>",
		},
		PeerName: "mx.example.org.", PeerAddress: "192.0.2.1", EgressSource: "ip-1",
		NodeID: "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10",
		Tenant: "acme", Campaign: "spring", ApplicationID: "eml_406de800",
		Classification: "InvalidRecipient", Provider: "example",
		Verdict: domain.Verdict{
			Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown,
			Permanence: domain.Permanent, Fault: domain.FaultRecipient, Rule: "no-such-user",
		},
		ResponseHash: 0x5b6f1c09d2a7e384,
	}
}
