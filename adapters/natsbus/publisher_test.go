package natsbus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func TestPublishStoresEventsInTheirOrder(t *testing.T) {
	b := startBus(t, t.TempDir())
	events := newEvents(3 * maxPending / 2) // more than may be pending
	publish(t, b.pub, events)
	msgs := stored(t, b.pub)
	if len(msgs) != len(events) {
		t.Fatalf("%d messages stored, want %d", len(msgs), len(events))
	}
	for i, m := range msgs {
		if got, want := msgID(m), events[i].Event.ID.String(); got != want {
			t.Fatalf("message %d is of event %s, want %s", i, got, want)
		}
	}
}

func TestPublishUsesSubjectOfType(t *testing.T) {
	b := startBus(t, t.TempDir())
	var events []ports.Announced
	for i, typ := range append(domain.EventTypes(), domain.EventType(200)) {
		a := newEvent(i)
		a.Event.Type = typ
		events = append(events, a)
	}
	publish(t, b.pub, events)
	for i, m := range stored(t, b.pub) {
		if want := "kumomta.event." + events[i].Event.Type.String(); m.Subject != want {
			t.Errorf("subject %s, want %s", m.Subject, want)
		}
	}
}

func TestPublishAgainIsAcknowledgedAndStoredOnce(t *testing.T) {
	b := startBus(t, t.TempDir())
	events := newEvents(10)
	publish(t, b.pub, events[:5])
	publish(t, b.pub, events)
	if got := len(stored(t, b.pub)); got != len(events) {
		t.Errorf("%d messages stored, want %d", got, len(events))
	}
}

func TestPublishOfNothingIsNoError(t *testing.T) {
	b := startBus(t, t.TempDir())
	acked, err := b.pub.Publish(t.Context(), nil)
	if len(acked) != 0 || err != nil {
		t.Errorf("got %v, %v", acked, err)
	}
}

func TestPublishAfterContextEndedIsUnavailable(t *testing.T) {
	b := startBus(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	acked, err := b.pub.Publish(ctx, newEvents(3))
	if len(acked) != 3 || acked[0] || acked[1] || acked[2] {
		t.Errorf("acknowledged %v, want none of 3", acked)
	}
	if !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestPublishToServerThatDoesNotAckEndsWithContext(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1))
	// A stream without acks answers nothing.
	silent := b.pub.stream.want
	silent.NoAck = true
	if _, err := b.pub.js.UpdateStream(t.Context(), silent); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := maxPending + 10 // also those that wait for a place
	type result struct {
		acked []bool
		err   error
	}
	done := make(chan result)
	go func() {
		acked, err := b.pub.Publish(ctx, newEvents(n))
		done <- result{acked, err}
	}()
	eventually(t, func() error {
		if p := b.pub.acks.waiting(); p < maxPending {
			return fmt.Errorf("%d pending", p)
		}
		return nil
	})
	cancel()
	r := <-done
	for i, ok := range r.acked {
		if ok {
			t.Fatalf("event %d acknowledged by a stream without acks", i)
		}
	}
	if len(r.acked) != n || !errors.Is(r.err, ports.ErrUnavailable) {
		t.Errorf("%d entries, error %v", len(r.acked), r.err)
	}
}

func TestPublishTruncatesWhatIsLargerThanTheServerTakes(t *testing.T) {
	b := startBus(t, t.TempDir())
	events := newEvents(3)
	e := events[1].Event
	e.Meta = `{"big":"` + strings.Repeat("x", maxPayload) + `"}`
	e.Response.Content = strings.Repeat("ä", cutResponse)
	publish(t, b.pub, events)

	msgs := stored(t, b.pub)
	if len(msgs) != 3 || msgID(msgs[1]) != e.ID.String() {
		t.Fatalf("%d messages, the large one not in its place", len(msgs))
	}
	var got struct {
		Truncated bool           `json:"truncated"`
		Meta      map[string]any `json:"meta"`
		Recipient string         `json:"recipient"`
		SMTP      struct{ Response string }
	}
	if err := json.Unmarshal(msgs[1].Data, &got); err != nil {
		t.Fatal(err)
	}
	if !got.Truncated || got.Meta == nil || len(got.Meta) != 0 || got.Recipient != e.Recipient {
		t.Errorf("truncated %v, meta %v, recipient %q", got.Truncated, got.Meta, got.Recipient)
	}
	if want := strings.Repeat("ä", cutResponse/2); got.SMTP.Response != want {
		t.Errorf("response of %d bytes, want %d", len(got.SMTP.Response), len(want))
	}
	for _, i := range []int{0, 2} {
		if strings.Contains(string(msgs[i].Data), "truncated") {
			t.Errorf("neighbour %d says that it is truncated", i)
		}
	}
}

func TestPublishObeysMessageLimitOfTheStream(t *testing.T) {
	b := startBus(t, t.TempDir())
	small := newLimits().full()
	small.MaxMsgSize = 2000
	if _, err := b.pub.js.CreateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	events := newEvents(3)
	events[1].Event.Meta = `{"big":"` + strings.Repeat("x", 2000) + `"}`
	publish(t, b.pub, events)
	if data := string(stored(t, b.pub)[1].Data); !strings.Contains(data, `"truncated":true`) {
		t.Errorf("payload %s", data)
	}
}

func TestPublishRefusesWhatNoCuttingMakesFit(t *testing.T) {
	b := startBus(t, t.TempDir())
	small := newLimits().full()
	small.MaxMsgSize = 2000
	if _, err := b.pub.js.CreateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	events := newEvents(3)
	events[1].Event.Sender = strings.Repeat("x", 2000)
	acked, err := b.pub.Publish(t.Context(), events)
	if !acked[0] || acked[1] || !acked[2] {
		t.Errorf("acknowledged %v, want all but the second", acked)
	}
	if !errors.Is(err, ports.ErrRefused) || errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("error %v, want refused", err)
	}
}

func TestPublishMakesDeletedStreamAgain(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1))
	if err := b.pub.js.DeleteStream(t.Context(), StreamName); err != nil {
		t.Fatal(err)
	}
	acked, err := b.pub.Publish(t.Context(), newEvents(2))
	if acked[0] || acked[1] || !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("without a stream: acknowledged %v, error %v", acked, err)
	}
	publish(t, b.pub, newEvents(2))
	if got := len(stored(t, b.pub)); got != 2 {
		t.Errorf("%d messages stored, want 2", got)
	}
}

func TestConcurrentPublishersAreAllAcknowledged(t *testing.T) {
	b := startBus(t, t.TempDir())
	all := newEvents(2000)
	errs := make(chan error)
	const callers = 8
	for c := range callers {
		go func() {
			part := all[c*len(all)/callers : (c+1)*len(all)/callers]
			acked, err := b.pub.Publish(t.Context(), part)
			for i, ok := range acked {
				if !ok && err == nil {
					err = fmt.Errorf("event %d not acknowledged", i)
				}
			}
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	ids := map[string]bool{}
	for _, m := range stored(t, b.pub) {
		var got struct {
			EventID string `json:"event_id"`
		}
		if err := json.Unmarshal(m.Data, &got); err != nil || got.EventID != msgID(m) {
			t.Fatalf("payload of event %s under id %s: %v", got.EventID, msgID(m), err)
		}
		ids[got.EventID] = true
	}
	if len(ids) != len(all) {
		t.Errorf("%d events stored, want %d", len(ids), len(all))
	}
}

func TestPublisherConfigNamesEveryFault(t *testing.T) {
	cfg := PublisherConfig{Stream: StreamConfig{MaxBytes: -1}, LegacySubject: "kumomta.event.*"}
	err := cfg.Validate()
	for _, part := range []string{"negative", "dots between", "is the stream's"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	for _, subject := range []string{"a..b", ".a", "a b", "a.>"} {
		if err := (&PublisherConfig{LegacySubject: subject}).Validate(); err == nil {
			t.Errorf("legacy subject %q accepted", subject)
		}
	}
	if err := (&PublisherConfig{LegacySubject: "kumomta.event"}).Validate(); err != nil {
		t.Error(err)
	}
}
