package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// sustainedTurns is in how many turns floor and journal take their records, so
// that a machine that changes its speed does so for both, and that few records
// stand in memory that the server could use.
const sustainedTurns = 5

// sustained measures millions of records, both tables growing. A turn ends when the
// server has written to its files what it took: else who causes more checkpoints
// would leave them to the other.
func sustained(ctx context.Context, db *pgServer, o options) error {
	// A turn's records stand in memory, unlike what a service holds: collecting around
	// it would be measured too.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	store, err := db.open(ctx, "bench_sustained")
	if err != nil {
		return err
	}
	defer func() { _ = db.drop(ctx, "bench_sustained") }()
	defer store.Close()
	defer db.rollUp(ctx, store)()
	copiers, err := db.floorTable(ctx)
	if err != nil {
		return err
	}
	defer db.dropFloor(ctx, copiers)

	n := o.sustained / unitRecords / sustainedTurns
	maker := records.NewMaker(99, time.Now().Add(-time.Duration(o.sustained)*time.Millisecond), time.Millisecond)
	var floors, journals, ratios, wals series
	for turn := range sustainedTurns {
		units := makeFrom(maker, n)
		if err := db.settle(ctx); err != nil {
			return err
		}
		floor, err := db.withCheckpoint(ctx, n, func() (float64, error) { return copyAll(ctx, copiers, units) })
		if err != nil {
			return err
		}
		decoded := decodeUnits(units)
		if err := db.settle(ctx); err != nil {
			return err
		}
		before, err := db.walBytes(ctx)
		if err != nil {
			return err
		}
		journal, err := db.withCheckpoint(ctx, n, func() (float64, error) { return commitAll(ctx, store, decoded) })
		if err != nil {
			return err
		}
		after, err := db.walBytes(ctx)
		if err != nil {
			return err
		}
		floors, journals, ratios = append(floors, floor), append(journals, journal), append(ratios, journal/floor)
		wals = append(wals, (after-before)/float64(n*unitRecords))
		fmt.Fprintf(os.Stderr, "sustained, turn %d of %d: floor %.0f/s, journal %.0f/s\n", turn+1, sustainedTurns, floor, journal)
	}
	disk, err := db.diskBytes(ctx, "bench_sustained")
	if err != nil {
		return err
	}
	var t table
	t.add("floor", floors, "records/s")
	t.add("Journal.Commit, 2 writers", journals, "records/s")
	t.add("Journal.Commit / floor, by turns", ratios, "")
	t.add("Journal.Commit / floor, by all their time", series{timeOf(floors) / timeOf(journals)}, "")
	t.add("WAL, Journal.Commit", wals, "bytes a record")
	t.add("disk, Journal.Commit", series{disk / float64(sustainedTurns*n*unitRecords)}, "bytes a record")
	t.print(fmt.Sprintf("Sustained: %d records into each, in %d turns", sustainedTurns*n*unitRecords, sustainedTurns))
	return nil
}

// timeOf is how long turns took at these rates, in the time of one at 1/s.
func timeOf(rates series) (sum float64) {
	for _, rate := range rates {
		sum += 1 / rate
	}
	return sum
}

// settle lets none of the work before weigh on what is measured next: what the
// server has to write, and the memory that this process has used, which it would
// else leave for new pages.
func (db *pgServer) settle(ctx context.Context) error {
	runtime.GC()
	return db.checkpoint(ctx)
}

// withCheckpoint returns in records/s how fast work and the checkpoint after it are,
// for n units.
func (db *pgServer) withCheckpoint(ctx context.Context, n int, work func() (float64, error)) (float64, error) {
	start := time.Now()
	if _, err := work(); err != nil {
		return 0, err
	}
	err := db.checkpoint(ctx)
	return float64(n*unitRecords) / time.Since(start).Seconds(), err
}

func (db *pgServer) checkpoint(ctx context.Context) error {
	_, err := db.conn.Exec(ctx, "CHECKPOINT")
	return err
}

// rollUp keeps the roll-ups of a store as the service does, until done is called.
func (db *pgServer) rollUp(ctx context.Context, store ports.Roller) (done func()) {
	if db.lean {
		return func() {}
	}
	ctx, stop := context.WithCancel(ctx)
	var rolling sync.WaitGroup
	rolling.Go(func() { application.NewRollups(store, quiet).Run(ctx) })
	return func() {
		stop()
		rolling.Wait()
	}
}

// grown measures whether a record costs more when millions are stored: the rate
// among the first million and at the end.
func grown(ctx context.Context, db *pgServer, o options) error {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	store, err := db.open(ctx, "bench_grown")
	if err != nil {
		return err
	}
	defer func() { _ = db.drop(ctx, "bench_grown") }()
	defer store.Close()
	defer db.rollUp(ctx, store)()
	const block = 250_000 / unitRecords
	blocks := o.grown / unitRecords / block
	maker := records.NewMaker(7, time.Now().Add(-20*24*time.Hour), 20*24*time.Hour/time.Duration(max(o.grown, 1)))
	var seconds series // a record, by block
	for i := range blocks {
		rate, err := commitAll(ctx, store, decodeUnits(makeFrom(maker, block)))
		if err != nil {
			return err
		}
		seconds = append(seconds, 1e6/rate)
		fmt.Fprintf(os.Stderr, "grown: %d of %d records, %.0f/s\n", (i+1)*block*unitRecords, o.grown, rate)
	}
	first, last := seconds[:min(4, len(seconds))], seconds[max(0, len(seconds)-4):]
	var t table
	t.add("a record among the first million", first, "us")
	t.add("a record among the last million", last, "us")
	t.add("last / first", series{last.median() / first.median()}, "")
	t.print(fmt.Sprintf("Grown to %d records", blocks*block*unitRecords))
	return nil
}

func makeFrom(maker *records.Maker, n int) [][]string {
	units := make([][]string, n)
	for i := range units {
		units[i] = maker.Lines(unitRecords)
	}
	return units
}

// floorTable makes the floor's table and the connections that copy into it. Nobody
// vacuums it: that would weigh on whoever is measured after it.
func (db *pgServer) floorTable(ctx context.Context) ([]*pgx.Conn, error) {
	if _, err := db.conn.Exec(ctx, "DROP TABLE IF EXISTS bench_floor; CREATE TABLE bench_floor (record jsonb) WITH (autovacuum_enabled = off)"); err != nil {
		return nil, err
	}
	return db.connect(ctx, pgWriters)
}

func (db *pgServer) dropFloor(ctx context.Context, copiers []*pgx.Conn) {
	for _, c := range copiers {
		_ = c.Close(ctx)
	}
	_, _ = db.conn.Exec(ctx, "DROP TABLE bench_floor")
}

// copyAll copies units as they are and returns records/s.
func copyAll(ctx context.Context, copiers []*pgx.Conn, units [][]string) (float64, error) {
	return inParallel(len(units), func(i int) error {
		rows := make([][]any, len(units[i]))
		for n, line := range units[i] {
			rows[n] = []any{line}
		}
		_, err := copiers[i%pgWriters].CopyFrom(ctx, pgx.Identifier{"bench_floor"}, []string{"record"}, pgx.CopyFromRows(rows))
		return err
	})
}

// floor copies units into a new table.
func (db *pgServer) floor(ctx context.Context, units [][]string) (rate, wal float64, err error) {
	copiers, err := db.floorTable(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer db.dropFloor(ctx, copiers)
	before, err := db.walBytes(ctx)
	if err != nil {
		return 0, 0, err
	}
	if rate, err = copyAll(ctx, copiers, units); err != nil {
		return 0, 0, err
	}
	after, err := db.walBytes(ctx)
	return rate, (after - before) / float64(len(units)*unitRecords), err
}
