package bootstrap

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// OpenQuarantine opens the quarantine for a command, which may run beside
// serve. What a retry commits is announced by serve. The caller calls
// closeStore.
func OpenQuarantine(ctx context.Context, s Settings) (q *application.Quarantine, closeStore func() error, err error) {
	store, ingest, closeStore, err := openIngest(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	return application.NewQuarantine(store, ingest), closeStore, nil
}

// OpenReplay opens the store for a command that takes what segments have, which
// may run beside serve. What it commits is announced by serve. The caller calls
// closeStore.
func OpenReplay(ctx context.Context, s Settings, segments ports.Segments, config application.ReplayConfig) (r *application.Replay, closeStore func() error, err error) {
	store, ingest, closeStore, err := openIngest(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	// One more than commit at once decodes meanwhile.
	config.Workers = s.writers() + 1
	return application.NewReplay(segments, ingest, store, config), closeStore, nil
}

// OpenAudit opens the store for a command that compares it with what segments
// have. What is too much for memory stands in a file of the system's folder for
// temporary ones, which nobody else sees. The caller calls closeStore.
func OpenAudit(ctx context.Context, s Settings, segments ports.Segments, config application.AuditConfig) (a *application.Audit, closeStore func() error, err error) {
	decoder, err := newDecoder(s)
	if err != nil {
		return nil, nil, err
	}
	store, err := openStore(ctx, s, decoder)
	if err != nil {
		return nil, nil, err
	}
	scratch, err := os.CreateTemp("", "kumotrail-audit")
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	closeBoth := func() error {
		return errors.Join(scratch.Close(), os.Remove(scratch.Name()), store.Close())
	}
	return application.NewAudit(segments, decoder, store, s.RetentionDays, time.Now, config).WithScratch(scratch), closeBoth, nil
}

// openIngest opens the store of a command, and the use case that fills it.
func openIngest(ctx context.Context, s Settings) (Store, *application.Ingest, func() error, error) {
	decoder, err := newDecoder(s)
	if err != nil {
		return nil, nil, nil, err
	}
	store, err := openStore(ctx, s, decoder)
	if err != nil {
		return nil, nil, nil, err
	}
	c, closeCache, err := openSharedCache(ctx, s)
	if err != nil {
		return nil, nil, nil, errors.Join(err, store.Close())
	}
	ingest := application.NewIngest(decoder, application.NewCommitter(c.forgetting(store), nil), s.RetentionDays, time.Now)
	closeBoth := func() error { return errors.Join(closeCache(), store.Close()) }
	return store, ingest, closeBoth, nil
}

// MigrateUp brings the store's schema up to date and returns all its steps.
func MigrateUp(ctx context.Context, s Settings) ([]sqlstore.Migration, error) {
	if s.Drivers().Store == PostgreSQL {
		return sqlstore.MigratePostgres(ctx, s.PostgresURL, s.postgres())
	}
	if err := makeDataDir(s.DataDir); err != nil {
		return nil, err
	}
	return sqlstore.MigrateSQLite(ctx, s.StorePath())
}

// MigrateStatus returns the steps of the store's schema.
func MigrateStatus(ctx context.Context, s Settings) ([]sqlstore.Migration, error) {
	if s.Drivers().Store == PostgreSQL {
		return sqlstore.PostgresMigrations(ctx, s.PostgresURL, s.postgres())
	}
	if err := makeDataDir(s.DataDir); err != nil {
		return nil, err
	}
	return sqlstore.SQLiteMigrations(ctx, s.StorePath())
}
