package sqlstore

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Roller = (*SQLite)(nil)

// rowsRolled is how many rows of tally_delta are rolled up at once: about 50 ms,
// in which commits wait.
const rowsRolled = 4000

// Roll implements ports.Roller.
func (s *SQLite) Roll(ctx context.Context) (more bool, err error) {
	err = s.writer.write(ctx, func(t *sqliteTx) error {
		var err error
		more, err = rollSQLite(t)
		return err
	})
	return more, sqliteError("roll up", err)
}

func rollSQLite(t *sqliteTx) (more bool, err error) {
	rolls := newRollups()
	taken, last := 0, int64(0)
	const query = "SELECT id, of_messages, " + deltaColumns + " FROM tally_delta ORDER BY id LIMIT ?"
	err = t.query(query, func(row []driver.Value) error {
		taken++
		last, _ = row[0].(int64)
		ofMessages, _ := row[1].(int64)
		var d delta
		if err := scanValues(row[2:], d.dest()); err != nil {
			return err
		}
		rolls[ofMessages].add(d.tally(rolls[ofMessages].names, ofMessages > 0))
		return nil
	}, int64(rowsRolled))
	if err != nil || taken == 0 {
		return false, err
	}
	if _, err := t.exec("DELETE FROM tally_delta WHERE id <= ?", last); err != nil {
		return false, err
	}
	now := time.Now()
	for i, source := range []*statsSource{&eventSource, &logSource} {
		if err := addToSQLiteRollup(t, source, rolls[i], now); err != nil {
			return false, err
		}
		for _, old := range outlived(source, now) {
			if _, err := t.exec(forgetSQLiteRows(source), old.width, old.below, int64(pruneStep)); err != nil {
				return false, err
			}
		}
	}
	return taken == rowsRolled, nil
}

// scanValues is Scan for what the driver gives.
func scanValues(row []driver.Value, dest []any) error {
	for i, d := range dest {
		switch d := d.(type) {
		case *any:
			*d = row[i]
		case interface{ Scan(v any) error }:
			if err := d.Scan(row[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// addToSQLiteRollup adds what r has collected to the rows of a roll-up.
func addToSQLiteRollup(t *sqliteTx, source *statsSource, r *rollup, now time.Time) error {
	for _, row := range r.rows(now) {
		k, sum := row.rollupKey, row.sums
		key := []any{int64(k.facet), int64(k.width), k.bucket, k.a, k.b}
		err := t.query("SELECT sums FROM "+source.rollup+" WHERE facet = ? AND width = ? AND bucket = ? AND a = ? AND b = ?",
			func(row []driver.Value) error {
				packed, _ := row[0].([]byte)
				return sum.addPacked(packed, true)
			}, key...)
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO "+source.rollup+" (facet, width, bucket, a, b, sums) VALUES (?, ?, ?, ?, ?, ?)"+
			" ON CONFLICT (facet, width, bucket, a, b) DO UPDATE SET sums = excluded.sums", append(key, sum.packTo(nil))...)
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetSQLiteRows returns a statement that lets go of up to ?3 rows of width ?1
// before ?2.
func forgetSQLiteRows(source *statsSource) string {
	const key = "(facet, width, bucket, a, b)"
	return "DELETE FROM " + source.rollup + " WHERE " + key + " IN (SELECT facet, width, bucket, a, b FROM " + source.rollup +
		" WHERE facet IN (" + facetNumbers + ") AND width = ?1 AND bucket < ?2 LIMIT ?3)"
}

// pruneRollups lets go of the buckets that end before the cut-offs.
func (s *SQLite) pruneRollups(ctx context.Context, events, logs time.Time) error {
	for more := true; more; {
		var err error
		if more, err = s.Roll(ctx); err != nil {
			return err
		}
	}
	for _, old := range oldBuckets(events, logs) {
		_, err := s.pruneAll(ctx, sqlitePrune{query: forgetSQLiteRows(old.source), args: []any{old.width, old.below, int64(pruneStep)}})
		if err != nil {
			return err
		}
	}
	return nil
}
