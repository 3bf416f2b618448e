package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/migrate"

	"github.com/kumotrail/kumotrail/migrations"
)

// MigratePostgres brings the schema of the store at url up to date and returns
// all its steps in order. It may run beside others that do the same.
func MigratePostgres(ctx context.Context, url string, cfg PostgresConfig) ([]Migration, error) {
	return withPostgresSchema(url, cfg, func(db *bun.DB, cfg PostgresConfig) ([]Migration, error) {
		if err := migratePostgres(ctx, db, cfg.Schema); err != nil {
			return nil, err
		}
		return postgresMigrations(ctx, db)
	})
}

// PostgresMigrations returns the steps of the schema in order, and changes
// nothing.
func PostgresMigrations(ctx context.Context, url string, cfg PostgresConfig) ([]Migration, error) {
	return withPostgresSchema(url, cfg, func(db *bun.DB, _ PostgresConfig) ([]Migration, error) {
		return postgresMigrations(ctx, db)
	})
}

func withPostgresSchema(url string, cfg PostgresConfig, f func(*bun.DB, PostgresConfig) ([]Migration, error)) ([]Migration, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("postgres store: %w", err)
	}
	cfg = cfg.withDefaults()
	conn, err := postgresConnection(url, cfg)
	if err != nil {
		return nil, fmt.Errorf("schema of postgres store: %w", err)
	}
	db := openPostgresSchema(conn)
	list, err := f(db, cfg)
	return list, postgresError("schema of postgres store", errors.Join(err, db.Close()))
}

// openPostgresSchema returns a pool of one connection.
func openPostgresSchema(conn *pgx.ConnConfig) *bun.DB {
	conn = conn.Copy()
	conn.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	// Whoever is first may take long.
	conn.RuntimeParams["lock_timeout"] = "0"
	db := sql.OpenDB(steadyConnector{stdlib.GetConnector(*conn)})
	db.SetMaxOpenConns(1)
	return bun.NewDB(db, pgdialect.New())
}

// steadyConnector makes connections that stay the same in the midst of a
// transaction, which database/sql would not have known of.
type steadyConnector struct{ driver.Connector }

func (c steadyConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return steadyConn{conn.(*stdlib.Conn)}, nil
}

type steadyConn struct{ *stdlib.Conn }

// ResetSession gives up no connection for being in a transaction.
func (steadyConn) ResetSession(context.Context) error { return nil }

// preparePostgresSchema leaves the server with the current schema, or fails.
func preparePostgresSchema(ctx context.Context, conn *pgx.ConnConfig, cfg PostgresConfig) error {
	db := openPostgresSchema(conn)
	err := func() error {
		if !cfg.KeepSchema {
			return migratePostgres(ctx, db, cfg.Schema)
		}
		list, err := postgresMigrations(ctx, db)
		for _, m := range list {
			if m.AppliedAt.IsZero() {
				return fmt.Errorf("%w: %s is missing", errSchema, m.Name)
			}
		}
		return err
	}()
	return errors.Join(err, db.Close())
}

// advisoryLock names the lock under which the store's tables are made and
// dropped. Locks of that kind are one numbering for the whole database.
func advisoryLock(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("kumotrail tables in " + schema))
	return int64(h.Sum64())
}

// migratePostgres applies what is missing, and notes it, in one transaction
// that holds an advisory lock from before it looks. See migrateSQLite for why
// not bun's own.
func migratePostgres(ctx context.Context, db *bun.DB, schema string) error {
	steps, err := postgresSteps()
	if err != nil {
		return err
	}
	migrator := migrate.NewMigrator(db, steps, migrate.WithMarkAppliedOnSuccess(true))
	for tries := 1; ; tries++ {
		err := migrateAtOnce(ctx, db, schema, migrator)
		// Commits lock a day that they copy logs to before the table that it is of.
		if pgCode(err) != pgDeadlock || tries == passingTries {
			return err
		}
	}
}

func migrateAtOnce(ctx context.Context, db *bun.DB, schema string, migrator *migrate.Migrator) error {
	if _, err := db.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	err := migrateUnderLock(ctx, db, schema, migrator)
	end := "COMMIT"
	if err != nil {
		end = "ROLLBACK"
	}
	_, endErr := db.ExecContext(context.WithoutCancel(ctx), end)
	return errors.Join(err, endErr)
}

func migrateUnderLock(ctx context.Context, db *bun.DB, schema string, migrator *migrate.Migrator) error {
	if _, err := db.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", advisoryLock(schema)); err != nil {
		return err
	}
	var found bool
	const lookup = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = ?)"
	if err := db.QueryRowContext(ctx, lookup, schema).Scan(&found); err != nil {
		return err
	}
	// Not IF NOT EXISTS: that takes the right to make schemas even if this one
	// is there.
	if !found {
		if _, err := db.ExecContext(ctx, "CREATE SCHEMA ?", bun.Ident(schema)); err != nil {
			return err
		}
	}
	if err := migrator.Init(ctx); err != nil {
		return err
	}
	if err := refuseNewerSchema(ctx, migrator); err != nil {
		return err
	}
	_, err := migrator.Migrate(ctx)
	return err
}

// postgresMigrations returns all steps, as not applied where there is no list
// of what was.
func postgresMigrations(ctx context.Context, db *bun.DB) ([]Migration, error) {
	known, err := postgresSteps()
	if err != nil {
		return nil, err
	}
	var noted sql.NullString
	if err := db.QueryRowContext(ctx, "SELECT to_regclass('bun_migrations')::text").Scan(&noted); err != nil {
		return nil, err
	}
	steps := known.Sorted()
	if noted.Valid {
		migrator := migrate.NewMigrator(db, known)
		if err := refuseNewerSchema(ctx, migrator); err != nil {
			return nil, err
		}
		if steps, err = migrator.MigrationsWithStatus(ctx); err != nil {
			return nil, err
		}
	}
	list := make([]Migration, len(steps))
	for i := range steps {
		list[i] = Migration{Name: steps[i].String(), AppliedAt: steps[i].MigratedAt}
	}
	return list, nil
}

func postgresSteps() (*migrate.Migrations, error) {
	steps := migrate.NewMigrations()
	return steps, steps.Discover(migrations.Postgres())
}
