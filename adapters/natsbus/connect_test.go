package natsbus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// external starts a server that plays one elsewhere.
func external(t *testing.T, dir, address string) *Server {
	t.Helper()
	log := &logs{}
	server := startServer(t, ServerConfig{Dir: dir, Listen: address, Token: "secret", Log: log.logger()})
	if server.Address() == "" {
		t.Fatalf("does not listen on %s:\n%s", address, log)
	}
	return server
}

func TestPublishToExternalServer(t *testing.T) {
	server := external(t, t.TempDir(), freeAddress(t))
	log := &logs{}
	// Of several the first is away.
	url := fmt.Sprintf("nats://secret@%s,nats://secret@%s", freeAddress(t), server.Address())
	conn := connect(t, ConnConfig{URL: url, Log: log.logger()})
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	eventually(t, func() error { return pub.Ping(t.Context()) })
	publish(t, pub, newEvents(10))
	if got := len(stored(t, pub)); got != 10 {
		t.Errorf("%d messages stored, want 10", got)
	}
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the token is in the log:\n%s", log)
	}
}

func TestServerAwayAtStartIsConnectedToWhenItComes(t *testing.T) {
	address := freeAddress(t)
	log := &logs{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the start does not wait at all
	conn, err := Connect(ctx, ConnConfig{URL: "nats://secret@" + address, Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer closeConn(t, conn)
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	mustBeUnavailable(t, pub)

	external(t, t.TempDir(), address)
	eventually(t, func() error { return pub.Ping(t.Context()) })
	publish(t, pub, newEvents(5))
	if got := len(stored(t, pub)); got != 5 {
		t.Errorf("%d messages stored, want 5", got)
	}
}

func TestPublishFailsWhileServerIsAwayAndSucceedsAfter(t *testing.T) {
	address, dir, log := freeAddress(t), t.TempDir(), &logs{}
	server := external(t, dir, address)
	conn := connect(t, ConnConfig{URL: "nats://secret@" + address, Log: log.logger()})
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	eventually(t, func() error { return pub.Ping(t.Context()) })
	events := newEvents(20)
	publish(t, pub, events[:10])

	server.Close()
	mustBeUnavailable(t, pub)

	external(t, dir, address)
	eventually(t, func() error { return pub.Ping(t.Context()) })
	publish(t, pub, events)
	if got := len(stored(t, pub)); got != len(events) {
		t.Errorf("%d messages stored, want %d", got, len(events))
	}
	for _, what := range []string{"connected to NATS", "connection to NATS lost", "connected to NATS again"} {
		if log.count(what) == 0 {
			t.Errorf("not logged: %s\n%s", what, log)
		}
	}
	if n := log.count("level=WARN"); n != 1 {
		t.Errorf("%d warnings for one outage, want 1:\n%s", n, log)
	}
}

func TestServerThatGoesWhileAcksArePendingLeavesThemUnacknowledged(t *testing.T) {
	address, dir, log := freeAddress(t), t.TempDir(), &logs{}
	server := external(t, dir, address)
	conn := connect(t, ConnConfig{URL: "nats://secret@" + address, Log: log.logger()})
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	eventually(t, func() error { return pub.Ping(t.Context()) })

	events := newEvents(200_000)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		eventually(t, func() error {
			if pub.acks.waiting() == 0 {
				return errors.New("nothing pending yet")
			}
			return nil
		})
		server.Close()
	}()
	acked, err := pub.Publish(t.Context(), events)
	<-gone
	if !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("error %v", err)
	}

	again := external(t, dir, address)
	eventually(t, func() error { return pub.Ping(t.Context()) })
	kept := map[string]bool{}
	for _, m := range stored(t, pub) {
		kept[msgID(m)] = true
	}
	for i, ok := range acked {
		if id := events[i].Event.ID.String(); ok && !kept[id] {
			t.Errorf("event %d was acknowledged and is not stored", i)
		}
	}
	again.Close()
}

// mustBeUnavailable waits until the loss of the server is known and then wants
// nothing to be acknowledged.
func mustBeUnavailable(t *testing.T, pub *Publisher) {
	t.Helper()
	eventually(t, func() error {
		if err := pub.Ping(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
			return fmt.Errorf("ping: %w", err)
		}
		return nil
	})
	acked, err := pub.Publish(t.Context(), newEvents(2))
	if acked[0] || acked[1] || !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("with the server away: acknowledged %v, error %v", acked, err)
	}
}

func TestConnectDoesNotWaitForServerThatDoesNotAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log := &logs{}
	d := newBackgroundDialer("nats://a,nats://b")
	for range 2 {
		if _, err := d.Dial("tcp", l.Addr().String()); !errors.Is(err, errInBackground) {
			t.Errorf("dialed in the foreground: %v", err)
		}
	}
	nc, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
	conn, err := Connect(ctx, ConnConfig{URL: "nats://" + l.Addr().String(), Log: log.logger()})
	if err != nil {
		t.Fatal(err)
	}
	mustBeUnavailable(t, newPublisher(t, conn, PublisherConfig{Stream: newLimits()}))
	closeConn(t, conn)
}

func TestConnectNamesFaultsOfItsSettings(t *testing.T) {
	log := (&logs{}).logger()
	for name, cfg := range map[string]ConnConfig{
		"no logger":         {URL: "nats://127.0.0.1:4222"},
		"malformed URL":     {URL: "nats://127.0.0.1:port", Log: log},
		"absent CA":         {URL: "tls://127.0.0.1:4222", CAFile: filepath.Join(t.TempDir(), "absent"), Log: log},
		"CA that is none":   {URL: "tls://127.0.0.1:4222", CAFile: os.Args[0], Log: log},
		"absent creds":      {URL: "nats://127.0.0.1:4222", CredsFile: filepath.Join(t.TempDir(), "absent"), Log: log},
		"no URL, no server": {Log: log},
		"one URL of two":    {URL: "nats://127.0.0.1:4222,nats://user:hidden@127.0.0.1:port", Log: log},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			conn, err := Connect(ctx, cfg)
			if err == nil {
				closeConn(t, conn)
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the password is in the error: %v", err)
			}
		})
	}
}

func TestCloseOfConnectionSendsWhatIsOnItsWay(t *testing.T) {
	b := startBus(t, t.TempDir())
	conn := connect(t, ConnConfig{Server: b.server, Log: b.log.logger()})
	sub := listen(t, b, "probe")
	if err := b.conn.nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if err := conn.nc.Publish("probe", []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	closeConn(t, conn)
	closeConn(t, conn) // twice is harmless
	if got := len(received(t, b, sub)); got != 1000 {
		t.Errorf("%d messages came, want 1000", got)
	}
}
