package servers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres returns the URL of a PostgreSQL for this test process: that of
// TEST_PG_URL, else one of its own with fsync on.
func Postgres(tb testing.TB) string {
	tb.Helper()
	if u := os.Getenv("TEST_PG_URL"); u != "" {
		return u
	}
	p, err := sharedPostgres()
	if err != nil {
		tb.Fatal(err)
	}
	return p.URL()
}

var sharedPostgres = sync.OnceValues(func() (*PostgresServer, error) { return StartPostgres() })

// Schema returns the name of a schema that nobody else uses on the server of
// Postgres. What is in it is dropped when the test ends.
func Schema(tb testing.TB) string {
	tb.Helper()
	server := Postgres(tb)
	name := "test_" + strings.ToLower(rand.Text())
	tb.Cleanup(func() {
		if err := dropSchema(server, name); err != nil {
			tb.Errorf("drop the test's schema: %v", err)
		}
	})
	return name
}

func dropSchema(server, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "DROP SCHEMA IF EXISTS "+pgx.Identifier{name}.Sanitize()+" CASCADE")
	return err
}

// PostgresServer is a PostgreSQL that its test may stop and start.
type PostgresServer struct {
	account  string // that it runs as, "" for ours
	bin      string // folder of its programs
	folder   string
	port     int
	password string
	settings []string
	running  *supervised
}

// OwnPostgres starts a server that no other test uses and that is gone when the
// test ends. settings are those of StartPostgres.
func OwnPostgres(tb testing.TB, settings ...string) *PostgresServer {
	tb.Helper()
	p, err := StartPostgres(settings...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Errorf("close PostgreSQL: %v", err)
		}
	})
	return p
}

// Close ends the server and removes its files.
func (p *PostgresServer) Close() error {
	if p.running != nil {
		_ = p.running.stop("QUIT")
		p.running = nil
	}
	return os.RemoveAll(p.folder)
}

// URL is where the server listens, or will when it is started again.
func (p *PostgresServer) URL() string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", p.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), Path: "postgres",
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Stop ends the server as a crash of its would: without a word to clients, and
// with recovery at the next start.
func (p *PostgresServer) Stop(tb testing.TB) {
	tb.Helper()
	if err := p.running.stop("QUIT"); err != nil {
		tb.Fatalf("stop PostgreSQL: %v", err)
	}
	p.running = nil
}

// Start starts a stopped server and waits until it answers.
func (p *PostgresServer) Start(tb testing.TB) {
	tb.Helper()
	if err := p.start(); err != nil {
		tb.Fatal(err)
	}
}

const installPostgres = "PostgreSQL is not installed: apt-get install postgresql (or set TEST_PG_URL)"

// StartPostgres starts a server that the caller closes, for programs other than
// tests. settings, as in "max_connections=5", replace its defaults.
func StartPostgres(settings ...string) (*PostgresServer, error) {
	bin, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	p := &PostgresServer{bin: bin, password: rand.Text(), settings: settings}
	if os.Geteuid() == 0 {
		p.account = "postgres" // it refuses to run as root
	}
	if p.folder, err = os.MkdirTemp("", "kumotrail-postgres-"); err != nil {
		return nil, err
	}
	if err := p.initialize(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(p.folder))
	}
	// Another process may take the free port before the server does.
	for range 3 {
		if p.port, err = freePort(); err != nil {
			break
		}
		if err = p.start(); err == nil {
			return p, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(p.folder))
}

// postgresPrograms returns the folder of initdb and postgres: of PATH, else the
// newest of Debian's.
func postgresPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New(installPostgres), err)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

func (p *PostgresServer) data() string { return filepath.Join(p.folder, "data") }
func (p *PostgresServer) log() string  { return filepath.Join(p.folder, "log") }

func (p *PostgresServer) initialize() error {
	secret := filepath.Join(p.folder, "password")
	if err := os.WriteFile(secret, []byte(p.password), 0o600); err != nil {
		return err
	}
	if p.account != "" {
		for _, path := range []string{p.folder, secret} {
			if err := giveTo(p.account, path); err != nil {
				return err
			}
		}
	}
	initdb := as(p.account, p.folder, filepath.Join(p.bin, "initdb"), "--pgdata", p.data(), "--no-sync",
		"--username=postgres", "--auth=password", "--pwfile="+secret, "--encoding=UTF8", "--locale=C")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

func (p *PostgresServer) start() error {
	args := []string{"-D", p.data(), "-p", strconv.Itoa(p.port)}
	for _, s := range append([]string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200",
	}, p.settings...) {
		args = append(args, "-c", s)
	}
	running, err := supervise(p.account, p.folder, p.log(), filepath.Join(p.bin, "postgres"), args...)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if err := p.awaitAnswer(); err != nil {
		_ = running.stop("QUIT")
		log, _ := os.ReadFile(p.log())
		return fmt.Errorf("start PostgreSQL: %w\n%s", err, log)
	}
	p.running = running
	return nil
}

// awaitAnswer gives a busy machine its time.
func (p *PostgresServer) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, p.URL())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
