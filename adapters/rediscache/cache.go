package rediscache

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Cache keeps lookups in Redis. It is safe for concurrent use.
//
// Of an outage it promises this. A Forget that did not reach Redis is made good
// before this instance uses Redis again: it first makes everything worthless
// that was kept until then, for all instances, so whoever looks up here sees
// what was committed here. Another instance that does reach Redis meanwhile may
// give an answer that the lost Forget should have dropped, until its time runs
// out: no instance can tell another what it cannot tell Redis, and commits do
// not wait for a cache.
type Cache struct {
	config Config
	client *redis.Client
	guard  *guard
}

var (
	_ ports.LookupCache = (*Cache)(nil)
	_ ports.Health      = (*Cache)(nil)
)

// Open returns a cache on the Redis of the URL, which need not be there, and
// begins to connect. The caller closes it.
func Open(config Config) (*Cache, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("redis cache: %w", err)
	}
	beSilent()
	options, err := config.options()
	if err != nil {
		return nil, fmt.Errorf("redis cache: %w", err)
	}
	c := &Cache{config: config.withDefaults(), client: redis.NewClient(options)}
	c.guard = newGuard(c.config, func(ctx context.Context) error { return c.client.Ping(ctx).Err() }, c.distrust)
	c.guard.probe()
	return c, nil
}

// Close lets go of Redis. Afterwards nothing is kept or found.
func (c *Cache) Close() error {
	c.guard.close()
	return c.client.Close()
}

// Ping implements ports.Health: it asks Redis itself, within the time that a
// connection may take.
func (c *Cache) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	if err := c.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("ping redis: %w: %w", ports.ErrUnavailable, err)
	}
	return nil
}

// Get implements ports.LookupCache.
func (c *Cache) Get(ctx context.Context, id string) (logs []domain.EmailLog, ticket ports.Ticket, ok bool) {
	var kept string
	err := c.guard.do(ctx, func(ctx context.Context) (err error) {
		kept, err = getScript.Run(ctx, c.client, c.keys(id), rand.Text(), c.config.TTL.Milliseconds()).Text()
		return err
	})
	if err != nil || kept == "" {
		return nil, "", false
	}
	if kept[0] == ticketMark {
		return nil, ports.Ticket(kept), false
	}
	_, text, _ := strings.Cut(kept, "\n")
	logs, ok = decode(id, text)
	return logs, "", ok
}

// maxAnswer is the size of an answer that is not worth its room.
const maxAnswer = 128 << 10

// Put implements ports.LookupCache.
func (c *Cache) Put(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
	if ticket == "" {
		return
	}
	text, err := encode(id, logs)
	if err != nil || len(text) > maxAnswer {
		return
	}
	// What was not kept is read again.
	_ = c.guard.do(ctx, func(ctx context.Context) error {
		return putScript.Run(ctx, c.client, c.keys(id), string(ticket), text).Err()
	})
}

// unlinkAtOnce is how many keys one command takes: Redis does nothing else
// until it is done.
const unlinkAtOnce = 2000

// Forget implements ports.LookupCache, in one round trip.
func (c *Cache) Forget(ctx context.Context, ids []string) {
	if len(ids) == 0 {
		return
	}
	err := c.guard.do(context.WithoutCancel(ctx), func(ctx context.Context) error {
		names := make([]string, len(ids)) // not before: in an outage it would be for nothing
		for i, id := range ids {
			names[i] = c.name(id)
		}
		pipe := c.client.Pipeline()
		for some := range slices.Chunk(names, unlinkAtOnce) {
			pipe.Unlink(ctx, some...)
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil {
		c.guard.lost()
	}
}

// distrust makes all that is kept worthless, for every instance.
func (c *Cache) distrust(ctx context.Context) error {
	// For twice as long as anything lives that was kept before.
	return c.client.Set(ctx, c.generation(), rand.Text(), 2*c.config.TTL).Err()
}

func (c *Cache) generation() string { return c.config.Prefix + "lookup-generation" }

// keys are those of the scripts.
func (c *Cache) keys(id string) []string { return []string{c.name(id), c.generation()} }
