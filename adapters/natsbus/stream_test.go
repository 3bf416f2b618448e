package natsbus

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"
)

func TestStreamIsMadeAsConfigured(t *testing.T) {
	b := startBus(t, t.TempDir())
	if err := b.pub.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	stream, err := b.pub.js.Stream(t.Context(), "KUMOMTA_EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	have := stream.CachedInfo().Config
	got := jetstream.StreamConfig{
		Subjects: have.Subjects, Storage: have.Storage, Retention: have.Retention, Discard: have.Discard,
		MaxAge: have.MaxAge, MaxBytes: have.MaxBytes, Duplicates: have.Duplicates,
	}
	want := jetstream.StreamConfig{
		Subjects: []string{"kumomta.event.*", "kumomta.suppression.*"}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardOld,
		MaxAge: 168 * time.Hour, MaxBytes: 4 << 30, Duplicates: time.Minute,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if b.log.count("level=WARN") != 0 {
		t.Errorf("logged:\n%s", b.log)
	}
}

func TestStreamWithoutLimitsIsMade(t *testing.T) {
	b := startBus(t, t.TempDir())
	pub := newPublisher(t, b.conn, PublisherConfig{})
	publish(t, pub, newEvents(1))
	if b.log.count("level=WARN") != 0 {
		t.Errorf("the stream it made itself is reported:\n%s", b.log)
	}
}

func TestStreamWithOtherSettingsIsReportedOnceAndKept(t *testing.T) {
	b := startBus(t, t.TempDir())
	other := newLimits().full()
	other.MaxAge = time.Hour
	other.Duplicates = 30 * time.Second
	other.Subjects = []string{"kumomta.>"}
	if _, err := b.pub.js.CreateStream(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.pub.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b.pub, newEvents(2))

	if n := b.log.count("other settings"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, b.log)
	}
	for _, name := range []string{
		"max_age is 1h0m0s, not 168h0m0s", "duplicate_window is 30s, not 1m0s",
		"subjects is kumomta.>, not kumomta.event.* kumomta.suppression.*",
	} {
		if b.log.count(name) != 1 {
			t.Errorf("warning does not say %q:\n%s", name, b.log)
		}
	}
	if b.log.count("max_bytes") != 0 {
		t.Errorf("warning names a setting that is as configured:\n%s", b.log)
	}
	stream, err := b.pub.js.Stream(t.Context(), StreamName)
	if err != nil {
		t.Fatal(err)
	}
	if got := stream.CachedInfo().Config; got.MaxAge != time.Hour || strings.Join(got.Subjects, " ") != "kumomta.>" {
		t.Errorf("the stream was changed: %+v", got)
	}
}

func TestStreamDropsOldestBeyondItsLimit(t *testing.T) {
	b := startBus(t, t.TempDir())
	limits := newLimits()
	limits.MaxBytes = 20_000
	pub := newPublisher(t, b.conn, PublisherConfig{Stream: limits})
	events := newEvents(100)
	publish(t, pub, events)
	msgs := stored(t, pub)
	if len(msgs) == 0 || len(msgs) >= len(events) {
		t.Fatalf("%d of %d messages stored", len(msgs), len(events))
	}
	if got, want := msgID(msgs[len(msgs)-1]), events[99].Event.ID.String(); got != want {
		t.Errorf("newest stored is %s, want %s", got, want)
	}
}
