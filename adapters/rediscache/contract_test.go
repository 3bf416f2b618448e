//go:build !embedded

package rediscache_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// patient is the timeout of tests that are not about time: a busy machine has
// what it needs.
const patient = 10 * time.Second

func TestCacheKeepsContract(t *testing.T) {
	contract.TestLookupCache(t, func(t *testing.T) contract.LookupCacheHarness {
		prefix := "kumotrail:test:" + rand.Text() + ":"
		url := servers.Redis(t)
		c := open(t, rediscache.Config{URL: url, TTL: time.Minute, Timeout: patient, Prefix: prefix})
		return aged{c, raw(t, url), prefix}
	}, func(t *testing.T, tell func(*testing.T)) { tell(t) })
}

// open opens a cache that is closed when the test ends.
func open(t testing.TB, config rediscache.Config) *rediscache.Cache {
	t.Helper()
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	c, err := rediscache.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// raw returns a client to look behind the cache with.
func raw(t testing.TB, url string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// keysOf returns all keys of a prefix.
func keysOf(t testing.TB, client *redis.Client, prefix string) []string {
	t.Helper()
	var keys []string
	all := client.Scan(context.Background(), 0, prefix+"*", 1000).Iterator()
	for all.Next(context.Background()) {
		keys = append(keys, all.Val())
	}
	if err := all.Err(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// aged makes time pass by taking it from what is left to every key.
type aged struct {
	*rediscache.Cache
	client *redis.Client
	prefix string
}

func (aged) TTL() time.Duration { return time.Minute }

func (a aged) Age(t *testing.T, by time.Duration) {
	t.Helper()
	ctx := context.Background()
	for _, key := range keysOf(t, a.client, a.prefix) {
		left, err := a.client.PTTL(ctx, key).Result()
		if err == nil {
			err = a.client.PExpire(ctx, key, left-by).Err() // a past time removes it
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
