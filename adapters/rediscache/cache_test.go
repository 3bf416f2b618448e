//go:build !embedded

package rediscache_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestMain(m *testing.M) {
	// go-redis dials on for up to a second after its pool was closed, where many
	// dials failed before.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

func TestCacheTouchesOnlyKeysOfItsPrefixAndAllExpire(t *testing.T) {
	ctx, server := context.Background(), servers.OwnRedis(t, "--requirepass", "sécret/@:")
	url := "redis://:s%C3%A9cret%2F%40%3A@" + server.Address() + "/3"
	client := raw(t, url)
	for _, foreign := range []string{"app-1", "lookup:app-1", "kumomta"} {
		if err := client.Set(ctx, foreign, "foreign", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	c := open(t, rediscache.Config{URL: url, Timeout: patient})
	keeps(t, c, "app-1")
	keeps(t, c, "app-2")
	if _, _, ok := c.Get(ctx, "a ticket"); ok {
		t.Error("got an answer to nothing")
	}
	c.Forget(ctx, []string{"app-1", "lookup:app-1", "kumomta", "*"})
	for _, key := range keysOf(t, client, "") {
		left, err := client.PTTL(ctx, key).Result()
		if err != nil {
			t.Fatal(err)
		}
		if isOurs := strings.HasPrefix(key, "kumotrail:"); isOurs != (left > 0) || left > 30*time.Second {
			t.Errorf("%s has %v left", key, left)
		}
	}
	if got := len(keysOf(t, client, "")); got != 3+2 {
		t.Errorf("%d keys, want three of others, an answer and a ticket", got)
	}
}

// keeps keeps an answer, which has to work.
func keeps(t *testing.T, c ports.LookupCache, id string) {
	t.Helper()
	_, ticket, _ := c.Get(context.Background(), id)
	c.Put(context.Background(), id, ticket, []domain.EmailLog{{Tenant: "old"}})
	if _, _, ok := c.Get(context.Background(), id); !ok {
		t.Fatalf("%s was not kept", id)
	}
}

func TestForgetOfAUnitIsOneCommand(t *testing.T) {
	server := servers.OwnRedis(t)
	client := raw(t, server.URL())
	c := open(t, rediscache.Config{URL: server.URL(), Timeout: patient})
	c.Forget(context.Background(), unitIDs(500))
	stats, err := client.Info(context.Background(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(stats, "cmdstat_unlink:calls=1,") {
		t.Errorf("not one UNLINK:\n%s", stats)
	}
}

// unitIDs are those that a commit of n events touches.
func unitIDs(n int) []string {
	ids := make([]string, 0, 3*n)
	for i := range n {
		message := fmt.Sprintf("%012x70008%015x", i, i)
		ids = append(ids, domain.NewLogKey(message, "a@example.com").String(), message, fmt.Sprintf("application-%d", i))
	}
	return ids
}

func TestCacheSpeaksTLS(t *testing.T) {
	server := servers.OwnRedis(t)
	// The certificate of a test server of HTTP does as well.
	web := httptest.NewUnstartedServer(nil)
	web.StartTLS()
	certificate := web.TLS.Certificates
	web.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certificate})
	if err != nil {
		t.Fatal(err)
	}
	between := serveProxy(t, l, server.Address())
	trusting := open(t, rediscache.Config{URL: "rediss://" + between.address() + "?skip_verify=true", Timeout: patient})
	keeps(t, trusting, "app-1")
	careful := open(t, rediscache.Config{URL: "rediss://" + between.address(), Timeout: patient})
	if err := careful.Ping(context.Background()); err == nil {
		t.Error("a certificate was trusted that nobody signed")
	}
}

func TestAnswersThatAreNotOursAreNotThere(t *testing.T) {
	ctx, prefix := context.Background(), "kumotrail:test:"+rand.Text()+":"
	client := raw(t, servers.Redis(t))
	c := open(t, rediscache.Config{URL: servers.Redis(t), Timeout: patient, Prefix: prefix})
	keeps(t, c, "app-1")
	key := keysOf(t, client, prefix)[0]
	for _, text := range []string{"=\n{", "=\n{}", "=\n[]", "=\n", "="} {
		if err := client.Set(ctx, key, text, time.Minute).Err(); err != nil {
			t.Fatal(err)
		}
		if logs, _, ok := c.Get(ctx, "app-1"); ok {
			t.Errorf("%q is an answer: %v", text, logs)
		}
	}
	// What is kept by another shape is forgotten like all.
	c.Forget(ctx, []string{"app-1"})
	keeps(t, c, "app-1")
}

func TestAnswerOfUnusualSizeIsNotKept(t *testing.T) {
	ctx, prefix := context.Background(), "kumotrail:test:"+rand.Text()+":"
	c := open(t, rediscache.Config{URL: servers.Redis(t), Timeout: patient, Prefix: prefix})
	_, ticket, _ := c.Get(ctx, "app-1")
	c.Put(ctx, "app-1", ticket, []domain.EmailLog{{Tenant: strings.Repeat("a", 1<<20)}})
	if _, _, ok := c.Get(ctx, "app-1"); ok {
		t.Error("a megabyte was kept")
	}
}

func TestClosedCacheDoesNothing(t *testing.T) {
	diary := slog.New(slog.DiscardHandler)
	c, err := rediscache.Open(rediscache.Config{URL: servers.Redis(t), Timeout: patient, Log: diary})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ticket, ok := c.Get(context.Background(), "app-1"); ok || ticket != "" {
		t.Errorf("Get gave %q, %t", ticket, ok)
	}
	c.Put(context.Background(), "app-1", "ticket", nil)
	c.Forget(context.Background(), []string{"app-1"})
	if err := c.Ping(context.Background()); err == nil {
		t.Error("a closed cache is well")
	}
}

func TestEveryFaultOfAConfigIsNamed(t *testing.T) {
	err := rediscache.Config{URL: "http://:hunter2@host", TTL: -1, Timeout: -1, RetryAfter: -1}.Validate()
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"not a URL as in redis://", "TTL", "timeout", "retry after", "log"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
	for _, url := range []string{"", "redis", "redis://:hunter2@%zz", "redis://:hunter2@host:hunter2/hunter2", "redis://host/hunter2"} {
		_, err := rediscache.Open(rediscache.Config{URL: url, Log: slog.New(slog.DiscardHandler)})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func BenchmarkForgetOfAUnit(b *testing.B) {
	c := open(b, rediscache.Config{URL: servers.Redis(b), Timeout: patient})
	ids := unitIDs(500)
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		c.Forget(context.Background(), ids)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

func BenchmarkGet(b *testing.B) {
	c := open(b, rediscache.Config{URL: servers.Redis(b), Timeout: patient})
	_, ticket, _ := c.Get(context.Background(), "bench")
	c.Put(context.Background(), "bench", ticket, make([]domain.EmailLog, 1))
	for b.Loop() {
		c.Get(context.Background(), "bench")
	}
}
