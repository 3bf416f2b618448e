package application_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// watched counts who reads the bus.
type watched struct {
	*memory.Bus
	following, reading, read atomic.Int64
}

func (w *watched) Follow(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		w.following.Add(1)
		defer w.following.Add(-1)
		w.Bus.Follow(ctx, after)(yield)
	}
}

func (w *watched) Read(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		w.reading.Add(1)
		w.read.Add(1)
		defer w.reading.Add(-1)
		w.Bus.Read(ctx, after)(yield)
	}
}

// streamed is a stream of a bus in memory.
type streamed struct {
	*application.Stream
	t       *testing.T
	bus     *watched
	log     bytes.Buffer
	clients sync.WaitGroup
	events  int
}

func newStreamed(t *testing.T, config application.StreamConfig) *streamed {
	s := &streamed{t: t, bus: &watched{Bus: memory.NewBus()}}
	s.Stream = application.NewStream(s.bus, slog.New(slog.NewTextHandler(&s.log, nil)), config)
	return s
}

// close ends all, also clients.
func (s *streamed) close() {
	s.Close()
	s.clients.Wait()
	if n := s.bus.following.Load(); n != 0 {
		s.t.Errorf("%d follow the bus after the end", n)
	}
}

// publish announces events of tenants, one each.
func (s *streamed) publish(tenants ...string) {
	for _, tenant := range tenants {
		s.publishEvent(func(e *domain.EmailEvent) { e.Tenant = tenant })
	}
}

func (s *streamed) publishEvent(set func(*domain.EmailEvent)) {
	s.events++
	e := domain.EmailEvent{
		Type: domain.Delivery, RecordType: "Delivery", MessageID: fmt.Sprintf("10d1b680884d11f19001%012x", s.events),
		Recipient: "user@example.com",
	}
	set(&e)
	id := domain.Identity{RecordType: e.RecordType, MessageID: fmt.Sprint(s.events)}
	digest, _ := id.Digest(nil)
	e.ID = digest.EventID(e.Recipient)
	if _, err := s.bus.Publish(context.Background(), []ports.Announced{{Event: &e, Status: domain.Delivered, HasLog: true}}); err != nil {
		s.t.Error(err)
	}
}

// client listens, and keeps what it hears.
type client struct {
	mu     sync.Mutex
	heard  []uint64
	beats  int // signs of life after the first
	resets int
	last   uint64 // position
	begun  bool
	err    error
	ended  bool

	leave context.CancelFunc
	// hold blocks the client while it is told messages.
	hold chan struct{}
}

var errHungUp = errors.New("hung up")

func (s *streamed) listen(filter application.StreamFilter, resume *uint64) *client {
	return s.listenAs(&client{}, filter, resume)
}

func (s *streamed) listenAs(c *client, filter application.StreamFilter, resume *uint64) *client {
	ctx, cancel := context.WithCancel(context.Background())
	c.leave = cancel
	s.clients.Go(func() {
		defer cancel()
		err := s.Listen(ctx, filter, resume, c.tell)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.err, c.ended = err, true
	})
	return c
}

func (c *client) tell(h application.Heard) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range h.Messages {
		c.heard = append(c.heard, m.Sequence)
	}
	switch {
	case h.Reset:
		c.resets++
	case c.begun && len(h.Messages) == 0:
		c.beats++
	}
	c.begun = true
	c.last = h.Sequence
	if c.hold != nil && len(h.Messages) > 0 {
		<-c.hold
	}
	return nil
}

// pass lets time pass, and all happen that is due until then.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// settle lets all be told that can be told.
func settle() { pass(time.Second) }
