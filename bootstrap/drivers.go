package bootstrap

import (
	"log/slog"
	"path/filepath"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/adapters/sqlstore"
)

// Drivers say which adapter stands behind each port.
type Drivers struct {
	Store StoreDriver
	Bus   BusDriver
	Cache CacheDriver
}

// StoreDriver is where events are kept.
type StoreDriver string

// The stores.
const (
	SQLite     StoreDriver = "sqlite"
	PostgreSQL StoreDriver = "postgresql"
)

// BusDriver is where events are announced.
type BusDriver string

// The buses.
const (
	EmbeddedNATS BusDriver = "embedded"
	ExternalNATS BusDriver = "external"
)

// CacheDriver is where lookups are kept for a short time.
type CacheDriver string

// The caches.
const (
	// NoCache is for several instances without a cache in common: each with one
	// of its own would not see what the others commit.
	NoCache   CacheDriver = "none"
	InProcess CacheDriver = "in-process"
	Redis     CacheDriver = "redis"
)

// Drivers are chosen by what the settings have a URL for.
func (s *Settings) Drivers() Drivers {
	d := Drivers{Store: SQLite, Bus: EmbeddedNATS, Cache: InProcess}
	if s.PostgresURL != "" {
		d.Store = PostgreSQL
	}
	switch {
	case s.RedisURL != "":
		d.Cache = Redis
	case s.PostgresURL != "":
		d.Cache = NoCache
	}
	if s.NATSURL != "" {
		d.Bus = ExternalNATS
	}
	return d
}

// writers is how many units the store commits at once. SQLite has one writer.
func (s *Settings) writers() int {
	if s.PostgresURL == "" {
		return 1
	}
	return 2
}

func (s *Settings) postgres() sqlstore.PostgresConfig {
	return sqlstore.PostgresConfig{Schema: s.PostgresSchema, Writers: s.writers()}
}

// StorePath is the file of the embedded store.
func (s *Settings) StorePath() string { return filepath.Join(s.DataDir, "kumotrail.db") }

func (s *Settings) stream() natsbus.StreamConfig {
	return natsbus.StreamConfig{MaxAge: s.NATSMaxAge, MaxBytes: int64(s.NATSMaxBytes)}
}

func (s *Settings) natsServer(log *slog.Logger) (natsbus.ServerConfig, error) {
	token, err := s.secret(s.NATSToken, "nats.token")
	return natsbus.ServerConfig{Dir: s.DataDir, Listen: s.NATSListen, Token: token, Log: log}, err
}

// redis has the schema in its keys: what another schema has in the same Redis is
// not ours.
func (s *Settings) redis(log *slog.Logger) rediscache.Config {
	return rediscache.Config{URL: s.RedisURL, Prefix: s.PostgresSchema + ":", Timeout: s.redisTimeout, Log: log}
}

func (s *Settings) publisher() natsbus.PublisherConfig {
	return natsbus.PublisherConfig{Stream: s.stream(), LegacySubject: s.NATSLegacySubject}
}
