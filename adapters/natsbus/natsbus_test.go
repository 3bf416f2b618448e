package natsbus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// patience is how long a test waits for what comes at once on a healthy
// machine; it is a bound for failing, not a measure.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirVariable); dir != "" {
		publishUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

// logs keeps what is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) count(what string) int { return strings.Count(l.String(), what) }

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// bus is a publisher with all that it stands on.
type bus struct {
	server *Server
	conn   *Conn
	pub    *Publisher
	log    *logs
}

func newLimits() StreamConfig { return StreamConfig{MaxAge: 168 * time.Hour, MaxBytes: 4 << 30} }

// startBus returns a publisher on an embedded server in dir that listens
// nowhere.
func startBus(t testing.TB, dir string) *bus {
	t.Helper()
	log := &logs{}
	server := startServer(t, ServerConfig{Dir: dir, Listen: "off", Log: log.logger()})
	conn := connect(t, ConnConfig{Server: server, Log: log.logger()})
	return &bus{server: server, conn: conn, pub: newPublisher(t, conn, PublisherConfig{Stream: newLimits()}), log: log}
}

func startServer(t testing.TB, cfg ServerConfig) *Server {
	t.Helper()
	server, err := StartServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

// connect returns a connection, which may be still trying.
func connect(t testing.TB, cfg ConnConfig) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	conn, err := Connect(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeConn(t, conn) })
	return conn
}

func closeConn(t testing.TB, conn *Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
}

func newPublisher(t testing.TB, conn *Conn, cfg PublisherConfig) *Publisher {
	t.Helper()
	pub, err := NewPublisher(conn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// eventually calls try until it returns nil.
func eventually(t testing.TB, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still fails: %v", err)
		}
		time.Sleep(5 * time.Millisecond) //nolint:forbidigo // a pause between tries; nothing is measured by it
	}
}

// freeAddress returns an address on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// newEvents returns n different events, each a record of its own.
func newEvents(n int) []ports.Announced { return eventsFrom(0, n) }

// eventsFrom returns the n events from the ith on.
func eventsFrom(i, n int) []ports.Announced {
	events := make([]ports.Announced, n)
	for k := range events {
		events[k] = newEvent(i + k)
	}
	return events
}

func newEvent(i int) ports.Announced {
	at := time.Date(2026, 3, 1, 12, 0, 0, i*1000, time.UTC)
	e := &domain.EmailEvent{
		Type: domain.Delivery, RecordType: "Delivery",
		MessageID: fmt.Sprintf("d7ef132b5d7711eea8c8%012x", i), Recipient: fmt.Sprintf("user%d@example.com", i),
		Sender: "news@example.org", OccurredAt: at, ReceivedAt: at.Add(time.Second),
		Response: domain.Response{
			Code: 250, Enhanced: domain.EnhancedCode{Class: 2}, Content: "OK queued as 4711", Command: ".",
		},
		Provider: "example", Tenant: "acme", Campaign: "spring", EgressSource: "ip-1",
		NodeID: "557f3ad4-2c8c-11ee-976e-782d7e12e173",
		Meta:   `{"tenant":"acme","campaign":"spring","x_email_log_id":"0195f2a0-0000-7000-8000-000000000000"}`,
		Raw:    fmt.Sprintf(`{"type":"Delivery","id":"%d"}`, i),
	}
	id := domain.Identity{RecordType: e.RecordType, MessageID: e.MessageID, EventTime: at}
	digest, _ := id.Digest(nil)
	e.ID = digest.EventID(e.Recipient)
	return ports.Announced{Event: e, Status: domain.Delivered, HasLog: true}
}

// publish publishes events and fails unless all are acknowledged.
func publish(t testing.TB, pub *Publisher, events []ports.Announced) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	acked, err := pub.Publish(ctx, events)
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range acked {
		if !ok {
			t.Fatalf("event %d of %d not acknowledged without an error", i, len(events))
		}
	}
}

// stored returns all messages of the stream, in order.
func stored(t testing.TB, pub *Publisher) []*jetstream.RawStreamMsg {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := pub.js.Stream(ctx, StreamName)
	if err != nil {
		t.Fatal(err)
	}
	state := stream.CachedInfo().State
	var msgs []*jetstream.RawStreamMsg
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		msg, err := stream.GetMsg(ctx, seq)
		if err != nil {
			t.Fatalf("message %d of %d: %v", seq, state.LastSeq, err)
		}
		msgs = append(msgs, msg)
	}
	return msgs
}

func msgID(m *jetstream.RawStreamMsg) string { return m.Header.Get(jetstream.MsgIDHeader) }
