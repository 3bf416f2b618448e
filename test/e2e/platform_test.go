//go:build !embedded

package e2e

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
	"github.com/kumotrail/kumotrail/test/servers"
)

// platforms are what a service may stand on: its own folder, or the servers of
// a platform. Each gives the settings of one that nobody else uses.
var platforms = map[string]func(*testing.T) []string{
	"embedded": func(*testing.T) []string { return nil },
	"servers":  onServers,
}

// onEveryPlatform tells a story on each, of a service that is not started.
func onEveryPlatform(t *testing.T, story func(t *testing.T, s *Service)) {
	for name, settings := range platforms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, newService(t, settings(t)...))
		})
	}
}

func onServers(t *testing.T) []string { return append(onStoreAndCache(t), startBus(t).Setting()) }

// onStoreAndCache leaves the bus to the test.
func onStoreAndCache(t *testing.T) []string { return append(onPostgres(t), onRedis(t)) }

func onPostgres(t *testing.T) []string {
	return []string{"PG_URL=" + servers.Postgres(t), "PG_SCHEMA=" + servers.Schema(t)}
}

func onRedis(t *testing.T) string { return "REDIS_URL=" + servers.Redis(t) }

// bus is a NATS server outside of the service, that its test may stop.
type bus struct {
	t      *testing.T
	config natsbus.ServerConfig
	server *natsbus.Server // nil while it is stopped
}

// newBus makes one that is not started.
func newBus(t *testing.T) *bus {
	b := &bus{t: t, config: natsbus.ServerConfig{
		Dir: t.TempDir(), Listen: fmt.Sprintf("127.0.0.1:%d", freePort(t)), Token: rand.Text(),
		Log: slog.New(slog.DiscardHandler),
	}}
	t.Cleanup(b.Stop)
	return b
}

func startBus(t *testing.T) *bus {
	t.Helper()
	b := newBus(t)
	b.Start()
	return b
}

// Setting leads a service to the bus, started or not.
func (b *bus) Setting() string {
	return fmt.Sprintf("NATS_URL=nats://%s@%s", b.config.Token, b.config.Listen)
}

// Start starts the server, with the streams it had before.
func (b *bus) Start() {
	b.t.Helper()
	server, err := natsbus.StartServer(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.server = server
	if server.Address() == "" {
		b.t.Fatalf("NATS does not listen on %s", b.config.Listen)
	}
}

// Stop does nothing to a server that is not running.
func (b *bus) Stop() {
	if b.server != nil {
		b.server.Close()
		b.server = nil
	}
}

// countRows counts the rows of one of the service's tables in PostgreSQL.
func (s *Service) countRows(table string) int {
	s.t.Helper()
	ctx := s.t.Context()
	conn, err := pgx.Connect(ctx, s.env["PG_URL"])
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var n int
	name := pgx.Identifier{s.env["PG_SCHEMA"], table}.Sanitize()
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// checkReady holds the answer of /readyz against the code, the status and the
// parts that are away.
func checkReady(t *testing.T, s *Service, code int, status string, away ...string) {
	t.Helper()
	want := map[string]any{"store": "ok", "bus": "ok", "cache": "ok"}
	for _, part := range away {
		want[part] = "unavailable"
	}
	got, body := s.Get("/readyz")
	o := parseObject(t, body)
	parts := child(o, "parts")
	same := len(parts) == len(want)
	for name, state := range want {
		same = same && parts[name] == state
	}
	if got != code || o.text("status") != status || !same {
		t.Errorf("readyz: %d %s, want %d, %s and %v", got, body, code, status, want)
	}
}

// awaitStatus waits until /readyz says so of the whole.
func (s *Service) awaitStatus(status string) {
	s.t.Helper()
	eventually(s.t, "the service is "+status, func() bool {
		_, body := s.Get("/readyz")
		return parseObject(s.t, body).text("status") == status
	})
}
