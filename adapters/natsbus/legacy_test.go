package natsbus

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

func TestLegacySubjectGetsEachRecordOnce(t *testing.T) {
	b := startBus(t, t.TempDir())
	old := listen(t, b, "kumomta.event")
	pub := newPublisher(t, b.conn, PublisherConfig{Stream: newLimits(), LegacySubject: "kumomta.event"})

	events := newEvents(5)
	events[2].Event.Part, events[2].Event.Raw = 1, events[1].Event.Raw // second recipient of one record
	publish(t, pub, events)

	want := []string{events[0].Event.Raw, events[1].Event.Raw, events[3].Event.Raw, events[4].Event.Raw}
	if diff := cmp.Diff(want, received(t, b, old)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if got := len(stored(t, pub)); got != len(events) {
		t.Errorf("%d messages in the stream, want %d", got, len(events))
	}
}

func TestLegacySubjectIsOffByDefault(t *testing.T) {
	b := startBus(t, t.TempDir())
	old := listen(t, b, "kumomta.event")
	publish(t, b.pub, newEvents(2))
	if got := received(t, b, old); len(got) != 0 {
		t.Errorf("got %q", got)
	}
}

func TestLegacySubjectSkipsTooLargeRecordsWithOneWarning(t *testing.T) {
	b := startBus(t, t.TempDir())
	old := listen(t, b, "legacy")
	pub := newPublisher(t, b.conn, PublisherConfig{Stream: newLimits(), LegacySubject: "legacy"})
	events := newEvents(4)
	large := strings.Repeat("x", maxPayload+1)
	events[0].Event.Raw, events[2].Event.Raw = large, large
	publish(t, pub, events)
	want := []string{events[1].Event.Raw, events[3].Event.Raw}
	if diff := cmp.Diff(want, received(t, b, old)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if n := b.log.count("too large for the legacy subject"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, b.log)
	}
}

func listen(t *testing.T, b *bus, subject string) *nats.Subscription {
	t.Helper()
	sub, err := b.conn.nc.SubscribeSync(subject)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// received returns what sub got of all that was published so far.
func received(t *testing.T, b *bus, sub *nats.Subscription) []string {
	t.Helper()
	// The answer to a ping comes behind what was published before it.
	if err := b.conn.nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	n, _, err := sub.Pending()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for range n {
		m, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(m.Data))
	}
	return texts
}
