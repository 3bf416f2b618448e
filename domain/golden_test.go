package domain_test

import (
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// The ids below were computed apart from this package and are stored for
// months: a change that needs other values makes every resent record a new
// event.
func TestEventIDsNeverChange(t *testing.T) {
	two := aDelivery()
	two.Recipients = []string{"bob@example.com", "ann@example.com"}
	two.Response = domain.Response{Code: 250, Content: "OK"}

	before := ofType(beforeOctober(), "TransientFailure")
	before.Queue = "camp:ten@example.com"
	before.Response = domain.Response{
		Code: 452, Enhanced: domain.EnhancedCode{Class: 4, Subject: 2, Detail: 2},
		Content: "mailbox full", Command: "RCPT TO:<ann@example.com>\r\n",
	}

	report := ofType(aDelivery(), "OOB")
	report.Response = domain.Response{
		Code: 550, Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, Content: "no such user",
	}

	refusedLogin := domain.Identity{
		NodeID: aDelivery().NodeID, RecordType: "Rejection", Timestamp: 1785000000, Recipients: []string{""},
		SessionID: aDelivery().SessionID, PeerAddress: aDelivery().PeerAddress,
		Response: domain.Response{
			Code: 535, Enhanced: domain.EnhancedCode{Class: 5, Subject: 7, Detail: 8},
			Content: "AUTH failed", Command: "AUTH",
		},
	}

	fromTheEpoch := domain.Identity{
		NodeID: aDelivery().NodeID, RecordType: "NewThing", MessageID: aDelivery().MessageID, EventTime: time.Unix(0, 0),
	}

	cases := []struct {
		name      string
		record    domain.Identity
		recipient string
		want      string
	}{
		{"delivery", aDelivery(), "ann@example.com", "019f9a4a-7a7b-74ea-a664-2447ad7ed1e8"},
		{"first of two recipients", two, "ann@example.com", "019f9a4a-7a7b-7be7-bf6d-02ba45fd3898"},
		{"second of two recipients", two, "bob@example.com", "019f9a4a-7a7b-777f-9b8d-fc96ed2da4a5"},
		{"deferral before October 2025", before, "ann@example.com", "019f9a4a-7a00-7507-9b07-e5afdd8b5c21"},
		{"report", report, "ann@example.com", "019f9a4a-7a7b-7da3-bb08-0de2710052cd"},
		{"rejection of AUTH", refusedLogin, "", "019f9a4a-7a00-7b13-a609-9675652df8b9"},
		{"unknown type in 1970", fromTheEpoch, "", "00000000-0000-7271-9ec5-54267e227200"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := idFor(c.record, c.recipient).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLogKeysNeverChange(t *testing.T) {
	cases := []struct{ messageID, recipient, want string }{
		{"10d1b680884d11f19001782d7e12e173", "ann@example.com", "019f9a4a-7a7b-b979-87bf-f971d4f55f72"},
		{"not-a-uuid", "Postmaster", "00000000-0000-ce8f-b016-1109508fae6d"},
	}
	for _, c := range cases {
		t.Run(c.messageID, func(t *testing.T) {
			if got := domain.NewLogKey(c.messageID, c.recipient).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestQuarantineIDsNeverChange(t *testing.T) {
	r := domain.Reject{Raw: `{"type":`}
	if got, want := r.ID().String(), "d356aa44394dfb9e6d62d1ee01fa0e67"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
