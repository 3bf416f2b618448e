package kumomta

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
)

func sample(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("../../test/data/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// decoded is all that a text became.
type decoded struct {
	Events  []domain.EmailEvent
	Rejects []domain.Reject
	Records int
	Values  int
}

func decode(text string) decoded {
	var all decoded
	for b := range (Decoder{}).Decode(text) {
		all.Events = append(all.Events, b.Events...)
		all.Rejects = append(all.Rejects, b.Rejects...)
		all.Records += b.Records
		all.Values += b.Values
	}
	return all
}

// one decodes a text that is one whole record for one recipient or none.
func one(t testing.TB, text string) domain.EmailEvent {
	t.Helper()
	d := decode(text)
	if len(d.Events) != 1 || len(d.Rejects) != 0 || d.Records != 1 || d.Values != 1 {
		t.Fatalf("%.200s: %d events, %d records, %d values, rejects %.300v", text, len(d.Events), d.Records, d.Values, d.Rejects)
	}
	return d.Events[0]
}

const nodeID = "557f3ad4-2c8c-11ee-976e-782d7e12e173"

// aRecord is a Delivery with n in its message id, and more fields if given.
func aRecord(n int, more ...string) string {
	return fmt.Sprintf(`{"type":"Delivery","id":"%08xb880884d11f19001782d7e12e173","event_time":"2026-07-25T17:20:00Z","recipient":"ann@example.com","nodeid":%q%s}`,
		n, nodeID, joined(more))
}

// aRejection is a Rejection of the given response.command, which is JSON.
func aRejection(command string, more ...string) string {
	return fmt.Sprintf(`{"type":"Rejection","id":"","event_time":"2026-07-25T17:20:00Z","recipient":"","response":{"code":535,"content":"AUTH failed","command":%s}%s}`,
		command, joined(more))
}

func joined(more []string) string {
	if len(more) == 0 {
		return ""
	}
	return "," + strings.Join(more, ",")
}

func ids(events []domain.EmailEvent) []string {
	all := make([]string, len(events))
	for i := range events {
		all[i] = events[i].ID.String()
	}
	return all
}

func same[T any](t testing.TB, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("not the same (-want +got):\n%s", diff)
	}
}

// Case 3: through Lua a batch loses nulls and empty lists, and keeps its ids.
func TestLinesAndTheirLuaCopyAreTheSameEvents(t *testing.T) {
	lines, lua := decode(sample(t, "modern.jsonl")), decode(sample(t, "modern-lua-array.json"))
	for _, d := range []decoded{lines, lua} {
		if len(d.Events) != 34 || d.Records != 32 || d.Values != 32 || len(d.Rejects) != 0 {
			t.Fatalf("%d events of %d records, %d values, rejects %v", len(d.Events), d.Records, d.Values, d.Rejects)
		}
	}
	same(t, ids(lua.Events), ids(lines.Events))
	for i := range lines.Events {
		lines.Events[i].Raw, lua.Events[i].Raw = "", ""
		lines.Events[i].Meta, lua.Events[i].Meta = "", ""
	}
	same(t, lua.Events, lines.Events)
}

// Case 8: records of before October 2025 have no event_time.
func TestRecordsOfTheOldEraHaveTheTimeOfTheirTimestamp(t *testing.T) {
	d := decode(sample(t, "before-2025-10.jsonl"))
	if len(d.Events) != 20 || d.Records != 20 || len(d.Rejects) != 0 {
		t.Fatalf("%d events of %d records, rejects %v", len(d.Events), d.Records, d.Rejects)
	}
	for _, e := range d.Events {
		if e.OccurredAt.Nanosecond() != 0 || e.OccurredAt.Year() != 2026 {
			t.Errorf("%s occurred at %v", e.RecordType, e.OccurredAt)
		}
	}
}

func TestEveryLineOfASampleIsKeptByteForByte(t *testing.T) {
	for _, name := range []string{"modern.jsonl", "before-2025-10.jsonl"} {
		text := sample(t, name)
		lines := strings.Split(strings.TrimSpace(text), "\n")
		for _, e := range decode(text).Events {
			if e.Part > 0 {
				continue
			}
			if e.Type != domain.Rejection && e.Raw != lines[0] {
				t.Errorf("kept %s\nof   %s", e.Raw, lines[0])
			}
			lines = lines[1:]
		}
	}
}

// Case 10: other grouping, the same events.
func TestIDsDoNotDependOnTheGrouping(t *testing.T) {
	text := sample(t, "modern.jsonl")
	var alone []domain.EmailEvent
	for line := range strings.Lines(text) {
		alone = append(alone, decode(line).Events...)
	}
	same(t, ids(alone), ids(decode(text).Events))
}

func TestAllFieldsOfARecordArriveInItsEvent(t *testing.T) {
	text := sample(t, "modern.jsonl")
	e := one(t, strings.Split(text, "\n")[1])
	if e.ID == (domain.EventID{}) {
		t.Error("no id")
	}
	want := domain.EmailEvent{
		ID: e.ID, Type: domain.TransientFailure, RecordType: "TransientFailure",
		MessageID: "10d1b680884d11f19001782d7e12e173", Recipient: "alice@example.org",
		Sender: "bounce@news.example.com", Queue: "spring:acme@example.org",
		Site:       "ip-1->(mx1|mx2)?.example.org@smtp_client",
		OccurredAt: parseTime("2026-07-25T17:20:01.623456Z"), AcceptedAt: parseTime("2026-07-25T17:20:00.123456Z"),
		Size: 1047,
		Response: domain.Response{
			Code: 451, Enhanced: domain.EnhancedCode{Class: 4, Subject: 7, Detail: 28},
			Content: "Our system has detected an unusual rate of mail",
			Command: "MAIL FROM:<bounce@news.example.com>",
		},
		Classification: "PolicyRelated", PeerName: "mx1.example.org.", PeerAddress: "192.0.2.25",
		EgressPool: "pool0", EgressSource: "ip-1", SourceAddress: "10.0.0.1:53210",
		DeliveryProtocol: "ESMTP", ReceptionProtocol: "ESMTP", NodeID: nodeID,
		SessionID: "40d27aa8-8295-5f5c-8ecf-36399b891e69",
		Tenant:    "acme", Campaign: "spring", ApplicationID: "eml_10d1b680884d11f19001782d",
		Meta: `{"tenant":"acme","campaign":"spring","X-Email-Log-ID":"eml_10d1b680884d11f19001782d"}`,
		Raw:  strings.Split(text, "\n")[1],
	}
	same(t, e, want)
}
