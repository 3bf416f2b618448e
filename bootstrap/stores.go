package bootstrap

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/ports"
)

// Store is all that a store is asked for.
type Store interface {
	ports.Journal
	ports.Outbox
	ports.Pruner
	ports.Quarantine
	ports.LogReader
	ports.LogPages
	ports.EventPages
	ports.EventIndex
	ports.Likenesses
	ports.StatsReader
	ports.Roller
	ports.Registrations
	ports.Suppressions
	ports.VitalsReader
	ports.Health
	Close() error
}

// store provides the Store of a driver, and its ports one by one.
func store(driver StoreDriver) fx.Option {
	open := fx.Provide(openEmbedded)
	if driver == PostgreSQL {
		open = fx.Provide(openServer)
	}
	return fx.Module("store", open, fx.Provide(lock, func(s Store) (ports.Journal, ports.Outbox, ports.Pruner, ports.LogReader, ports.LogPages, ports.EventPages, ports.Likenesses) {
		return s, s, s, s, s, s, s
	}))
}

// lockedDataDir is a DATA_DIR that no other serve works on.
type lockedDataDir string

func lock(life fx.Lifecycle, s Settings) (lockedDataDir, error) {
	unlock, err := lockDataDir(s.DataDir)
	if err != nil {
		return "", err
	}
	life.Append(fx.StopHook(unlock))
	return lockedDataDir(s.DataDir), nil
}

func openEmbedded(life fx.Lifecycle, s Settings, _ lockedDataDir, serve ServeOptions, decoder ports.RecordDecoder) (Store, error) {
	ctx := context.Background()
	opened, err := openSQLite(ctx, s, decoder, serve.KeepSchema)
	if err != nil {
		return nil, err
	}
	life.Append(fx.StopHook(opened.Close))
	// The folder is ours alone: what a serve before us held, it died with.
	return opened, opened.ReleaseHolds(ctx)
}

// reachWithin is how long the start waits for a server. Later it is reached
// behind the scenes, and nothing is taken until then.
const reachWithin = 3 * time.Second

func openServer(life fx.Lifecycle, s Settings, serve ServeOptions, decoder ports.RecordDecoder, log *slog.Logger) (Store, error) {
	ctx, cancel := context.WithTimeout(context.Background(), reachWithin)
	defer cancel()
	opened, err := openPostgres(ctx, s, decoder, serve.KeepSchema, log)
	if err != nil {
		return nil, err
	}
	life.Append(fx.StopHook(opened.Close))
	return opened, nil
}

// openStore opens the store for a command beside serve.
func openStore(ctx context.Context, s Settings, decoder ports.RecordDecoder) (Store, error) {
	if s.Drivers().Store == PostgreSQL {
		return openPostgres(ctx, s, decoder, false, slog.Default())
	}
	if err := makeDataDir(s.DataDir); err != nil {
		return nil, err
	}
	opened, err := openSQLite(ctx, s, decoder, false)
	if err != nil {
		return nil, err // not a nil *sqlstore.SQLite, which is no nil Store
	}
	return opened, nil
}

func openSQLite(ctx context.Context, s Settings, decoder ports.RecordDecoder, keepSchema bool) (*sqlstore.SQLite, error) {
	return sqlstore.OpenSQLite(ctx, s.StorePath(), decoder, sqlstore.SQLiteConfig{KeepSchema: keepSchema})
}

func openPostgres(ctx context.Context, s Settings, decoder ports.RecordDecoder, keepSchema bool, log *slog.Logger) (Store, error) {
	config := s.postgres()
	config.KeepSchema, config.Log = keepSchema, log
	opened, err := sqlstore.OpenPostgres(ctx, s.PostgresURL, decoder, config)
	if err != nil {
		return nil, err
	}
	return opened, nil
}
