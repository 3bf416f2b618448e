package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// sustained measures millions of records with the checkpoints they cause. Bodies
// are made first, and decoding them counts for the journal, but not for the
// floor.
func sustained(ctx context.Context, db *pgServer, o options) error {
	n := o.sustained / unitRecords
	fmt.Fprintf(os.Stderr, "sustained: making %d records\n", n*unitRecords)
	maker := records.NewMaker(99, time.Now().Add(-time.Duration(n)*unitRecords/2*time.Millisecond), time.Millisecond)
	units := make([][]string, n)
	for i := range units {
		units[i] = maker.Lines(unitRecords)
	}
	floor, wal, err := db.floor(ctx, units)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "sustained: floor %.0f/s\n", floor)
	if _, err := db.conn.Exec(ctx, "CHECKPOINT"); err != nil {
		return err
	}
	store, err := db.open(ctx, "bench_sustained")
	if err != nil {
		return err
	}
	defer func() { _ = db.drop(ctx, "bench_sustained") }()
	defer store.Close()
	before, err := db.walBytes(ctx)
	if err != nil {
		return err
	}
	took := make(series, n) // seconds a unit
	journal, err := inParallel(len(units), func(i int) error {
		events := decodeUnit(records.Array(units[i]))
		start := time.Now()
		_, err := store.Commit(ctx, ports.Unit{Events: events})
		took[i] = time.Since(start).Seconds()
		return err
	})
	if err != nil {
		return err
	}
	after, err := db.walBytes(ctx)
	if err != nil {
		return err
	}
	disk, err := db.diskBytes(ctx, "bench_sustained")
	if err != nil {
		return err
	}
	count := float64(n * unitRecords)
	var t table
	t.add("floor", series{floor}, "records/s")
	t.add("decode and Journal.Commit, 2 writers", series{journal}, "records/s")
	t.add("Journal.Commit / floor", series{journal / floor}, "")
	t.add("a unit's time, last fifth / first fifth", series{took[n-n/5:].median() / took[:n/5].median()}, "")
	t.add("WAL, floor", series{wal}, "bytes a record")
	t.add("WAL, Journal.Commit", series{(after - before) / count}, "bytes a record")
	t.add("disk, Journal.Commit", series{disk / count}, "bytes a record")
	t.print(fmt.Sprintf("Sustained: %d records", n*unitRecords))
	return nil
}
