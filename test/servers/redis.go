package servers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis returns the URL of a Redis for this test process: that of
// TEST_REDIS_URL, else one of its own that keeps nothing on disk. Tests share
// it: each uses a prefix of its own.
func Redis(tb testing.TB) string {
	tb.Helper()
	if u := os.Getenv("TEST_REDIS_URL"); u != "" {
		return u
	}
	r, err := sharedRedis()
	if err != nil {
		tb.Fatal(err)
	}
	return r.URL()
}

var sharedRedis = sync.OnceValues(func() (*RedisServer, error) { return startRedis() })

// RedisServer is a Redis that its test may stop, start and freeze.
type RedisServer struct {
	program  string
	folder   string
	port     int
	settings []string
	running  *supervised
}

func (r *RedisServer) pidFile() string { return filepath.Join(r.folder, "pid") }

// OwnRedis starts a server that no other test uses and that is gone when the
// test ends. settings are arguments as in "--requirepass", "secret".
func OwnRedis(tb testing.TB, settings ...string) *RedisServer {
	tb.Helper()
	r, err := startRedis(settings...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if r.running != nil {
			_ = r.running.stop("KILL")
		}
		if err := os.RemoveAll(r.folder); err != nil {
			tb.Errorf("remove the server's files: %v", err)
		}
	})
	return r
}

// Address is where the server listens, or will when it is started again.
func (r *RedisServer) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL is that of Address, without a password.
func (r *RedisServer) URL() string { return "redis://" + r.Address() + "/0" }

// Stop ends the server as a crash would: what it kept is gone.
func (r *RedisServer) Stop(tb testing.TB) {
	tb.Helper()
	if err := r.running.stop("KILL"); err != nil {
		tb.Fatalf("stop Redis: %v", err)
	}
	r.running = nil
}

// Start starts a stopped server and waits until it answers.
func (r *RedisServer) Start(tb testing.TB) {
	tb.Helper()
	if err := r.start(); err != nil {
		tb.Fatal(err)
	}
}

func startRedis(settings ...string) (*RedisServer, error) {
	program, err := redisProgram()
	if err != nil {
		return nil, err
	}
	r := &RedisServer{program: program, settings: settings}
	if r.folder, err = os.MkdirTemp("", "kumotrail-redis-"); err != nil {
		return nil, err
	}
	// Another process may take the free port before the server does.
	for range 3 {
		if r.port, err = freePort(); err != nil {
			break
		}
		if err = r.start(); err == nil {
			return r, nil
		}
	}
	return nil, errors.Join(err, os.RemoveAll(r.folder))
}

// redisProgram returns the path of redis-server.
func redisProgram() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return "", errors.New("Redis is not installed: apt-get install redis-server (or set TEST_REDIS_URL)")
	}
	return path, nil
}

func (r *RedisServer) start() error {
	log := filepath.Join(r.folder, "log")
	running, err := supervise("", r.folder, log, r.program, append([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(r.port), "--save", "", "--appendonly", "no",
		"--dir", r.folder, "--pidfile", r.pidFile(),
	}, r.settings...)...)
	if err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	if err := r.awaitAnswer(); err != nil {
		_ = running.stop("KILL")
		text, _ := os.ReadFile(log)
		return fmt.Errorf("start Redis: %w\n%s", err, text)
	}
	r.running = running
	return nil
}

// awaitAnswer gives a busy machine its time.
func (r *RedisServer) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := redis.NewClient(&redis.Options{Addr: r.Address()})
	defer func() { _ = client.Close() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.Ping(ctx).Err()
		if _, answered := errors.AsType[redis.Error](err); err == nil || answered { // that it wants a password
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}
