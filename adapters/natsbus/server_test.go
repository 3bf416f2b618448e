package natsbus

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"
)

func TestServerLeavesNothingRunningWhenClosed(t *testing.T) {
	before := goleak.IgnoreCurrent()
	log := &logs{}
	for range 3 {
		server, err := StartServer(ServerConfig{Dir: t.TempDir(), Listen: freeAddress(t), Log: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := Connect(t.Context(), ConnConfig{Server: server, Log: log.logger()})
		if err != nil {
			t.Fatal(err)
		}
		publish(t, newPublisher(t, conn, PublisherConfig{Stream: newLimits()}), newEvents(10))
		closeConn(t, conn)
		server.Close()
		server.Close() // twice is harmless
	}
	goleak.VerifyNone(t, before)
	if strings.Contains(log.String(), "level=WARN") || strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("a healthy life is logged as\n%s", log)
	}
}

func TestServerKeepsStreamAcrossRestart(t *testing.T) {
	dir := t.TempDir()
	for life := range 3 {
		t.Run(fmt.Sprint("life ", life), func(t *testing.T) {
			b := startBus(t, dir)
			publish(t, b.pub, newEvents(2*life+1))
			if got, want := len(stored(t, b.pub)), 2*life+1; got != want {
				t.Errorf("%d messages stored, want %d", got, want)
			}
		})
	}
}

func TestServerOnTakenPortServesThisProcess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	log := &logs{}
	server := startServer(t, ServerConfig{Dir: t.TempDir(), Listen: l.Addr().String(), Log: log.logger()})
	if a := server.Address(); a != "" {
		t.Errorf("listens on %s", a)
	}
	if log.count("level=WARN") != 1 || log.count("serves this process only") != 1 {
		t.Errorf("want one warning, logged:\n%s", log)
	}
	conn := connect(t, ConnConfig{Server: server, Log: log.logger()})
	publish(t, newPublisher(t, conn, PublisherConfig{Stream: newLimits()}), newEvents(3))
}

func TestServerThatCannotKeepFilesFailsToStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nats"), []byte("a file in the way"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &logs{}
	server, err := StartServer(ServerConfig{Dir: dir, Listen: freeAddress(t), Log: log.logger()})
	if err == nil {
		server.Close()
		t.Fatal("started")
	}
	if !strings.Contains(err.Error(), "JetStream") {
		t.Errorf("error %v does not name JetStream", err)
	}
}

func TestServerAsksNetworkClientsForItsToken(t *testing.T) {
	log := &logs{}
	server := startServer(t, ServerConfig{Dir: t.TempDir(), Listen: freeAddress(t), Token: "given", Log: log.logger()})
	url := "nats://" + server.Address()
	for _, wrong := range []string{"", "guess"} {
		if nc, err := nats.Connect(url, nats.Token(wrong)); err == nil {
			nc.Close()
			t.Errorf("let in with token %q", wrong)
		}
	}
	conn := connect(t, ConnConfig{URL: "nats://given@" + server.Address(), Log: log.logger()})
	eventually(t, func() error {
		return newPublisher(t, conn, PublisherConfig{Stream: newLimits()}).Ping(t.Context())
	})
	if strings.Contains(log.String(), "given@") {
		t.Errorf("the token is in the log:\n%s", log)
	}
}

func TestServerWithoutTokenServesThisProcessOnly(t *testing.T) {
	log := &logs{}
	server := startServer(t, ServerConfig{Dir: t.TempDir(), Listen: freeAddress(t), Log: log.logger()})
	if nc, err := nats.Connect("nats://"+server.Address(), nats.Token("")); err == nil {
		nc.Close()
		t.Error("let in without a token")
	}
	conn := connect(t, ConnConfig{Server: server, Log: log.logger()})
	if err := newPublisher(t, conn, PublisherConfig{Stream: newLimits()}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServerFilesAreForTheirOwnerOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // has no such modes
	}
	dir := filepath.Join(t.TempDir(), "data")
	b := startBus(t, dir)
	publish(t, b.pub, newEvents(1))
	for path, want := range map[string]fs.FileMode{"": 0o700, "nats": 0o700} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %v, want %v", path, got, want)
		}
	}
}

func TestServerConfigNamesEveryFault(t *testing.T) {
	err := (&ServerConfig{Listen: "4222"}).Validate()
	for _, part := range []string{"data folder", "logger", "host:port"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not say %q", err, part)
		}
	}
	for _, listen := range []string{"127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:nats"} {
		if _, _, err := (&ServerConfig{Listen: listen}).listenAddress(); err == nil {
			t.Errorf("listen address %q accepted", listen)
		}
	}
}
