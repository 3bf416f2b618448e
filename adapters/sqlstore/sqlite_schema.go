package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/migrate"

	"github.com/kumotrail/kumotrail/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Name      string
	AppliedAt time.Time // zero if it was not applied yet
}

var errSchema = errors.New("schema is not the one this version needs")

// MigrateSQLite brings the schema of the store at path up to date and returns
// all its steps in order. It may run beside others that do the same.
func MigrateSQLite(ctx context.Context, path string) ([]Migration, error) {
	return withSQLiteSchema(ctx, path, func(db *bun.DB) ([]Migration, error) {
		if err := migrateSQLite(ctx, db); err != nil {
			return nil, err
		}
		return sqliteMigrations(ctx, db)
	})
}

// SQLiteMigrations returns the steps of the schema in order, and changes
// nothing but that it makes the file and the list of what was applied.
func SQLiteMigrations(ctx context.Context, path string) ([]Migration, error) {
	return withSQLiteSchema(ctx, path, func(db *bun.DB) ([]Migration, error) {
		return sqliteMigrations(ctx, db)
	})
}

func withSQLiteSchema(ctx context.Context, path string, f func(*bun.DB) ([]Migration, error)) ([]Migration, error) {
	db, err := openSQLiteWriting(ctx, path, SQLiteConfig{}.withDefaults())
	if err != nil {
		return nil, sqliteError("open sqlite store", err)
	}
	list, err := f(db)
	return list, sqliteError("schema of sqlite store", errors.Join(err, db.Close()))
}

// prepareSQLiteSchema leaves db with the current schema, or fails.
func prepareSQLiteSchema(ctx context.Context, db *bun.DB, keep bool) error {
	if !keep {
		return migrateSQLite(ctx, db)
	}
	migrator, err := sqliteMigrator(db)
	if err != nil {
		return err
	}
	if err := migrator.Init(ctx); err != nil {
		return err
	}
	if err := refuseNewerSchema(ctx, migrator); err != nil {
		return err
	}
	steps, err := migrator.MigrationsWithStatus(ctx)
	if missing := steps.Unapplied(); len(missing) > 0 {
		return fmt.Errorf("%w: %s is missing, run kumotrail migrate up", errSchema, missing)
	}
	return err
}

// migrateSQLite applies what is missing, and notes it, in one transaction that
// holds the write lock from before it looks. So any number of processes may
// start at once, and a crash leaves neither half a step nor a lock. bun's own
// lock is a row that a crash leaves behind, and its transaction per file ends
// before the step is noted. db must be a pool of one connection: bun takes it
// from there, in the middle of the transaction.
func migrateSQLite(ctx context.Context, db *bun.DB) error {
	migrator, err := sqliteMigrator(db)
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err = migrator.Init(ctx)
	if err == nil {
		err = refuseNewerSchema(ctx, migrator)
	}
	if err == nil {
		_, err = migrator.Migrate(ctx)
	}
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	_, endErr := db.ExecContext(context.WithoutCancel(ctx), end)
	return errors.Join(err, endErr)
}

func refuseNewerSchema(ctx context.Context, m *migrate.Migrator) error {
	known, err := m.MigrationsWithStatus(ctx)
	if err != nil {
		return err
	}
	applied, err := m.AppliedMigrations(ctx)
	if err != nil {
		return err
	}
	if n := len(applied) - len(known.Applied()); n > 0 {
		return fmt.Errorf("%w: %d steps are of a newer one", errSchema, n)
	}
	return nil
}

func sqliteMigrations(ctx context.Context, db *bun.DB) ([]Migration, error) {
	migrator, err := sqliteMigrator(db)
	if err != nil {
		return nil, err
	}
	if err := migrator.Init(ctx); err != nil {
		return nil, err
	}
	steps, err := migrator.MigrationsWithStatus(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Migration, len(steps))
	for i := range steps {
		list[i] = Migration{Name: steps[i].String(), AppliedAt: steps[i].MigratedAt}
	}
	return list, nil
}

func sqliteMigrator(db *bun.DB) (*migrate.Migrator, error) {
	steps := migrate.NewMigrations()
	if err := steps.Discover(migrations.SQLite()); err != nil {
		return nil, err
	}
	return migrate.NewMigrator(db, steps, migrate.WithMarkAppliedOnSuccess(true)), nil
}
