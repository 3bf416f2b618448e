package natsbus

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func payloadOf(a ports.Announced) string {
	e := newEncoder()
	return string(e.encode(&a, maxPayload).Data)
}

func TestPayloadHasEveryFieldOfTheContract(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.FixedZone("", 3600))
	a := ports.Announced{HasLog: true, Status: domain.BouncedLate, Event: &domain.EmailEvent{
		ID: domain.EventID{0x01, 0x95}, Type: domain.TransientFailure, RecordType: "TransientFailure",
		MessageID: "d7ef132b5d7711eea8c8000c29c33806", Recipient: "user@example.com", Sender: "news@example.org",
		OccurredAt: at, ReceivedAt: at.Add(time.Second), Attempts: 2,
		Response: domain.Response{
			Code: 451, Enhanced: domain.EnhancedCode{Class: 4, Subject: 7, Detail: 1}, Content: "try \"later\"", Command: "RCPT TO",
		},
		Provider: "example", Tenant: "acme", Campaign: "spring", EgressSource: "ip-1", NodeID: "node",
		Classification: "SpamBlock", ResponseHash: 0xabc, Verdict: domain.Verdict{
			Cause: domain.CauseSender, Subcause: domain.SubcauseRate, Permanence: domain.Temporary,
			Fault: domain.FaultSender, Rule: "a-rule",
		},
		Meta: `{"a": [1, null]}`,
	}}
	key, _ := a.Event.LogKey()
	want := `{"event_id":"01950000-0000-0000-0000-000000000000","type":"transient_failure",` +
		`"record_type":"TransientFailure","message_id":"d7ef132b5d7711eea8c8000c29c33806",` +
		`"recipient":"user@example.com","sender":"news@example.org","log_id":"` + key.String() + `","status":"bounced",` +
		`"occurred_at":"2026-03-01T11:00:00.123456Z","received_at":"2026-03-01T11:00:01.123456Z",` +
		`"smtp":{"code":451,"enhanced_code":"4.7.1","response":"try \"later\"","command":"RCPT TO"},` +
		`"cause":"sender","subcause":"rate","permanence":"temporary","fault":"sender","rule":"a-rule",` +
		`"classification":"SpamBlock","response_hash":"0000000000000abc",` +
		`"provider":"example","tenant":"acme","campaign":"spring","egress_source":"ip-1","node_id":"node",` +
		`"attempts":2,"meta":{"a": [1, null]}}`
	if diff := cmp.Diff(want, payloadOf(a)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

func TestPayloadSaysNullForWhatIsNotKnown(t *testing.T) {
	want := `{"event_id":"00000000-0000-0000-0000-000000000000","type":"unknown",` +
		`"record_type":null,"message_id":null,"recipient":null,"sender":null,"log_id":null,"status":null,` +
		`"occurred_at":null,"received_at":null,` +
		`"smtp":{"code":null,"enhanced_code":null,"response":null,"command":null},"cause":null,` +
		`"provider":null,"tenant":null,"campaign":null,"egress_source":null,"node_id":null,"attempts":0,"meta":{}}`
	got := payloadOf(ports.Announced{Event: &domain.EmailEvent{}})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

func TestPayloadHasNoHashOfAResponseThatSaysNothing(t *testing.T) {
	got := payloadOf(ports.Announced{Event: &domain.EmailEvent{Verdict: domain.Verdict{Cause: domain.CauseComplaint}}})
	if want := `"rule":null,"classification":null,"response_hash":null,"provider":null`; !strings.Contains(got, want) {
		t.Errorf("payload %s, want %s in it", got, want)
	}
}

func TestPayloadOfReportNamesTheOriginalsLog(t *testing.T) {
	original := &domain.Original{MessageID: "d7ef132b5d7711eea8c8000c29c33806", Recipients: []string{"user@example.com"}, By: domain.TieVERP}
	event := &domain.EmailEvent{Type: domain.Feedback, MessageID: "report", Report: &domain.Report{FeedbackType: "abuse"}, Original: original}
	of := `"message_id":"d7ef132b5d7711eea8c8000c29c33806","recipient":"user@example.com"`
	tie := `"tied_by":"verp","confidence":"verified"}`
	for name, c := range map[string]struct {
		a    ports.Announced
		want string
	}{
		"tied": {
			ports.Announced{Event: event, HasLog: true, Status: domain.Complained},
			`"feedback_type":"abuse","original":{` + of + `,"log_id":"` + original.Key().String() + `","status":"complained",` + tie,
		},
		"before the original": {
			ports.Announced{Event: event}, `"original":{` + of + `,"log_id":null,"status":null,` + tie,
		},
		"untied": {
			ports.Announced{Event: &domain.EmailEvent{Type: domain.OOB}}, `"attempts":0,"original":null,"meta":{}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := payloadOf(c.a)
			if !strings.Contains(got, c.want) || !strings.Contains(got, `"log_id":null,"status":null,"occurred_at"`) {
				t.Errorf("payload %s, want %s", got, c.want)
			}
		})
	}
}

func TestPayloadOfTransferNamesTheOtherID(t *testing.T) {
	got := payloadOf(ports.Announced{Event: &domain.EmailEvent{Type: domain.XferOut, TransferID: "other"}})
	if !strings.Contains(got, `"transfer_id":"other"`) {
		t.Errorf("payload %s", got)
	}
}

func TestPayloadOfEventWithoutLogNamesNone(t *testing.T) {
	a := newEvent(0)
	a.HasLog, a.Status = false, domain.Pending
	if got := payloadOf(a); !strings.Contains(got, `"log_id":null,"status":null`) {
		t.Errorf("payload %s", got)
	}
}

func TestMetaThatIsNoObjectIsNotEmbedded(t *testing.T) {
	for _, meta := range []string{"[]", "null", `"text"`, " {}", "x"} {
		a := newEvent(0)
		a.Event.Meta = meta
		if got := payloadOf(a); !strings.HasSuffix(got, `,"meta":{}}`) {
			t.Errorf("meta %q gives %s", meta, got)
		}
	}
}

func TestTimesAreThoseOfTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The years that times can be written in.
		at := time.Unix(rapid.Int64Range(-62135596799, 253402300799).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanosecond"))
		want := at.UTC().Format(`"2006-01-02T15:04:05.000000Z"`)
		if got := string(appendTime(nil, at)); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

func TestStringsAreThoseOfEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText().Draw(t, "text")
		var want bytes.Buffer
		enc := json.NewEncoder(&want)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		if got := string(appendString(nil, s)) + "\n"; got != want.String() {
			t.Fatalf("%q gives %s, encoding/json %s", s, got, want.String())
		}
	})
}

// anyText mixes what must be escaped, what must not, and bytes that are no text.
func anyText() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"\"", "\\", "\x00", "\b\f\n\r\t", "\x1f", "\x7f", "<&>", "\u2028\u2029\u2027", "\ufffd", "😀", "\xff", "\xe2\x80", "\xed\xa0\x80"}),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	return rapid.Map(rapid.SliceOfN(piece, 0, 6), func(s []string) string { return strings.Join(s, "") })
}

func TestEveryPayloadIsOneJSONObjectOfWhatWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyText()
		a := newEvent(0)
		e := a.Event
		for _, field := range []*string{
			&e.RecordType, &e.MessageID, &e.Recipient, &e.Sender, &e.Response.Content, &e.Response.Command,
			&e.Provider, &e.Tenant, &e.Campaign, &e.EgressSource, &e.NodeID, &e.Classification, &e.TransferID,
		} {
			*field = text.Draw(t, "field")
		}
		e.Meta = rapid.SampledFrom([]string{"", "{}", `{"a":["\ud800",{"b":1e9}]}`}).Draw(t, "meta")
		// Small limits make it truncated.
		limit := rapid.Int64Range(0, 4096).Draw(t, "limit")
		data := newEncoder().encode(&a, limit).Data
		if !utf8.Valid(data) {
			t.Fatalf("not UTF-8: %q", data)
		}
		var got struct {
			Recipient, Sender *string
			Meta              map[string]any
			Truncated         bool
		}
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v: %s", err, data)
		}
		if diff := cmp.Diff(known(e.Recipient), got.Recipient); diff != "" && !got.Truncated {
			t.Fatalf("recipient (-want +got):\n%s", diff)
		}
		if got.Meta == nil {
			t.Fatalf("no meta: %s", data)
		}
	})
}

// known is what JSON makes of s, nil for "".
func known(s string) *string {
	if s == "" {
		return nil
	}
	var b strings.Builder
	for _, r := range s { // gives U+FFFD for each byte that is no text
		b.WriteRune(r)
	}
	valid := b.String()
	return &valid
}

func TestTruncatedPayloadFitsIntoAnyUsualServer(t *testing.T) {
	worst := strings.Repeat("\x01", 1<<20) // each byte becomes six
	a := ports.Announced{Event: &domain.EmailEvent{
		RecordType: worst, MessageID: worst, Recipient: worst, Sender: worst, Provider: worst, Tenant: worst,
		Campaign: worst, EgressSource: worst, NodeID: worst, Meta: worst,
		Response: domain.Response{Content: worst, Command: worst},
	}}
	const usual = 1 << 20
	e := newEncoder()
	e.encode(&a, usual)
	if e.size() > usual/2 {
		t.Errorf("%d bytes", e.size())
	}
}

func TestSizeIsWhatTheServerCounts(t *testing.T) {
	a := newEvent(0)
	e := newEncoder()
	msg := e.encode(&a, maxPayload)
	onWire := len("NATS/1.0\r\n\r\n") + len(msg.Data)
	for name, values := range msg.Header {
		onWire += len(name + ": " + values[0] + "\r\n")
	}
	if e.size() != onWire {
		t.Errorf("size %d, on the wire %d", e.size(), onWire)
	}
}

func TestCutKeepsWholeCharacters(t *testing.T) {
	for _, c := range []struct {
		s    string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aä", 2, "a"}, {"😀", 3, ""}, {"", 0, ""}} {
		if got := cut(c.s, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.s, c.n, got, c.want)
		}
	}
}
