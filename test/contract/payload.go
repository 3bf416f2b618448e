package contract

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestPayload holds the payload of a publisher's messages to what subscribers
// are promised. It is for publishers with subscribers outside the process.
func TestPayload(t *testing.T, open OpenPublisher) {
	t.Run("Payload", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, PublisherHarness){
			"HasAllThatIsKnown":          hasAllThatIsKnown,
			"IsNullWhereNothingIsKnown":  isNullWhereUnknown,
			"HasStatusOfAnnouncement":    hasStatus,
			"KeepsAwkwardTexts":          payloadKeepsTexts,
			"LosesMetaOverSizeLimit":     losesMeta,
			"TellsChangesOfSuppressions": tellsChanges,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	})
}

// payloadOf publishes one announcement and returns its payload.
func payloadOf(t *testing.T, p PublisherHarness, a ports.Announced) map[string]any {
	t.Helper()
	publish(t, p, []ports.Announced{a})
	arrived := p.Received(t)
	last := arrived[len(arrived)-1]
	same(t, "id of the last message", a.ID().String(), last.ID)
	var payload map[string]any
	fine(t, "read payload", json.Unmarshal(last.Payload, &payload))
	return payload
}

func tellsChanges(t *testing.T, p PublisherHarness) {
	e := suppression("frank@example.org", domain.SuppressedByUnsubscribe)
	payload := payloadOf(t, p, change(e, false, received))
	takeTime(t, payload, "added_at", received)
	takeTime(t, payload, "changed_at", received)
	delete(payload, "change_id")
	same(t, "payload", map[string]any{
		"type": "suppression.added", "address": "frank@example.org", "reason": "unsubscribe", "note": nil, "source_event_id": nil,
	}, payload)
	e.Note, e.EventID = "asked \"by\" phone\u2028", domain.EventID{1, 2}
	payload = payloadOf(t, p, change(e, true, received.Add(time.Hour)))
	takeTime(t, payload, "added_at", received)
	takeTime(t, payload, "changed_at", received.Add(time.Hour))
	fields(t, payload, map[string]any{
		"type": "suppression.removed", "note": e.Note, "source_event_id": e.EventID.String(), "address": "frank@example.org",
	})
}

func change(e domain.Suppression, removed bool, at time.Time) ports.Announced {
	c := domain.NewSuppressionChange(e, removed, at, 7)
	return ports.Announced{Change: &c}
}

// fields fails t unless the payload has each wanted field with its value.
func fields(t *testing.T, payload, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for name := range want {
		value, ok := payload[name]
		if !ok {
			value = "(no such field)"
		}
		got[name] = value
	}
	same(t, "payload", want, got)
}

// takeTime takes a time out of the payload and fails t unless it is wanted, in
// RFC 3339, UTC and at most microseconds.
func takeTime(t *testing.T, payload map[string]any, name string, want time.Time) {
	t.Helper()
	text, _ := payload[name].(string)
	got, err := time.Parse(time.RFC3339Nano, text)
	_, fraction, _ := strings.Cut(strings.TrimSuffix(text, "Z"), ".")
	if err != nil || !strings.HasSuffix(text, "Z") || len(fraction) > 6 || !got.Equal(want) {
		t.Errorf("payload: %s is %q, want %s", name, text, want.Format("2006-01-02T15:04:05.000000Z"))
	}
	delete(payload, name)
}

func hasAllThatIsKnown(t *testing.T, p PublisherHarness) {
	r := record("TransientFailure", 1, 5, "B@EXAMPLE.com")
	r.OccurredAt = at(5).Add(123456 * time.Microsecond)
	r.Tenant, r.Campaign, r.ApplicationID = "acme", "spring", "app-1"
	r.Provider, r.EgressSource, r.Attempts = "gmail", "ip-7", 3
	r.Response.Command = "RCPT TO:<b@example.com>\r\n"
	r.Meta = `{"tag":"a \"b\"","n":[1,null,{"deep":true}]}`
	a := announcements(r)[0]
	a.Status = domain.Delivered
	key, _ := a.Event.LogKey()
	payload := payloadOf(t, p, a)
	takeTime(t, payload, "occurred_at", r.OccurredAt)
	takeTime(t, payload, "received_at", received)
	fields(t, payload, map[string]any{
		"event_id": a.Event.ID.String(), "type": "transient_failure", "record_type": "TransientFailure",
		"message_id": messageID(1), "recipient": "B@EXAMPLE.com", "sender": "news@sender.example",
		"log_id": key.String(), "status": "delivered",
		"smtp": map[string]any{
			"code": 451.0, "enhanced_code": "4.7.1", "response": "later", "command": "RCPT TO:<b@example.com>\r\n",
		},
		"cause": nil, "provider": "gmail", "tenant": "acme", "campaign": "spring", "egress_source": "ip-7",
		"node_id": r.NodeID, "attempts": 3.0,
		"meta": map[string]any{"tag": `a "b"`, "n": []any{1.0, nil, map[string]any{"deep": true}}},
	})
	if _, ok := payload["truncated"]; ok {
		t.Error("payload: whole, but marked as truncated")
	}
}

func isNullWhereUnknown(t *testing.T, p PublisherHarness) {
	r := Record{EmailEvent: domain.EmailEvent{RecordType: "Rejection", OccurredAt: at(1)}}
	r.Response.Code = 550
	payload := payloadOf(t, p, announcements(r)[0])
	fields(t, payload, map[string]any{
		"type": "rejection", "record_type": "Rejection", "message_id": nil, "recipient": nil, "sender": nil,
		"log_id": nil, "status": nil, "cause": nil, "provider": nil, "tenant": nil, "campaign": nil,
		"egress_source": nil, "node_id": nil, "attempts": 0.0, "meta": map[string]any{},
		"smtp": map[string]any{"code": 550.0, "enhanced_code": nil, "response": nil, "command": nil},
	})
}

func hasStatus(t *testing.T, p PublisherHarness) {
	statuses := []string{
		"pending", "deferred", "transferred", "expired", "bounced", "delivered", "bounced", "complained",
	}
	for i, want := range statuses {
		a := announcements(record("Delivery", i, i+5, "a@example.com"))[0]
		a.Status = domain.Status(i)
		fields(t, payloadOf(t, p, a), map[string]any{"status": want})
	}
}

func payloadKeepsTexts(t *testing.T, p PublisherHarness) {
	for i, text := range awkward {
		r := record("Bounce", i, i+5, "a@example.com")
		r.Response.Content = text
		want := any(text)
		if text == "" {
			want = nil
		}
		smtp, _ := payloadOf(t, p, announcements(r)[0])["smtp"].(map[string]any)
		fields(t, smtp, map[string]any{"response": want})
	}
}

func losesMeta(t *testing.T, p PublisherHarness) {
	r := record("Bounce", 1, 5, "a@example.com")
	r.Meta = `{"tag":"` + strings.Repeat("x", 16<<20) + `"}`
	payload := payloadOf(t, p, announcements(r)[0])
	fields(t, payload, map[string]any{"truncated": true, "message_id": messageID(1), "recipient": "a@example.com"})
	if meta, _ := payload["meta"].(map[string]any); len(meta) > 0 {
		t.Error("payload: truncated, but it has meta")
	}
}
