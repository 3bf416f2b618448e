package rediscache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Config says where Redis is and how it is used. URL and Log are needed.
type Config struct {
	// URL as in redis://user:password@host:6379/0, rediss:// for TLS. Redis 6 or
	// newer, one server or a proxy in front of several.
	URL string
	// Log is told of an outage once, and of its end.
	Log *slog.Logger
	// TTL is the time limit of what is kept, 0 for 30 s. All instances have the
	// same.
	TTL time.Duration
	// Timeout is how long a call may take, 0 for 20 ms.
	Timeout time.Duration
	// RetryAfter is how long Redis is left alone after it did not answer, 0 for
	// 1 s.
	RetryAfter time.Duration
	// Prefix of all keys, "" for "kumotrail:". Installations that share a
	// database of a server need one each.
	Prefix string
}

// Validate names every fault.
func (c Config) Validate() error {
	var faults []error
	if _, err := c.options(); err != nil {
		faults = append(faults, err)
	}
	for _, limit := range []struct {
		name string
		d    time.Duration
	}{{"TTL", c.TTL}, {"timeout", c.Timeout}, {"retry after", c.RetryAfter}} {
		if limit.d < 0 {
			faults = append(faults, fmt.Errorf("%s: %v is less than 0", limit.name, limit.d))
		}
	}
	if c.Log == nil {
		faults = append(faults, errors.New("log is missing"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	if c.TTL == 0 {
		c.TTL = 30 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Millisecond
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = time.Second
	}
	if c.Prefix == "" {
		c.Prefix = "kumotrail:"
	}
	return c
}

// connectWithin is how long a connection may take, which nobody waits for.
const connectWithin = time.Second

// options are those of the URL, with one try for everything and none of what a
// cache has no use for.
func (c Config) options() (*redis.Options, error) {
	o, err := redis.ParseURL(c.URL)
	if err != nil {
		// Without the reason, whose text may have the password in it.
		return nil, errors.New("not a URL as in redis://:password@host:6379/0 or, for TLS, rediss://; " +
			"special characters in a password as %XX")
	}
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.DialTimeout = connectWithin
	o.ReadTimeout, o.WriteTimeout = connectWithin, connectWithin // at most: every call has less
	o.ContextTimeoutEnabled = true
	o.PipelinePoolSize = -1
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// silence keeps go-redis from writing to standard error; what it would say is in
// the errors it returns.
type silence struct{}

func (silence) Printf(context.Context, string, ...any) {}

// beSilent once: go-redis has one logger for the whole process.
var beSilent = sync.OnceFunc(func() { redis.SetLogger(silence{}) })
