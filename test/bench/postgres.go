package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/adapters/natsbus"
	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// pgWriters is how many connections write at once, the floor's too.
const pgWriters = 2

// pgFigures are the rates of one round, in records/s.
type pgFigures struct {
	floor, journal, resent    series
	meant, meantNot           series // decoding and committing, with and without what events mean
	arrays, singles           series // the whole service
	seedArrays, seedSingles   series // the seed-shaped one
	walFloor, walJournal      series // bytes a record
	diskJournal, ready, loads series
}

// postgres measures against the floor: raw COPY of the same records as jsonb into
// a table without index.
func postgres(ctx context.Context, o options) error {
	db, stop, err := startPostgres(ctx, o.postgres)
	if err != nil {
		return err
	}
	defer stop()
	db.lean = o.lean
	var m pgFigures
	for round := range o.rounds {
		units := makeUnits(uint64(round+1), o.units)
		if err := m.round(ctx, db, o, units); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "round %d of %d: floor %.0f/s, journal %.0f/s, resent %.0f/s, service %.0f/s, singles %.0f/s, seed-shaped %.0f/s and %.0f/s\n",
			round+1, o.rounds, m.floor[round], m.journal[round], m.resent[round], m.arrays[round], m.singles[round],
			m.seedArrays[round], m.seedSingles[round])
	}
	if o.rounds > 0 {
		m.print()
	}
	if o.sustained > 0 {
		if err := sustained(ctx, db, o); err != nil {
			return fmt.Errorf("sustained: %w", err)
		}
	}
	if o.grown > 0 {
		return grown(ctx, db, o)
	}
	return nil
}

func (m *pgFigures) print() {
	var t table
	t.add("floor: COPY as jsonb, 500 a transaction, 2 connections", m.floor, "records/s")
	t.add("Journal.Commit, 500 a unit, 2 writers", m.journal, "records/s")
	t.add("Journal.Commit / floor", over(m.journal, m.floor), "")
	t.add("all of it resent / fresh", over(m.resent, m.journal), "")
	t.add("decoding and committing", m.meant, "records/s")
	t.add("with what events mean / without", over(m.meant, m.meantNot), "")
	t.add("service over HTTP with NATS, arrays of 500, 4 connections", m.arrays, "records/s")
	t.add("service / floor", over(m.arrays, m.floor), "")
	t.add("seed-shaped, arrays of 500, 4 connections", m.seedArrays, "records/s")
	t.add("service / seed-shaped, arrays", over(m.arrays, m.seedArrays), "")
	t.add("service, single records, 64 connections", m.singles, "records/s")
	t.add("service / seed-shaped, single records", over(m.singles, m.seedSingles), "")
	t.add("WAL, floor", m.walFloor, "bytes a record")
	t.add("WAL, Journal.Commit", m.walJournal, "bytes a record")
	t.add("disk, Journal.Commit", m.diskJournal, "bytes a record")
	t.add("service: start to ready", m.ready, "ms")
	t.add("service: resident at most, under load", m.loads, "MB")
	t.print("PostgreSQL with fsync and synchronous_commit on, NATS in a process of its own")
}

// over divides round by round.
func over(a, b series) series {
	ratio := make(series, len(a))
	for i := range a {
		ratio[i] = a[i] / b[i]
	}
	return ratio
}

func (m *pgFigures) round(ctx context.Context, db *pgServer, o options, units [][]string) error {
	floor, wal, err := db.floor(ctx, units)
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	m.floor, m.walFloor = append(m.floor, floor), append(m.walFloor, wal)
	if err := m.journalRound(ctx, db, units); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	if err := m.meaningRound(ctx, db, units); err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	s, err := db.service(ctx, o.binary, units)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	m.arrays, m.singles = append(m.arrays, s.arrays), append(m.singles, s.singles)
	m.ready, m.loads = append(m.ready, s.ready), append(m.loads, s.loaded)
	arrays, singles, err := db.seedShaped(ctx, units[:max(2, len(units)/10)])
	if err != nil {
		return fmt.Errorf("seed-shaped: %w", err)
	}
	m.seedArrays, m.seedSingles = append(m.seedArrays, arrays), append(m.seedSingles, singles)
	return nil
}

func (m *pgFigures) journalRound(ctx context.Context, db *pgServer, units [][]string) error {
	schema := "bench_journal"
	store, err := db.open(ctx, schema)
	if err != nil {
		return err
	}
	defer func() { _ = db.drop(ctx, schema) }()
	defer store.Close()
	decoded := decodeUnits(units)
	before, err := db.walBytes(ctx)
	if err != nil {
		return err
	}
	fresh, err := commitAll(ctx, store, decoded)
	if err != nil {
		return err
	}
	after, err := db.walBytes(ctx)
	if err != nil {
		return err
	}
	disk, err := db.diskBytes(ctx, schema)
	if err != nil {
		return err
	}
	resent, err := commitAll(ctx, store, decoded)
	if err != nil {
		return err
	}
	n := float64(len(units) * unitRecords)
	m.journal, m.resent = append(m.journal, fresh), append(m.resent, resent)
	m.walJournal, m.diskJournal = append(m.walJournal, (after-before)/n), append(m.diskJournal, disk/n)
	return nil
}

// commitAll commits units by pgWriters at once and returns records/s.
func commitAll(ctx context.Context, store ports.Journal, units [][]domain.EmailEvent) (float64, error) {
	return inParallel(len(units), func(i int) error {
		_, err := store.Commit(ctx, ports.Unit{Events: units[i], Hold: time.Minute})
		return err
	})
}

// inParallel does work(0) to work(n-1), a unit each, by pgWriters at once and
// returns records/s.
func inParallel(n int, work func(i int) error) (float64, error) {
	errs := make([]error, pgWriters)
	var all sync.WaitGroup
	start := time.Now()
	for w := range pgWriters {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += pgWriters {
				errs[w] = work(i)
			}
		})
	}
	all.Wait()
	took := time.Since(start)
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(n*unitRecords) / took.Seconds(), nil
}

func (db *pgServer) open(ctx context.Context, schema string) (*sqlstore.Postgres, error) {
	if err := db.drop(ctx, schema); err != nil {
		return nil, err
	}
	store, err := sqlstore.OpenPostgres(ctx, db.url, decoder(), sqlstore.PostgresConfig{Schema: schema, Writers: pgWriters})
	if err != nil {
		return nil, err
	}
	err = store.Ping(ctx)
	if err == nil && db.lean {
		err = db.makeLean(ctx, schema)
	}
	if err != nil {
		_ = store.Close()
		return nil, err
	}
	return store, nil
}

// service measures the whole service on PostgreSQL, with a NATS server beside it.
func (db *pgServer) service(ctx context.Context, binary string, units [][]string) (f serviceFigures, err error) {
	const schema = "bench_service"
	store, err := db.open(ctx, schema) // which makes it as it shall be measured
	if err != nil {
		return f, err
	}
	defer func() { _ = db.drop(ctx, schema) }()
	if err := store.Close(); err != nil {
		return f, err
	}
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return f, err
	}
	defer os.RemoveAll(dir)
	port, err := freePort()
	if err != nil {
		return f, err
	}
	const token = "benchmark"
	address := fmt.Sprintf("127.0.0.1:%d", port)
	bus, err := natsbus.StartServer(natsbus.ServerConfig{Dir: dir, Listen: address, Token: token, Log: quiet})
	if err != nil {
		return f, err
	}
	defer bus.Close()
	return measureService(ctx, binary, units,
		"PG_URL="+db.url, "PG_SCHEMA="+schema, "NATS_URL=nats://"+token+"@"+address)
}

// arraysOf spells units as bodies.
func arraysOf(units [][]string) (arrays, singles []string) {
	for _, u := range units {
		arrays = append(arrays, records.Array(u))
		singles = append(singles, u...)
	}
	return arrays, singles
}
