package contract_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// bus is a publisher that may be broken.
type bus struct {
	*memory.Bus
	publish func(ctx context.Context, events []ports.Announced) ([]bool, error)
	arrive  func([]contract.Arrived) []contract.Arrived
	payload func(a ports.Announced, fields map[string]any)
	subject func(a *ports.Announced) string
}

func soundBus() *bus {
	b := &bus{Bus: memory.NewBus()}
	b.publish, b.subject = b.Bus.Publish, subjectOf
	b.arrive = func(all []contract.Arrived) []contract.Arrived { return all }
	b.payload = func(ports.Announced, map[string]any) {}
	return b
}

func (b *bus) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	return b.publish(ctx, events)
}

// Received implements contract.PublisherHarness.
func (b *bus) Received(t *testing.T) []contract.Arrived {
	var all []contract.Arrived
	for _, a := range b.Arrived() {
		fields := payloadOf(a)
		b.payload(a, fields)
		payload, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, contract.Arrived{
			ID: a.ID().String(), Subject: b.subject(&a), Payload: payload,
		})
	}
	return b.arrive(all)
}

// subjectOf is what a sound publisher publishes on.
func subjectOf(a *ports.Announced) string {
	if a.Change != nil {
		return "kumomta." + a.Type()
	}
	return "kumomta.event." + a.Type()
}

// payloadOf is what a sound publisher says of an event, or of a change.
func payloadOf(a ports.Announced) map[string]any {
	e := a.Event
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	if c := a.Change; c != nil {
		fields := map[string]any{
			"change_id": c.ID.String(), "type": c.Type(), "address": c.Address, "reason": string(c.Reason), "note": text(c.Note),
			"source_event_id": nil, "added_at": c.AddedAt.Format(time.RFC3339Nano), "changed_at": c.At.Format(time.RFC3339Nano),
		}
		if c.EventID != (domain.EventID{}) {
			fields["source_event_id"] = c.EventID.String()
		}
		return fields
	}
	fields := map[string]any{
		"event_id": e.ID.String(), "type": e.Type.String(), "record_type": text(e.RecordType),
		"message_id": text(e.MessageID), "recipient": text(e.Recipient), "sender": text(e.Sender),
		"log_id": nil, "status": nil, "occurred_at": e.OccurredAt.Format(time.RFC3339Nano),
		"received_at": e.ReceivedAt.Format(time.RFC3339Nano), "cause": nil, "provider": text(e.Provider),
		"tenant": text(e.Tenant), "campaign": text(e.Campaign), "egress_source": text(e.EgressSource),
		"node_id": text(e.NodeID), "attempts": e.Attempts, "meta": json.RawMessage(`{}`),
		"smtp": map[string]any{
			"code": e.Response.Code, "enhanced_code": text(e.Response.Enhanced.String()),
			"response": text(e.Response.Content), "command": text(e.Response.Command),
		},
	}
	if key, ok := e.LogKey(); ok && a.HasLog {
		fields["log_id"], fields["status"] = key.String(), a.Status.String()
	}
	switch {
	case len(e.Meta) > 1<<20:
		fields["truncated"] = true
	case e.Meta != "":
		fields["meta"] = json.RawMessage(e.Meta)
	}
	return fields
}

// set makes a payload's field another.
func set(field string, value any) func(*bus) {
	return func(b *bus) { b.payload = func(_ ports.Announced, fields map[string]any) { fields[field] = value } }
}

// unset leaves a field out of the payload.
func unset(field string) func(*bus) {
	return func(b *bus) { b.payload = func(_ ports.Announced, fields map[string]any) { delete(fields, field) } }
}

var busFaults = []struct {
	fault, story string
	breaks       func(*bus)
}{
	{"delivers backwards", "Publisher/DeliversEventsInOrder", func(b *bus) { b.arrive = reverse }},
	{"loses an event", "Publisher/DeliversEventsInOrder", func(b *bus) {
		b.arrive = func(all []contract.Arrived) []contract.Arrived { return all[1:] }
	}},
	{"delivers twice", "Publisher/DeliversEventPublishedAgainOnce", func(b *bus) {
		b.arrive = func(all []contract.Arrived) []contract.Arrived { return append(all, all[0]) }
	}},
	{"refuses what is known", "Publisher/DeliversKnownAndNewEventsTogether", func(b *bus) {
		b.publish = func(ctx context.Context, events []ports.Announced) ([]bool, error) {
			known := b.Arrived()
			acked, err := b.Bus.Publish(ctx, events)
			for i, e := range events {
				acked[i] = !slices.ContainsFunc(known, func(k ports.Announced) bool { return k.ID() == e.ID() })
			}
			return acked, err
		}
	}},
	{"publishes types as recorded", "Publisher/PublishesOnSubjectOfType", func(b *bus) {
		b.arrive = func(all []contract.Arrived) []contract.Arrived {
			for i := range all {
				all[i].Subject = strings.ReplaceAll(all[i].Subject, "_", "")
			}
			return all
		}
	}},
	{"publishes changes as events", "Publisher/PublishesChangesOfSuppressions", func(b *bus) {
		b.subject = func(a *ports.Announced) string { return "kumomta.event." + a.Type() }
	}},
	{"publishes no changes", "Publisher/PublishesChangesOfSuppressions", func(b *bus) {
		b.publish = func(ctx context.Context, events []ports.Announced) ([]bool, error) {
			events = slices.DeleteFunc(slices.Clone(events), func(a ports.Announced) bool { return a.Change != nil })
			_, err := b.Bus.Publish(ctx, events)
			return slices.Repeat([]bool{true}, len(events)), err
		}
	}},
	{"sends no notes", "Payload/TellsChangesOfSuppressions", unset("note")},
	{"sends when addresses were added", "Payload/TellsChangesOfSuppressions", func(b *bus) {
		b.payload = func(a ports.Announced, fields map[string]any) { fields["changed_at"] = fields["added_at"] }
	}},
	{"fails on nothing", "Publisher/PublishesNothing", func(b *bus) {
		b.publish = func(context.Context, []ports.Announced) ([]bool, error) { return nil, ports.ErrRefused }
	}},
	{"acknowledges unsent", "Publisher/EndedContextAcknowledgesNothing", func(b *bus) {
		b.publish = func(ctx context.Context, events []ports.Announced) ([]bool, error) {
			acked, err := b.Bus.Publish(ctx, events)
			return slices.Repeat([]bool{true}, len(acked)), err
		}
	}},
	{"hides why", "Publisher/EndedContextAcknowledgesNothing", func(b *bus) {
		b.publish = func(ctx context.Context, events []ports.Announced) ([]bool, error) {
			acked, _ := b.Bus.Publish(ctx, events)
			return acked, nil
		}
	}},
	{"sends statuses of records", "Payload/HasStatusOfAnnouncement", set("status", "delivered")},
	{"sends empty texts", "Payload/IsNullWhereNothingIsKnown", set("tenant", "")},
	{"leaves out what is null", "Payload/IsNullWhereNothingIsKnown", unset("cause")},
	{"sends no attempts", "Payload/HasAllThatIsKnown", unset("attempts")},
	{"sends local times", "Payload/HasAllThatIsKnown", set("occurred_at", "2026-03-01T14:00:05.123456+02:00")},
	{"sends seconds", "Payload/HasAllThatIsKnown", set("received_at", "2026-03-01T13:00:00Z")},
	{"sends meta as text", "Payload/HasAllThatIsKnown", set("meta", `{"tag":"a"}`)},
	{"always says truncated", "Payload/HasAllThatIsKnown", set("truncated", true)},
	{"never says truncated", "Payload/LosesMetaOverSizeLimit", unset("truncated")},
	{"cuts responses", "Payload/KeepsAwkwardTexts", func(b *bus) {
		b.payload = func(_ ports.Announced, fields map[string]any) {
			fields["smtp"] = map[string]any{"response": "long"}
		}
	}},
}

// TestPublisherSuites runs the suites on a publisher that is sound unless a
// fault is asked for.
func TestPublisherSuites(t *testing.T) {
	open := func(*testing.T) contract.PublisherHarness {
		b := soundBus()
		for _, f := range busFaults {
			if f.fault == os.Getenv(faultVariable) {
				f.breaks(b)
			}
		}
		return b
	}
	contract.TestPublisher(t, open)
	contract.TestPayload(t, open)
}

func TestSuitesRejectBrokenPublishers(t *testing.T) {
	for _, f := range busFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestPublisherSuites/"+f.story)
		})
	}
}
