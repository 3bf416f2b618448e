//go:build unix && !embedded

package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/kumotrail/kumotrail/test/servers"
)

// redisAnswers asks once, for at most that long.
func redisAnswers(t *testing.T, url string, within time.Duration) error {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	client := redis.NewClient(options)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return client.Ping(ctx).Err()
}

func TestRedisIsSharedUnlessItIsOnesOwn(t *testing.T) {
	shared := servers.Redis(t)
	if again := servers.Redis(t); again != shared {
		t.Error("two shared servers")
	}
	own := servers.OwnRedis(t)
	if own.URL() == shared {
		t.Error("a server of one's own is the shared one")
	}
	for _, url := range []string{servers.Redis(t), own.URL()} {
		if err := redisAnswers(t, url, 10*time.Second); err != nil {
			t.Error(err)
		}
	}
}

func TestRedisStopsFreezesAndForgets(t *testing.T) {
	ctx, own := context.Background(), servers.OwnRedis(t)
	client := redis.NewClient(&redis.Options{Addr: own.Address()})
	defer func() { _ = client.Close() }()
	if err := client.Set(ctx, "kept", "in memory", 0).Err(); err != nil {
		t.Fatal(err)
	}
	own.Freeze(t)
	if err := redisAnswers(t, own.URL(), 100*time.Millisecond); err == nil {
		t.Error("a frozen server answers")
	}
	own.Thaw(t)
	if err := redisAnswers(t, own.URL(), 10*time.Second); err != nil {
		t.Errorf("a thawed server does not answer: %v", err)
	}
	own.Stop(t)
	if err := redisAnswers(t, own.URL(), 10*time.Second); err == nil {
		t.Error("a stopped server answers")
	}
	own.Start(t)
	if n, err := client.Exists(ctx, "kept").Result(); err != nil || n != 0 {
		t.Errorf("%d keys left, %v: it was to keep nothing on disk", n, err)
	}
}

func TestRedisEndsWithKilledProcessAlsoWhenFrozen(t *testing.T) {
	if os.Getenv(childServer) != "" {
		own := servers.OwnRedis(t)
		own.Freeze(t)
		fmt.Println(own.URL())
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childServer+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child printed no URL")
	}
	options, err := redis.ParseURL(lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	// A frozen server still takes connections: only its end refuses them.
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		conn, err := net.Dial("tcp", options.Addr)
		if err != nil {
			return
		}
		_ = conn.Close()
		<-tick.C
	}
	t.Error("server goes on without its process")
}
