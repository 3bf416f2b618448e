package sqlstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Roller = (*Postgres)(nil)

// rollStep and rollBytes are how many commits are rolled up at once, and about
// how much of what they note: tallies that have nothing in common make some
// thirty rows each.
const (
	rollStep  = 500
	rollBytes = 4 << 20
)

// rollRows is how many rows one statement takes.
const rollRows = 10_000

// Roll implements ports.Roller.
func (s *Postgres) Roll(ctx context.Context) (more bool, err error) {
	if err := s.state.err(); err != nil {
		return false, postgresError("roll up", err)
	}
	more, err = s.roll(ctx, "pg_try_advisory_xact_lock($1)")
	return more, postgresError("roll up", err)
}

// rollAll leaves nothing of what was committed before.
func (s *Postgres) rollAll(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = s.roll(ctx, "pg_advisory_xact_lock($1) IS NOT NULL"); err != nil {
			return err
		}
	}
	return nil
}

// roll rolls up once it has the lock of all who do.
func (s *Postgres) roll(ctx context.Context, lock string) (more bool, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var locked bool
		if err := tx.QueryRow(ctx, "SELECT "+lock, rollLock(s.cfg.Schema)).Scan(&locked); err != nil || !locked {
			return err
		}
		// Each row is looked up by its key, however many there are: the planner thinks
		// little of that and would read whole tables.
		if _, err := tx.Exec(ctx, "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off",
			pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		rolls := newRollups()
		lists := newLogLists(rolls[1].names)
		defer lists.forget()
		var err error
		if more, err = takeDeltas(ctx, tx, rolls[0], rolls[1], lists); err != nil {
			return err
		}
		if err := lists.addTo(ctx, tx); err != nil {
			return err
		}
		now := time.Now()
		for i, source := range []*statsSource{&eventSource, &logSource} {
			if err := addToRollup(ctx, tx, source, rolls[i], now); err != nil {
				return err
			}
			for _, old := range outlived(source, now) {
				if _, err := tx.Exec(ctx, forgetPostgresRows(source), old.width, old.below, pruneStep); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return more, err
}

func rollLock(schema string) int64 { return advisoryLock(schema + " roll-ups") }

// notes are columns of a table in which commits, or triggers, note what the roll-ups
// do not have yet.
type notes struct {
	table    string
	columns  []string
	returned string // the columns as bytea
}

var (
	unitNotes    = notes{"unit_tally", []string{"events", "messages"}, "events, messages"}
	triggerNotes = notes{"tally_delta", []string{"events", "before", "logs"}, "events, array_send(before), array_send(logs)"}
)

// takeDeltas takes out the oldest notes, which nobody sees until what they say is in
// the roll-ups and lists.
func takeDeltas(ctx context.Context, tx pgx.Tx, ofEvents, ofMessages *rollup, lists *logLists) (more bool, err error) {
	addMessage := func(t *tally) {
		lists.add(t)
		if !t.uncounted {
			ofMessages.add(t)
		}
	}
	moreOfUnits, err := unitNotes.take(ctx, tx, func(n [][]byte) error {
		return cmp.Or(unpackTallies(n[0], ofEvents.names, ofEvents.add), unpackMessages(n[1], ofMessages.names, addMessage))
	})
	if err != nil {
		return false, err
	}
	more, err = triggerNotes.take(ctx, tx, func(n [][]byte) error {
		return cmp.Or(unpackTallies(n[0], ofEvents.names, ofEvents.add), // of before there was unit_tally
			unpackRows(n[1], ofEvents.names, false, ofEvents.add),
			unpackRows(n[2], ofMessages.names, true, addMessage))
	})
	return more || moreOfUnits, err
}

// take calls visit with each of the oldest notes, nil for NULL, and deletes them.
func (n *notes) take(ctx context.Context, tx pgx.Tx, visit func(columns [][]byte) error) (more bool, err error) {
	// One is taken however large it is.
	var last int64
	err = tx.QueryRow(ctx, `SELECT coalesce(max(id) FILTER (WHERE bytes < $2 OR place = 1), 0),
			count(*) FILTER (WHERE bytes < $2 OR place = 1) < count(*) OR count(*) = $1
		FROM (SELECT id, row_number() OVER w AS place, sum(coalesce(pg_column_size(`+
		strings.Join(n.columns, "), 0) + coalesce(pg_column_size(")+`), 0)) OVER w AS bytes
			FROM (SELECT * FROM `+n.table+` ORDER BY id LIMIT $1) d WINDOW w AS (ORDER BY id)) d`, rollStep, rollBytes).Scan(&last, &more)
	if err != nil {
		return false, err
	}
	rows, err := tx.Query(ctx, "DELETE FROM "+n.table+" WHERE id <= $1 RETURNING "+n.returned, last)
	if err != nil {
		return false, err
	}
	columns := make([][]byte, len(n.columns))
	scans := make([]any, len(columns))
	for i := range columns {
		scans[i] = &columns[i]
	}
	_, err = pgx.ForEachRow(rows, scans, func() error { return visit(columns) })
	return more, err
}

// addToRollup adds what r has collected to the rows of a roll-up. Nobody else
// does meanwhile.
func addToRollup(ctx context.Context, tx pgx.Tx, source *statsSource, r *rollup, now time.Time) error {
	rows := r.rows(now)
	if len(rows) == 0 {
		return nil
	}
	for part := range slices.Chunk(rows, rollRows) {
		if err := addRows(ctx, tx, source, part); err != nil {
			return err
		}
	}
	return nil
}

func addRows(ctx context.Context, tx pgx.Tx, source *statsSource, rows []rollupRow) error {
	args := columnsOf(rows)
	known, err := tx.Query(ctx, `SELECT k.place, r.sums
		FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[]) WITH ORDINALITY
			AS k (facet, width, bucket, a, b, place)
		JOIN `+source.rollup+` r USING (facet, width, bucket, a, b)`, args...)
	if err != nil {
		return err
	}
	var place int64
	var stored []byte
	_, err = pgx.ForEachRow(known, []any{&place, &stored}, func() error {
		return rows[place-1].addPacked(stored, true)
	})
	if err != nil {
		return err
	}
	packed := make([][]byte, len(rows))
	for i := range rows {
		packed[i] = rows[i].packTo(nil)
	}
	_, err = tx.Exec(ctx, `INSERT INTO `+source.rollup+` (facet, width, bucket, a, b, sums)
		SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])
		ON CONFLICT (facet, width, bucket, a, b) DO UPDATE SET sums = excluded.sums`, append(args, packed)...)
	return err
}

// columnsOf returns the keys as one array a column.
func columnsOf(rows []rollupRow) []any {
	n := len(rows)
	facets, widths, buckets := make([]int16, n), make([]int16, n), make([]int64, n)
	first, second := make([]string, n), make([]string, n)
	for i := range rows {
		k := &rows[i].rollupKey
		facets[i], widths[i], buckets[i], first[i], second[i] = int16(k.facet), k.width, k.bucket, k.a, k.b
	}
	return []any{facets, widths, buckets, first, second}
}

// forgetPostgresRows returns a statement that lets go of up to $3 rows of width
// $1 before $2.
func forgetPostgresRows(source *statsSource) string {
	return "DELETE FROM " + source.rollup + " WHERE ctid IN (SELECT ctid FROM " + source.rollup +
		" WHERE facet IN (" + facetNumbers + ") AND width = $1 AND bucket < $2 LIMIT $3)"
}

// pruneRollups lets go of the buckets that end before the cut-offs.
func (s *Postgres) pruneRollups(ctx context.Context, events, logs time.Time) error {
	if err := s.rollAll(ctx); err != nil {
		return err
	}
	for _, old := range oldBuckets(events, logs) {
		_, err := s.pruneAll(ctx, postgresPrune{query: forgetPostgresRows(old.source), args: []any{old.width, old.below, pruneStep}})
		if err != nil {
			return err
		}
	}
	return nil
}
