package natsbus

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// A folder where a file should be stands for a full disk: it stops root too, and
// on every system.
func TestServerWritesStreamAgainWhenItCan(t *testing.T) {
	dir, log := t.TempDir(), &logs{}
	server := startServer(t, ServerConfig{Dir: dir, Listen: "off", Log: log.logger(), healEvery: 10 * time.Millisecond})
	conn := connect(t, ConnConfig{Server: server, Log: log.logger()})
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	publish(t, pub, newEvents(1))

	inTheWay := []string{
		filepath.Join(dir, "nats", "jetstream", "$G", "streams", StreamName, "msgs", "2.blk"),
		filepath.Join(dir, "nats", ".room"),
	}
	for _, folder := range inTheWay {
		if err := os.MkdirAll(filepath.Join(folder, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	large := largeEvents(1, 12) // more than one file of a stream has
	if err := publishWithin(t, pub, large, 2*time.Second); !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("publish without a file to write to: %v, want unavailable", err)
	}
	eventually(t, func() error {
		if pub.Ping(t.Context()) == nil {
			return errors.New("it is said to be well")
		}
		return nil
	})

	for _, folder := range inTheWay {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, func() error { return publishWithin(t, pub, large, 2*time.Second) })
	eventually(t, func() error { return pub.Ping(t.Context()) })
	if got, want := len(stored(t, pub)), 1+len(large); got != want {
		t.Errorf("%d messages stored, want %d: each once", got, want)
	}
	if log.count("cannot be written") == 0 || log.count("can be written again") == 0 {
		t.Errorf("the log tells too little:\n%s", log)
	}
}

// Whoever asks while the server starts must not take its streams for new ones.
func TestFollowerGoesOnWhenEmbeddedServerIsRestarted(t *testing.T) {
	bus := startBus(t, t.TempDir())
	publish(t, bus.pub, newEvents(500))
	const starts = 5
	asking, enough := context.WithCancel(t.Context())
	var askers sync.WaitGroup
	defer askers.Wait()
	defer enough()
	feed, heard := NewFeed(bus.pub), make(chan []uint64)
	askers.Go(func() {
		for asking.Err() == nil {
			_, _ = feed.Span(asking)
		}
	})
	go func() { heard <- followAll(t.Context(), feed, 0, 500+starts, func(error) {}) }()
	for i := range starts {
		if err := bus.server.restart(); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() error { return publishWithin(t, bus.pub, eventsFrom(500+i, 1), time.Second) })
	}
	for i, sequence := range <-heard {
		if sequence != uint64(i)+1 {
			t.Fatalf("message %d came in place of %d", sequence, i+1)
		}
	}
}

func publishWithin(t *testing.T, pub *Publisher, events []ports.Announced, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	_, err := pub.Publish(ctx, events)
	return err
}

// largeEvents are events of a megabyte each.
func largeEvents(i, n int) []ports.Announced {
	events := eventsFrom(i, n)
	for i := range events {
		events[i].Event.Meta = `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	}
	return events
}
