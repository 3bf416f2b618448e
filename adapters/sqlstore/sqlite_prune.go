package sqlstore

import (
	"context"
	"time"
)

// pruneStep is how many rows go in one transaction: about 50 ms, in which
// commits wait.
const pruneStep = 5000

// undatedEnd is the least id with a time. Below it a row goes by when it came.
var undatedEnd = []byte{0, 0, 0, 0, 0, 1}

// Prune implements ports.Pruner. Raw records go a whole day at a time, when
// none of the day's events is left.
func (s *SQLite) Prune(ctx context.Context, events, logs time.Time) (int64, error) {
	var gone int64
	for _, step := range pruneSteps(events, logs) {
		n, err := s.pruneAll(ctx, step)
		gone += n
		if err != nil {
			return gone, sqliteError("prune", err)
		}
	}
	return gone, sqliteError("prune", s.pruneRollups(ctx, events, logs))
}

type sqlitePrune struct {
	query   string // deletes up to pruneStep rows
	args    []any
	uncount bool // not rows that anyone put in
}

func pruneSteps(events, logs time.Time) []sqlitePrune {
	var steps []sqlitePrune
	if !events.IsZero() {
		steps = append(steps,
			sqlitePrune{query: `DELETE FROM email_event WHERE id IN (
				SELECT id FROM email_event WHERE id >= ?1 AND id < ?2 LIMIT ?3)`,
				args: []any{undatedEnd, idBound(events), int64(pruneStep)}},
			sqlitePrune{query: `DELETE FROM email_event WHERE id IN (
				SELECT id FROM email_event WHERE id < ?1 AND received_at < ?2 LIMIT ?3)`,
				args: []any{undatedEnd, events.UnixMicro(), int64(pruneStep)}},
			sqlitePrune{query: `DELETE FROM quarantine WHERE id IN (
				SELECT id FROM quarantine WHERE received_at < ?1 LIMIT ?2)`,
				args: []any{events.UnixMicro(), int64(pruneStep)}},
			sqlitePrune{uncount: true, query: `DELETE FROM record_chunk WHERE id IN (
				SELECT id FROM record_chunk WHERE id >= ?1 AND id < ?2 LIMIT ?3)`,
				args: []any{undatedEnd, idBound(dayStart(events)), int64(pruneStep / 50)}},
			sqlitePrune{uncount: true, query: `DELETE FROM record_chunk WHERE id IN (
				SELECT id FROM record_chunk WHERE id < ?1
				AND id NOT IN (SELECT chunk_id FROM email_event WHERE id < ?1) LIMIT ?2)`,
				args: []any{undatedEnd, int64(pruneStep / 50)}})
	}
	if !logs.IsZero() {
		steps = append(steps,
			sqlitePrune{query: `DELETE FROM email_log WHERE key IN (
				SELECT key FROM email_log WHERE key >= ?1 AND key < ?2 LIMIT ?3)`,
				args: []any{undatedEnd, idBound(logs), int64(pruneStep)}},
			sqlitePrune{query: `DELETE FROM email_log WHERE key IN (
				SELECT key FROM email_log WHERE key < ?1 AND received_at < ?2 LIMIT ?3)`,
				args: []any{undatedEnd, logs.UnixMicro(), int64(pruneStep)}},
			sqlitePrune{query: pruneRegistrationsInSQLite, args: []any{logs.UnixMicro(), int64(pruneStep)}})
	}
	return steps
}

// idBound is less than every id of t and later, and greater than every earlier
// one.
func idBound(t time.Time) []byte {
	b := make([]byte, 6)
	putMillis(b, max(t.UnixMilli(), 1))
	return b
}

// pruneAll repeats a step until nothing is left for it.
func (s *SQLite) pruneAll(ctx context.Context, step sqlitePrune) (int64, error) {
	var gone int64
	for {
		var n int64
		err := s.writer.write(ctx, func(t *sqliteTx) error {
			r, err := t.exec(step.query, step.args...)
			if err != nil {
				return err
			}
			n, err = r.RowsAffected()
			return err
		})
		if err != nil || n == 0 {
			return gone, err
		}
		if !step.uncount {
			gone += n
		}
	}
}
