package contract

import (
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// at returns the instant some seconds past noon.
func at(second int) time.Time { return noon.Add(time.Duration(second) * time.Second) }

// received is when events of the suites come, unless they say otherwise.
var received = noon.Add(time.Hour + 123456*time.Microsecond)

// messageID returns the id of message n, which was accepted n seconds past
// noon: a UUID v7 in its normal spelling.
func messageID(n int) string { return idAt(at(n), n) }

func idAt(t time.Time, n int) string {
	return fmt.Sprintf("%012x70008%015x", t.UnixMilli(), n)
}

// record returns a record about message n, of what happened some seconds past
// noon.
func record(kind string, n, second int, recipients ...string) Record {
	return Record{
		EmailEvent: domain.EmailEvent{
			RecordType: kind, MessageID: messageID(n), Sender: "news@sender.example",
			Queue: "spring:acme@example.com", Site: "source->mx.example.com@smtp_client",
			OccurredAt: at(second), AcceptedAt: at(n), Size: 1047,
			Response: responses[kind], DeliveryProtocol: "ESMTP", ReceptionProtocol: "ESMTP",
			NodeID: "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10",
		},
		Recipients: recipients,
	}
}

var responses = map[string]domain.Response{
	"Delivery": {Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Content: "OK queued", Command: ".\r\n"},
	"Bounce": {
		Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1},
		Content: "no such user", Command: "RCPT TO:<a@example.com>\r\n",
	},
	"TransientFailure": {Code: 451, Enhanced: domain.EnhancedCode{Class: 4, Subject: 7, Detail: 1}, Content: "later"},
	"Expiration":       {Code: 551, Enhanced: domain.EnhancedCode{Class: 5, Subject: 4, Detail: 7}, Content: "expired"},
}

// eventsOf returns the records' events, received in time.
func eventsOf(records ...Record) []domain.EmailEvent {
	var events []domain.EmailEvent
	for _, r := range records {
		events = append(events, r.Events(received)...)
	}
	return events
}

// deliveries returns n records of n messages, numbered from first.
func deliveries(first, n int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = record("Delivery", first+i, first+i+5, fmt.Sprintf("user%d@example.com", i%7))
	}
	return records
}

// otherwise returns a copy of r as another logger would have written it: it
// tells of the same event.
func otherwise(r Record) Record {
	r.Meta, r.Size, r.Classification = `{"logger":"two"}`, 0, "SpamBlock"
	r.Tenant, r.Campaign, r.ApplicationID = "acme", "spring", "app-1"
	r.Noise = "two"
	return r
}
