package bootstrap

import (
	"context"
	"log/slog"

	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// Cache is a LookupCache and how it does, or neither.
type Cache struct {
	ports.LookupCache              // nil for none
	Health            ports.Health // nil for one that cannot fail
}

// cache provides the Cache of a driver, and the use case that reads through it.
func cache(driver CacheDriver) fx.Option {
	open := map[CacheDriver]any{NoCache: noCache, InProcess: inProcess, Redis: openRedis}[driver]
	return fx.Module("cache", fx.Provide(open, newLookup))
}

func noCache() Cache { return Cache{} }

func inProcess() Cache {
	return Cache{LookupCache: memory.NewLookups(memory.LookupsConfig{})}
}

func openRedis(life fx.Lifecycle, s Settings, log *slog.Logger) (Cache, error) {
	c, err := rediscache.Open(s.redis(log))
	if err != nil {
		return Cache{}, err
	}
	life.Append(fx.StopHook(c.Close))
	return Cache{c, c}, nil
}

// openSharedCache opens the cache that a command and serve have in common, if
// there is one, so that serve does not answer with what was there before.
func openSharedCache(ctx context.Context, s Settings) (Cache, func() error, error) {
	if s.Drivers().Cache != Redis {
		return Cache{}, func() error { return nil }, nil
	}
	c, err := rediscache.Open(s.redis(slog.Default()))
	if err != nil {
		return Cache{}, nil, err
	}
	// A command has the time to connect first. Without Redis it goes on: what is
	// kept there does not live long.
	_ = c.Ping(ctx)
	return Cache{c, c}, c.Close, nil
}

func newLookup(store Store, c Cache) *application.Lookup {
	return application.NewLookup(store, c.LookupCache)
}

// forgetting makes the cache forget what journal commits.
func (c Cache) forgetting(journal ports.Journal) ports.Journal {
	if c.LookupCache == nil {
		return journal
	}
	return application.NewForgetful(journal, c.LookupCache)
}

// probes has one of the cache if it can fail. Nothing needs a cache.
func (c Cache) probes() []httpapi.Probe {
	if c.Health == nil {
		return nil
	}
	return []httpapi.Probe{{Name: "cache", Health: c.Health}}
}
