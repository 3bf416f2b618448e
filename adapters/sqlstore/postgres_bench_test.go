//go:build !embedded

package sqlstore_test

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
	"github.com/kumotrail/kumotrail/test/servers"
)

// BenchmarkPostgresCommit holds Commit against a floor in the same run and on
// the same records: raw binary COPY as jsonb into a table without index, also
// 500 records a transaction over two connections. Each round does both, and
// then commits all of it again; figures are medians of rounds.
//
//	go test -run '^$' -bench PostgresCommit -benchtime 7x ./adapters/sqlstore
func BenchmarkPostgresCommit(b *testing.B) {
	for _, c := range []benchmarkCase{
		{name: "records of a message together"},            // a unit folds into half as many logs
		{name: "records in order of time", spread: true},   // most logs are updated by a later unit
		{name: "together, without read index", bare: true}, // what the index for timelines costs
		{name: "by time, without read index", spread: true, bare: true},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkPostgres(b, c) })
	}
}

type benchmarkCase struct {
	name         string
	spread, bare bool
}

const (
	benchWriters = 2
	benchUnits   = 120
	benchRecords = 500 // a unit
)

func benchmarkPostgres(b *testing.B, c benchmarkCase) {
	server := servers.OwnPostgres(b, "shared_buffers=1GB")
	look, err := pgx.Connect(b.Context(), server.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = look.Close(context.Background()) }()
	f := map[string][]float64{}
	round := uint64(0)
	for b.Loop() {
		round++
		units := benchmarkUnits(round, c.spread)
		floor := floorRate(b, server.URL(), units)
		s := openPostgres(b, server.URL(), sqlstore.PostgresConfig{Writers: benchWriters})
		if c.bare {
			if _, err := look.Exec(b.Context(), "DROP INDEX kumotrail.email_event_message"); err != nil {
				b.Fatal(err)
			}
		}
		decoded := decodeAll(units)
		written := walOf(b, look)
		fresh := rateOf(b, len(units), func(i int) error { return commitOne(s, decoded[i]) })
		wal := walOf(b, look) - written
		resent := rateOf(b, len(units), func(i int) error { return commitOne(s, decoded[i]) })
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		if _, err := look.Exec(b.Context(), "DROP SCHEMA kumotrail CASCADE"); err != nil {
			b.Fatal(err)
		}
		for unit, value := range map[string]float64{
			"floor-records/s": floor, "records/s": fresh, "of-floor": fresh / floor,
			"resent/fresh": resent / fresh, "WAL-B/record": wal / float64(len(units)*benchRecords),
		} {
			f[unit] = append(f[unit], value)
		}
	}
	for unit, values := range f {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], unit)
	}
	b.ReportMetric(0, "ns/op")
}

// benchmarkUnits makes units of raw records.
func benchmarkUnits(seed uint64, spread bool) [][]string {
	start := time.Now().Add(-6 * time.Hour)
	all := records.NewMaker(seed, start, 300*time.Microsecond).Lines(benchUnits * benchRecords)
	if spread {
		at := func(line string) string {
			_, rest, _ := strings.Cut(line, `"event_time":"`)
			when, _, _ := strings.Cut(rest, `Z"`)
			return when
		}
		slices.SortStableFunc(all, func(a, b string) int { return cmp.Compare(at(a), at(b)) })
	}
	return slices.Collect(slices.Chunk(all, benchRecords))
}

func decodeAll(units [][]string) [][]domain.EmailEvent {
	decoded := make([][]domain.EmailEvent, len(units))
	for i, lines := range units {
		for batch := range (kumomta.Decoder{}).Decode(records.Array(lines)) {
			decoded[i] = append(decoded[i], batch.Events...)
		}
		for n := range decoded[i] {
			decoded[i][n].ReceivedAt = time.Now().UTC()
		}
	}
	return decoded
}

func commitOne(s ports.Journal, events []domain.EmailEvent) error {
	_, err := s.Commit(context.Background(), ports.Unit{Events: events, Hold: time.Minute})
	return err
}

// rateOf does work(0) to work(n-1), a unit each, two at once, and returns
// records/s.
func rateOf(b *testing.B, n int, work func(i int) error) float64 {
	b.Helper()
	var all sync.WaitGroup
	start := time.Now()
	for w := range benchWriters {
		all.Go(func() {
			for i := w; i < n; i += benchWriters {
				if err := work(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return float64(n*benchRecords) / time.Since(start).Seconds()
}

func floorRate(b *testing.B, url string, units [][]string) float64 {
	b.Helper()
	ctx := b.Context()
	var conns [benchWriters]*pgx.Conn
	for i := range conns {
		c, err := pgx.Connect(ctx, url)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = c.Close(context.Background()) }()
		conns[i] = c
	}
	if _, err := conns[0].Exec(ctx, "CREATE TABLE floor (record jsonb)"); err != nil {
		b.Fatal(err)
	}
	rate := rateOf(b, len(units), func(i int) error {
		lines := units[i]
		_, err := conns[i%benchWriters].CopyFrom(ctx, pgx.Identifier{"floor"}, []string{"record"},
			pgx.CopyFromSlice(len(lines), func(n int) ([]any, error) { return []any{[]byte(lines[n])}, nil }))
		return err
	})
	if _, err := conns[0].Exec(ctx, "DROP TABLE floor"); err != nil {
		b.Fatal(err)
	}
	return rate
}

func walOf(b *testing.B, conn *pgx.Conn) (bytes float64) {
	b.Helper()
	if err := conn.QueryRow(b.Context(), "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn").Scan(&bytes); err != nil {
		b.Fatal(err)
	}
	return bytes
}
