//go:build !embedded

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/test/records"
	"github.com/kumotrail/kumotrail/test/servers"
)

// startOn starts a service on a PostgreSQL of its own.
func startOn(t *testing.T, server *servers.PostgresServer) *Service {
	t.Helper()
	return startService(t, "PG_URL="+server.URL(), onRedis(t), startBus(t).Setting())
}

func administer(t *testing.T, server *servers.PostgresServer) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func tell(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// endConnections ends those of the service and says how many there were.
func endConnections(t *testing.T, admin *pgx.Conn) (n int) {
	t.Helper()
	err := admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE application_name = 'kumotrail'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// checkTakesAll posts the sample, which must be all new, and checks the rest.
func checkTakesAll(t *testing.T, s *Service) {
	t.Helper()
	text := sample(t, "modern.jsonl")
	if got := s.mustTake(text).counts(); got != (counts{Received: 32, Stored: 32}) {
		t.Errorf("counts %+v, want all new", got)
	}
	checkWholly(t, s, parseRecords(t, lines(text)))
}

// As when a balancer leads all clients to another server.
func TestConnectionsThatEndLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	server := servers.OwnPostgres(t)
	s, admin := startOn(t, server), administer(t, server)
	made := records.NewMaker(51, acceptance, time.Second).Lines(3000)
	bodies := bodiesOf(made, 20)
	var clients senders
	for n := range uint64(3) {
		clients.send(s, n, bodies)
	}
	for answers := int64(10); answers < 400; answers += 30 {
		eventually(t, "clients are answered", func() bool { return clients.answered.Load() >= answers })
		eventually(t, "connections were ended", func() bool { return endConnections(t, admin) > 0 })
	}
	clients.Wait()
	checkWholly(t, s, parseRecords(t, made))
	if left := s.Quarantine(); len(left) > 0 {
		t.Errorf("good records in quarantine: %v", left)
	}
}

// As when the server goes on as a standby. What is stored can be read there.
func TestAServerThatTakesNoWritesIs503AndLaterTakesAll(t *testing.T) {
	t.Parallel()
	server := servers.OwnPostgres(t)
	s, admin := startOn(t, server), administer(t, server)
	tell(t, admin, "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	s.awaitStatus("unavailable")
	r := s.Post(sample(t, "modern.jsonl"))
	checkProblem(t, r, http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if n := len(s.Export()); n != 0 {
		t.Errorf("%d logs are there of what was refused", n)
	}
	tell(t, admin, "SET default_transaction_read_only = off",
		"ALTER SYSTEM SET default_transaction_read_only = off", "SELECT pg_reload_conf()")
	s.awaitReady()
	checkTakesAll(t, s)
}

func TestAServerWithoutRoomIs503AndLaterTakesAll(t *testing.T) {
	t.Parallel()
	server := servers.OwnPostgres(t, "max_connections=12", "superuser_reserved_connections=0", "max_wal_senders=0")
	s, admin := startOn(t, server), administer(t, server)
	var taken []*pgx.Conn
	eventually(t, "no room is left", func() bool {
		for {
			conn, err := pgx.Connect(t.Context(), server.URL())
			if err != nil {
				break
			}
			taken = append(taken, conn)
		}
		return endConnections(t, admin) == 0
	})
	checkRefused(t, s, sample(t, "modern.jsonl"))
	for _, conn := range taken {
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.awaitReady()
	checkTakesAll(t, s)
}
