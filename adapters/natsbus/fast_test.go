package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/kumotrail/kumotrail/ports"
)

// answersTo hears the answers of the server that come to the publisher.
func answersTo(t *testing.T, b *bus) *nats.Subscription { return listen(t, b, b.pub.acks.inbox+">") }

func TestBatchIsAcknowledgedWithFewAnswers(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1)) // makes the stream
	sub := answersTo(t, b)
	events := eventsFrom(1, 3*maxPending/2) // more than may be pending
	publish(t, b.pub, events)
	if got := len(stored(t, b.pub)); got != 1+len(events) {
		t.Errorf("%d messages stored, want %d", got, 1+len(events))
	}
	if got := len(received(t, b, sub)); got > len(events)/fastAcks+3 {
		t.Errorf("%d answers to %d messages", got, len(events))
	}
	if n := b.pub.acks.waiting(); n != 0 || len(b.pub.acks.fast) != 0 {
		t.Errorf("%d messages and %d batches are left", n, len(b.pub.acks.fast))
	}
}

func TestBatchOfWhatIsStoredAlreadyIsAcknowledged(t *testing.T) {
	b := startBus(t, t.TempDir())
	events := newEvents(200)
	publish(t, b.pub, events[50:150])
	for range 2 {
		publish(t, b.pub, events)
		publish(t, b.pub, events[:100])
	}
	if got := len(stored(t, b.pub)); got != len(events) {
		t.Errorf("%d messages stored, want %d", got, len(events))
	}
	if !b.pub.fast.Load() {
		t.Error("copies ended the batch")
	}
}

func TestWhatBatchRefusesHoldsBackNothingBehindIt(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1))
	// The server refuses what the publisher does not know yet to be too large.
	small := b.pub.stream.want
	small.MaxMsgSize, small.AllowBatchPublish = 2000, true
	if _, err := b.pub.js.UpdateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	for _, place := range []int{0, 50, 99} {
		events := eventsFrom(1000*(place+1), 100)
		events[place].Event.Meta = `{"big":"` + strings.Repeat("x", 3000) + `"}`
		if err := b.pub.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.pub.limit.Store(maxPayload)
		acked, err := b.pub.Publish(t.Context(), events)
		for i, ok := range acked {
			if ok == (i == place) {
				t.Errorf("event %d of those with a large one at %d: acknowledged %v", i, place, ok)
			}
		}
		if !errors.Is(err, ports.ErrRefused) || errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("error %v, want refused", err)
		}
	}
	if got := len(stored(t, b.pub)); got != 1+3*99 {
		t.Errorf("%d messages stored, want %d", got, 1+3*99)
	}
}

func TestTooLargeEventIsLeftOutOfBatch(t *testing.T) {
	b := startBus(t, t.TempDir())
	small := newLimits().full()
	small.MaxMsgSize, small.AllowBatchPublish = 2000, true
	if _, err := b.pub.js.CreateStream(t.Context(), small); err != nil {
		t.Fatal(err)
	}
	events := newEvents(100)
	for _, i := range []int{0, 50, 99} {
		events[i].Event.Sender = strings.Repeat("x", 2000)
	}
	acked, err := b.pub.Publish(t.Context(), events)
	for i, ok := range acked {
		if ok == (len(events[i].Event.Sender) == 2000) {
			t.Errorf("event %d: acknowledged %v", i, ok)
		}
	}
	if !errors.Is(err, ports.ErrRefused) || !b.pub.fast.Load() {
		t.Errorf("error %v, batches go on %v", err, b.pub.fast.Load())
	}
}

func TestStreamThatTakesNoBatchesIsPublishedToOneByOne(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1))
	plain := b.pub.stream.want
	if _, err := b.pub.js.UpdateStream(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	for i := range 2 { // the first is tried in a batch still
		publish(t, b.pub, eventsFrom(1+100*i, 100))
		if b.pub.fast.Load() {
			t.Error("batches are tried again")
		}
	}
	if got := len(stored(t, b.pub)); got != 201 {
		t.Errorf("%d messages stored, want 201", got)
	}
	if n := b.log.count("level=WARN"); n != 0 {
		t.Errorf("warnings:\n%s", b.log)
	}
}

func TestAnswersToBatch(t *testing.T) {
	a := startBus(t, t.TempDir()).pub.acks
	const sent = 5
	for name, c := range map[string]struct {
		answers []string // %s is the batch
		acked   int
		ended   bool
	}{
		"progress":       {[]string{`{"type":"ack","seq":0,"msgs":2}`, `{"type":"ack","seq":2,"msgs":2}`}, 2, false},
		"late progress":  {[]string{`{"type":"ack","seq":4,"msgs":2}`, `{"type":"ack","seq":2,"msgs":2}`}, 4, false},
		"end":            {[]string{`{"type":"ack","seq":2,"msgs":2}`, `{"stream":"S", "seq":99,"batch":"%s","count":5}`}, 5, true},
		"early end":      {[]string{`{"stream":"S", "seq":99,"batch":"%s","count":3}`, `{"type":"ack","seq":4,"msgs":2}`}, 3, true},
		"gap, then end":  {[]string{`{"type":"gap","last_seq":3,"seq":5}`, `{"stream":"S", "seq":99,"batch":"%s","count":2}`}, 2, true},
		"error, end":     {[]string{`{"type":"err","seq":4,"error":{"code":400}}`, `{"stream":"S", "seq":99,"batch":"%s","count":3}`}, 3, true},
		"refused":        {[]string{`{"error":{"code":400,"err_code":10205},"stream":"S","seq":0}`}, 0, true},
		"no stream":      {[]string{``}, 0, true},
		"of one message": {[]string{`{"stream":"S", "seq":4}`}, 0, true},
		"of another":     {[]string{`{"stream":"S", "seq":99,"batch":"other","count":5}`}, 0, true},
		"more than sent": {[]string{`{"type":"ack","seq":9,"msgs":2}`}, sent, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := a.beginFast()
			var reply string
			for range sent {
				reply, _ = f.expect(t.Context())
			}
			for _, text := range c.answers {
				a.take(answer(reply, strings.ReplaceAll(text, "%s", f.id)))
			}
			if f.acked != c.acked || f.ended != c.ended {
				t.Errorf("%d acknowledged, ended %v; want %d, %v", f.acked, f.ended, c.acked, c.ended)
			}
			if want := sent - c.acked; !c.ended && a.waiting() != want {
				t.Errorf("%d wait, want %d", a.waiting(), want)
			}
			a.mu.Lock()
			f.close()
			a.mu.Unlock()
			if _, ok := f.expect(t.Context()); ok || a.waiting() != 0 {
				t.Errorf("a place in an ended batch: %v; %d wait", ok, a.waiting())
			}
		})
	}
}

func TestBatchWaitsForItsPlaceUntilContextEnds(t *testing.T) {
	a := startBus(t, t.TempDir()).pub.acks
	f := a.beginFast()
	for i := range maxPending {
		if _, ok := f.expect(t.Context()); !ok {
			t.Fatalf("no place for message %d", i)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if reply, ok := f.expect(ended); ok {
		t.Errorf("message %d may be sent as %s", maxPending, reply)
	}
	id := f.id
	a.take(answer(a.inbox+id+".500.fail.1.0.$FI", fmt.Sprintf(`{"type":"ack","seq":%d,"msgs":500}`, 1)))
	if _, ok := f.expect(t.Context()); !ok {
		t.Error("no place after an acknowledgement")
	}
}
