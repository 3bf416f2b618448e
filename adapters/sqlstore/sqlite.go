package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/kumotrail/kumotrail/ports"
)

// SQLiteConfig is what may be said of a SQLite store. The zero value will do.
type SQLiteConfig struct {
	// Readers is how many questions are answered at once, 0 for 4.
	Readers int
	// BusyTimeout is how long a write waits for another process's, 0 for 5 s.
	BusyTimeout time.Duration
	// KeepSchema leaves the schema alone; opening fails if it is not the
	// current one.
	KeepSchema bool
}

// Validate names every fault.
func (c SQLiteConfig) Validate() error {
	var faults []error
	if c.Readers < 0 {
		faults = append(faults, fmt.Errorf("readers: %d is less than 0", c.Readers))
	}
	if c.BusyTimeout < 0 {
		faults = append(faults, fmt.Errorf("busy timeout: %v is less than 0", c.BusyTimeout))
	}
	return errors.Join(faults...)
}

func (c SQLiteConfig) withDefaults() SQLiteConfig {
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	return c
}

// SQLite is a store in one file. Other processes may use the file beside it.
// It is safe for concurrent use.
type SQLite struct {
	path    string
	file    os.FileInfo
	decoder ports.RecordDecoder
	packer  *packer
	db      *bun.DB // holds the writer's connection and no other
	writer  *sqliteWriter
	read    *bun.DB
}

var (
	_ ports.Journal    = (*SQLite)(nil)
	_ ports.Outbox     = (*SQLite)(nil)
	_ ports.Pruner     = (*SQLite)(nil)
	_ ports.Quarantine = (*SQLite)(nil)
	_ ports.LogReader  = (*SQLite)(nil)
	_ ports.Health     = (*SQLite)(nil)
)

// OpenSQLite opens the store in the file at path, which it makes, readable by
// its owner alone, if there is none, and brings its schema up to date. decoder
// reads stored records again. What is committed is on disk before Commit
// returns. The caller closes the store.
func OpenSQLite(ctx context.Context, path string, decoder ports.RecordDecoder, cfg SQLiteConfig) (*SQLite, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("sqlite store: %w", err)
	}
	s := &SQLite{path: path, decoder: decoder}
	if err := s.open(ctx, cfg.withDefaults()); err != nil {
		return nil, errors.Join(sqliteError("open sqlite store", err), s.Close())
	}
	return s, nil
}

func (s *SQLite) open(ctx context.Context, cfg SQLiteConfig) (err error) {
	if s.packer, err = newPacker(); err != nil {
		return err
	}
	if s.db, err = openSQLiteWriting(ctx, s.path, cfg); err != nil {
		return err
	}
	if s.file, err = os.Stat(s.path); err != nil {
		return err
	}
	if err := prepareSQLiteSchema(ctx, s.db, cfg.KeepSchema); err != nil {
		return err
	}
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, sqliteWriterPragmas); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.writer = newSQLiteWriter(conn)
	s.read, err = openSQLitePool(s.path, cfg.Readers, cfg, "query_only(1)")
	return err
}

// sqliteWriterPragmas are for the connection that commits, once the schema is up
// to date: to build an index takes temporary files.
//
// Before a statement of many rows changes a page it keeps what was there, by
// default in a file that it makes and removes. In memory that costs a unit of 32
// records a third less CPU, and half of the bytes that it writes. The log is
// copied into the database when it has 16 MB instead of 4: pages that many
// commits change are copied once. The cache, of at most 8 MB, holds what a unit
// of 2,000 changes; what does not fit is written twice.
const sqliteWriterPragmas = `PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8000`

// openSQLiteWriting returns a pool of one connection, which is there. It waits
// while others open the file for the first time.
func openSQLiteWriting(ctx context.Context, path string, cfg SQLiteConfig) (*bun.DB, error) {
	// SQLite would make it readable by all; its other files take after it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	db, err := openSQLitePool(path, 1, cfg)
	if err != nil {
		return nil, err
	}
	if err := connectSQLite(ctx, db, cfg.BusyTimeout); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// connectSQLite makes db's first connection. Who makes a file a WAL one while
// another does is told at once that it is busy, whatever the busy timeout.
func connectSQLite(ctx context.Context, db *bun.DB, limit time.Duration) error {
	end := time.After(limit)
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		err := db.PingContext(ctx)
		if !isBusySQLite(err) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-end:
			return err
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

func openSQLitePool(path string, size int, cfg SQLiteConfig, pragmas ...string) (*bun.DB, error) {
	dsn, err := sqliteDSN(path, append([]string{
		// First, for setting the journal mode takes a lock.
		fmt.Sprintf("busy_timeout(%d)", cfg.BusyTimeout.Milliseconds()),
		"journal_mode(WAL)",
		"synchronous(FULL)",
	}, pragmas...))
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return bun.NewDB(db, sqlitedialect.New()), nil
}

func sqliteDSN(path string, pragmas []string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	abs = filepath.ToSlash(abs)
	if !strings.HasPrefix(abs, "/") {
		abs = "/" + abs // C:/ on Windows
	}
	query := url.Values{"_txlock": {"immediate"}, "_pragma": pragmas}
	return (&url.URL{Scheme: "file", Path: abs, RawQuery: query.Encode()}).String(), nil
}

// Close waits for the write that is under way and closes the store. Everything
// that is asked of it afterwards is ErrUnavailable. Closing twice is harmless.
func (s *SQLite) Close() error {
	var err error
	if s.writer != nil {
		err = s.writer.close()
	}
	for _, db := range []*bun.DB{s.read, s.db} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	if s.packer != nil {
		s.packer.close()
	}
	return err
}

var errReplaced = errors.New("the store's file was removed or replaced")

// Ping implements ports.Health: the tables can be read, and the file is still
// the one that was opened. Writing to a file that was removed would go well, and
// be lost.
func (s *SQLite) Ping(ctx context.Context) error {
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(now, s.file) {
		return sqliteError("ping", errors.Join(errReplaced, err))
	}
	var n int
	err := s.read.DB.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE id < 0`).Scan(&n)
	return sqliteError("ping", err)
}
