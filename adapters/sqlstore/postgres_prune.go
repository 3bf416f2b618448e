package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Prune implements ports.Pruner. What has a time in its id goes a whole day at
// a time, when the day is over, which holds up no commit; the rest in small
// steps.
func (s *Postgres) Prune(ctx context.Context, events, logs time.Time) (int64, error) {
	if err := s.state.err(); err != nil {
		return 0, postgresError("prune", err)
	}
	gone, err := s.pruneDays(ctx, events, logs)
	if err == nil {
		err = s.pruneRollups(ctx, events, logs)
	}
	for _, step := range postgresPruneSteps(events, logs) {
		if err != nil {
			break
		}
		var n int64
		n, err = s.pruneAll(ctx, step)
		gone += n
	}
	return gone, postgresError("prune", err)
}

func (s *Postgres) pruneDays(ctx context.Context, events, logs time.Time) (int64, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	var gone int64
	for _, old := range []struct {
		tables []string
		cut    time.Time
	}{
		{[]string{eventTable, chunkTable}, events}, {[]string{logTable}, logs},
	} {
		if old.cut.IsZero() {
			continue
		}
		n, err := s.dropDays(ctx, conn.Conn(), old.tables, old.cut)
		gone += n
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// dropDays drops the tables' days that are over before cut, and says how many
// rows the first table had.
func (s *Postgres) dropDays(ctx context.Context, conn *pgx.Conn, tables []string, cut time.Time) (int64, error) {
	var gone int64
	for {
		n, more, err := s.dropOldest(ctx, conn, tables, cut)
		gone += n
		if err != nil || !more {
			return gone, err
		}
	}
}

// dropOldest drops the oldest day, if it is over before cut, under the lock of
// all who make or drop days: else it could be made anew beside the half of its
// tables that is left, and lose what it writes there.
func (s *Postgres) dropOldest(ctx context.Context, conn *pgx.Conn, tables []string, cut time.Time) (gone int64, more bool, err error) {
	unlock, err := lockDays(ctx, conn, s.cfg.Schema)
	if err != nil {
		return 0, false, err
	}
	defer unlock()
	found, err := storedDays(ctx, conn, tables)
	if err == nil {
		err = finishDetaching(ctx, conn, found)
	}
	if err != nil || len(found) == 0 || time.UnixMilli(found[0].day+dayLength).After(cut) {
		return 0, false, err
	}
	for _, p := range found {
		if p.day != found[0].day {
			break
		}
		n, err := dropPartition(ctx, conn, s.cfg.Schema, p)
		if p.table == tables[0] {
			gone += n
		}
		if err != nil {
			return gone, false, err
		}
	}
	return gone, true, nil
}

// finishDetaching ends what someone was interrupted in: while a partition is
// half detached no other can be.
func finishDetaching(ctx context.Context, conn *pgx.Conn, found []storedPartition) error {
	for i := range found {
		p := &found[i]
		if p.state != detaching {
			continue
		}
		if err := finalize(ctx, conn, p.partition); err != nil {
			return err
		}
		p.state = detached
	}
	return nil
}

func finalize(ctx context.Context, conn *pgx.Conn, p partition) error {
	return run(ctx, conn, "ALTER TABLE %s DETACH PARTITION %s FINALIZE", p.table, pgx.Identifier{p.name()}.Sanitize())
}

// dropPartition detaches a partition, which waits for whoever reads or writes
// it without making others wait, and drops it.
func dropPartition(ctx context.Context, conn *pgx.Conn, schema string, p storedPartition) (rows int64, err error) {
	name := pgx.Identifier{p.name()}.Sanitize()
	if p.state == attached {
		if err := run(ctx, conn, "ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY", p.table, name); err != nil {
			return 0, err
		}
	}
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&rows); err != nil {
		return 0, err
	}
	return rows, pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if p.table == eventTable {
			if err := forgetReports(ctx, tx, p.day); err != nil {
				return err
			}
		}
		if p.table == logTable {
			// Roll takes rows of the lists out too, in another order.
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", rollLock(schema)); err != nil {
				return err
			}
			if err := unlistDay(ctx, tx, p.day); err != nil {
				return err
			}
		}
		return run(ctx, tx.Conn(), "DROP TABLE %s", name)
	})
}

// forgetReports takes a day's events from the reports beside them: with its table, see
// unlistDay.
func forgetReports(ctx context.Context, tx pgx.Tx, day int64) error {
	_, err := tx.Exec(ctx, "DELETE FROM email_report WHERE id >= $1::text::uuid AND id < $2::text::uuid",
		dayBound(day), dayBound(day+dayLength))
	return err
}

// unlistDay takes a day's logs from the lists beside the logs: with its table and
// not before, for whoever finds that detached may attach it again.
func unlistDay(ctx context.Context, tx pgx.Tx, day int64) error {
	// Also what was listed after its day was gone.
	if _, err := tx.Exec(ctx, "DELETE FROM email_log_list WHERE last >= $1 AND last < $2::text::uuid",
		[16]byte(firstDated), dayBound(day+dayLength)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM email_log_rare WHERE status = ANY($1)
		AND key >= $2::text::uuid AND key < $3::text::uuid`,
		statusNames(rareStatuses), dayBound(day), dayBound(day+dayLength))
	return err
}

// run runs statements that take no arguments and are prepared by nobody.
func run(ctx context.Context, conn *pgx.Conn, format string, args ...any) error {
	_, err := conn.Exec(ctx, fmt.Sprintf(format, args...), pgx.QueryExecModeSimpleProtocol)
	return err
}

type postgresPrune struct {
	query   string // deletes up to pruneStep rows
	args    []any
	uncount bool // not rows that anyone put in
}

func postgresPruneSteps(events, logs time.Time) []postgresPrune {
	var steps []postgresPrune
	if !events.IsZero() {
		steps = append(steps,
			postgresPrune{query: `WITH old AS MATERIALIZED (
				SELECT id FROM email_event_undated WHERE received_at < $1 ORDER BY id LIMIT $2),
			forgotten AS (DELETE FROM email_report WHERE id IN (SELECT id FROM old))
			DELETE FROM email_event_undated WHERE id IN (SELECT id FROM old)`,
				args: []any{events, pruneStep}},
			postgresPrune{query: `DELETE FROM quarantine WHERE id IN (
				SELECT id FROM quarantine WHERE received_at < $1 ORDER BY id LIMIT $2)`,
				args: []any{events, pruneStep}},
			postgresPrune{uncount: true, query: `DELETE FROM record_chunk_undated WHERE id IN (
				SELECT id FROM record_chunk_undated c
				WHERE NOT EXISTS (SELECT FROM email_event_undated e WHERE e.chunk_id = c.id) LIMIT $1)`,
				args: []any{pruneStep / 50}})
	}
	if !logs.IsZero() {
		// Triggers on email_log see nothing of what is done to a partition.
		steps = append(steps, postgresPrune{query: `WITH old AS MATERIALIZED (
				SELECT key, status FROM email_log_undated WHERE received_at < $1 ORDER BY key LIMIT $2 FOR UPDATE),
			unlisted AS (DELETE FROM email_log_rare r USING old WHERE r.status = old.status AND r.key = old.key)
			DELETE FROM email_log_undated WHERE key IN (SELECT key FROM old)`,
			args: []any{logs, pruneStep}},
			postgresPrune{uncount: true, query: `DELETE FROM email_log_list WHERE ctid IN (
				SELECT ctid FROM email_log_list l WHERE last < $1
					AND NOT EXISTS (SELECT FROM email_log_undated WHERE key = ANY (l.keys)) LIMIT $2)`,
				args: []any{[16]byte(firstDated), pruneStep}},
			postgresPrune{query: pruneRegistrations, args: []any{logs, pruneStep}})
	}
	return steps
}

// pruneAll repeats a step until nothing is left for it.
func (s *Postgres) pruneAll(ctx context.Context, step postgresPrune) (int64, error) {
	var gone int64
	for tries := 1; ; {
		tag, err := s.pool.Exec(ctx, step.query, step.args...)
		n := tag.RowsAffected()
		switch {
		case isPassing(err) && tries < passingTries:
			tries++
			continue
		case err != nil || n == 0:
			return gone, err
		case !step.uncount:
			gone += n
		}
	}
}
