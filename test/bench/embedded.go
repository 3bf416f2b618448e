package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

const unitRecords = 500

// embedded measures the default service: SQLite and NATS inside the process.
func embedded(ctx context.Context, o options) error {
	var m struct {
		lines, arrays, journal, resent, http, ratio, singles series
		ready, idle, loaded                                  series
	}
	for round := range o.rounds {
		units := makeUnits(uint64(round+1), o.units)
		m.lines = append(m.lines, decodeRate(units, lines))
		m.arrays = append(m.arrays, decodeRate(units, records.Array))

		journal, resent, err := journalRates(ctx, units)
		if err != nil {
			return err
		}
		m.journal, m.resent = append(m.journal, journal), append(m.resent, resent)

		s, err := measureService(ctx, o.binary, units)
		if err != nil {
			return err
		}
		m.http, m.singles = append(m.http, s.arrays), append(m.singles, s.singles)
		m.ratio = append(m.ratio, s.arrays/journal)
		m.ready, m.idle, m.loaded = append(m.ready, s.ready), append(m.idle, s.idle), append(m.loaded, s.loaded)
		fmt.Fprintf(os.Stderr, "round %d of %d: journal %.0f/s, http %.0f/s, singles %.0f/s\n",
			round+1, o.rounds, journal, s.arrays, s.singles)
	}
	var t table
	t.add("decoding with identity and meaning, lines, one core", m.lines, "records/s")
	t.add("decoding with identity and meaning, arrays of 500, one core", m.arrays, "records/s")
	t.add("Journal.Commit, units of 500", m.journal, "records/s")
	t.add("Journal.Commit, all of it resent", m.resent, "records/s")
	t.add("HTTP, arrays of 500, 4 connections", m.http, "records/s")
	t.add("HTTP arrays / Journal.Commit", m.ratio, "")
	t.add("HTTP, single records, 64 connections", m.singles, "records/s")
	t.add("start to ready", m.ready, "ms")
	t.add("resident, idle", m.idle, "MB")
	t.add("resident at most, under load", m.loaded, "MB")
	t.print("Embedded default: SQLite with synchronous=FULL, NATS in the process")
	return nil
}

// makeUnits makes n units of 500 records of messages of the last hours.
func makeUnits(seed uint64, n int) [][]string {
	maker := records.NewMaker(seed, time.Now().Add(-6*time.Hour), time.Millisecond)
	return makeFrom(maker, n)
}

func lines(unit []string) string {
	return strings.Join(unit, "\n") + "\n"
}

// decodeRate decodes units in one goroutine.
func decodeRate(units [][]string, spell func([]string) string) float64 {
	var bodies []string
	for _, u := range units[:min(len(units), 20)] {
		bodies = append(bodies, spell(u))
	}
	n, start := 0, time.Now()
	for time.Since(start) < time.Second {
		for _, body := range bodies {
			for batch := range decoder().Decode(body) {
				n += batch.Records
			}
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

// journalRates gives units to Journal.Commit directly, then all of them again.
func journalRates(ctx context.Context, units [][]string) (fresh, resent float64, err error) {
	dir, err := os.MkdirTemp("", "kumotrail-bench")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	store, err := sqlstore.OpenSQLite(ctx, filepath.Join(dir, "bench.db"), decoder(), sqlstore.SQLiteConfig{})
	if err != nil {
		return 0, 0, err
	}
	defer store.Close()
	decoded := decodeUnits(units)
	for _, rate := range []*float64{&fresh, &resent} {
		start := time.Now()
		for _, u := range decoded {
			if _, err := store.Commit(ctx, ports.Unit{Events: u}); err != nil {
				return 0, 0, err
			}
		}
		*rate = float64(len(units)*unitRecords) / time.Since(start).Seconds()
	}
	return fresh, resent, nil
}

func decodeUnits(units [][]string) [][]domain.EmailEvent {
	decoded := make([][]domain.EmailEvent, len(units))
	for i, u := range units {
		decoded[i] = decodeUnit(records.Array(u))
	}
	return decoded
}

func decodeUnit(body string) (events []domain.EmailEvent) {
	for batch := range decoder().Decode(body) {
		events = append(events, batch.Events...)
	}
	for i := range events {
		events[i].ReceivedAt = time.Now().UTC()
	}
	return events
}
