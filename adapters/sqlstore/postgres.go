package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"github.com/kumotrail/kumotrail/ports"
)

// PostgresConfig is what may be said of a PostgreSQL store. The zero value will
// do.
type PostgresConfig struct {
	// Schema holds all tables and nothing else, "" for kumotrail. It is made if
	// there is none.
	Schema string
	// Writers is how many units are committed at once, 0 for 2.
	Writers int
	// Readers is how many questions are answered at once, 0 for 4.
	Readers int
	// LockTimeout is how long a statement waits for another transaction's lock,
	// 0 for 10 s.
	LockTimeout time.Duration
	// DaysAhead is how many days have their partitions before they begin, 0 for
	// 7.
	DaysAhead int
	// KeepSchema leaves the schema alone; the store is unavailable while it is
	// not the current one.
	KeepSchema bool
	// Log takes what happens in the background, nil for nowhere.
	Log *slog.Logger
}

// Validate names every fault.
func (c PostgresConfig) Validate() error {
	var faults []error
	for _, number := range []struct {
		name  string
		value int64
	}{
		{"writers", int64(c.Writers)}, {"readers", int64(c.Readers)},
		{"lock timeout", int64(c.LockTimeout)}, {"days ahead", int64(c.DaysAhead)},
	} {
		if number.value < 0 {
			faults = append(faults, fmt.Errorf("%s: %d is less than 0", number.name, number.value))
		}
	}
	if len(c.Schema) > maxSchema {
		faults = append(faults, fmt.Errorf("schema: a name of %d bytes, PostgreSQL takes %d", len(c.Schema), maxSchema))
	}
	return errors.Join(faults...)
}

// maxSchema is the longest name of PostgreSQL's that it does not cut.
const maxSchema = 63

func (c PostgresConfig) withDefaults() PostgresConfig {
	if c.Schema == "" {
		c.Schema = "kumotrail"
	}
	if c.Writers == 0 {
		c.Writers = 2
	}
	if c.Readers == 0 {
		c.Readers = 4
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = 10 * time.Second
	}
	if c.DaysAhead == 0 {
		c.DaysAhead = 7
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Postgres is a store in one schema of a PostgreSQL, 14 or newer, that any
// number of processes may share. It is safe for concurrent use.
type Postgres struct {
	cfg     PostgresConfig
	conn    *pgx.ConnConfig
	decoder ports.RecordDecoder
	packer  *packer
	// pool is for all that is written and for reading by id. Binary values and
	// COPY need PostgreSQL's own protocol, of which database/sql, and with it
	// bun, shows nothing.
	pool *pgxpool.Pool
	// read is for all other questions, and writes nothing.
	read     *bun.DB
	readPool *pgxpool.Pool
	// pages is for reading lists, and writes nothing: statements of few shapes,
	// whose plans are kept, for to plan one over all days takes longer than to
	// run it.
	pages    *pgxpool.Pool
	beside   chan struct{} // a place for each page of a stream that is read beside another
	turns    chan struct{} // as many tokens as writers
	copyRule copyRule
	days     sync.Mutex // held by who makes days
	resent   expectation
	caution  caution

	statements statementSet

	state postgresState
	stop  context.CancelFunc
	ended chan struct{} // closed when the background has ended
	once  sync.Once
}

var (
	_ ports.Journal    = (*Postgres)(nil)
	_ ports.Outbox     = (*Postgres)(nil)
	_ ports.Pruner     = (*Postgres)(nil)
	_ ports.Quarantine = (*Postgres)(nil)
	_ ports.LogReader  = (*Postgres)(nil)
	_ ports.Health     = (*Postgres)(nil)
)

// OpenPostgres opens the store at url, a PostgreSQL connection string, and
// brings its schema up to date. decoder reads stored records again. What is
// committed is on the server's disk before Commit returns.
//
// A server that does not answer is no error: the store is ErrUnavailable until
// it does, which it tries all the time. ctx bounds the wait for the first try
// alone. The caller closes the store.
func OpenPostgres(ctx context.Context, url string, decoder ports.RecordDecoder, cfg PostgresConfig) (*Postgres, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("postgres store: %w", err)
	}
	s := &Postgres{cfg: cfg.withDefaults(), decoder: decoder, ended: make(chan struct{})}
	if err := s.open(url); err != nil {
		return nil, fmt.Errorf("open postgres store: %w", err)
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	tried := make(chan error, 1)
	go s.background(background, tried)
	select {
	case err := <-tried:
		if errors.Is(err, errSchema) {
			return nil, errors.Join(postgresError("open postgres store", err), s.Close())
		}
	case <-ctx.Done():
	}
	return s, nil
}

func (s *Postgres) open(url string) (err error) {
	if s.conn, err = postgresConnection(url, s.cfg); err != nil {
		return err
	}
	if s.packer, err = newPacker(); err != nil {
		return err
	}
	s.turns = make(chan struct{}, s.cfg.Writers)
	s.copyRule = copyRules
	// Besides the writers: a claim, a Done, a prune, and who makes days.
	if s.pool, err = postgresPool(s.conn, s.cfg.Writers+4); err != nil {
		return err
	}
	reading := s.conn.Copy()
	reading.RuntimeParams["default_transaction_read_only"] = "on"
	paging := reading.Copy()
	paging.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	// Whose rows look many in a kept plan, and are few: workers would take longer to
	// start than the rest.
	paging.RuntimeParams["max_parallel_workers_per_gather"] = "0"
	// A plan that is kept from when a table was small would read all of it.
	paging.RuntimeParams["enable_seqscan"] = "off"
	if s.pages, err = postgresPool(paging, s.cfg.Readers); err != nil {
		return err
	}
	s.beside = make(chan struct{}, s.cfg.Readers/4) // lists are to find a connection beside streams
	// bun writes arguments into the query: nothing is left to be prepared.
	reading.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	if s.readPool, err = postgresPool(reading, s.cfg.Readers); err != nil {
		return err
	}
	s.read = bun.NewDB(stdlib.OpenDBFromPool(s.readPool), pgdialect.New())
	return nil
}

// CheckPostgresURL says what is wrong with a connection string, and nothing of
// what is in it.
func CheckPostgresURL(url string) error {
	_, err := postgresConnection(url, PostgresConfig{}.withDefaults())
	return err
}

// postgresConnection says how to connect: as url does, and with what the store
// relies on.
func postgresConnection(url string, cfg PostgresConfig) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("not a PostgreSQL connection string as in postgresql://user:password@host:5432/database")
	}
	if c.ConnectTimeout == 0 || c.ConnectTimeout > time.Minute {
		c.ConnectTimeout = 5 * time.Second
	}
	maps.Copy(c.RuntimeParams, map[string]string{
		"search_path": pgx.Identifier{cfg.Schema}.Sanitize(),
		"timezone":    "UTC",
		// No wait is for ever: what is given up is sent again.
		"lock_timeout": fmt.Sprint(cfg.LockTimeout.Milliseconds()),
		// Over all days a kept plan looks dear enough to be compiled, for seconds, each
		// time that it is run.
		"jit": "off",
		// A client that vanished must not hold its locks until TCP notices.
		"idle_in_transaction_session_timeout": "60000",
	})
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "kumotrail"
	}
	return c, nil
}

func postgresPool(conn *pgx.ConnConfig, size int) (*pgxpool.Pool, error) {
	cfg, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig = conn
	cfg.MaxConns = int32(size)
	cfg.AfterConnect = keepDurable
	return pgxpool.NewWithConfig(context.Background(), cfg)
}

// keepDurable overrules a server or role that acknowledges commits before they
// are on disk, and leaves every stronger setting.
func keepDurable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false)
		WHERE current_setting('synchronous_commit') = 'off'`, pgx.QueryExecModeSimpleProtocol)
	return err
}

// Close waits for what is under way and closes the store. Everything that is
// asked of it afterwards is ErrUnavailable. Closing twice is harmless.
func (s *Postgres) Close() error {
	var err error
	s.once.Do(func() {
		s.stop()
		<-s.ended
		s.state.set(errClosed)
		err = s.read.Close()
		s.readPool.Close()
		s.pages.Close()
		s.pool.Close()
		s.packer.close()
	})
	return err
}

var errReadOnly = errors.New("server takes no writes")

// Ping implements ports.Health: the tables can be read, and the server takes
// writes.
func (s *Postgres) Ping(ctx context.Context) error {
	if err := s.state.err(); err != nil {
		return postgresError("ping", err)
	}
	var readOnly bool
	err := s.pool.QueryRow(ctx, `SELECT current_setting('transaction_read_only') = 'on'
		FROM (SELECT count(*) FROM outbox WHERE id < 0) o`).Scan(&readOnly)
	if err == nil && readOnly {
		err = errReadOnly
	}
	return postgresError("ping", err)
}
