package sqlstore

import (
	"context"
	"fmt"
	"slices"
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
	found, err := storedDays(ctx, conn, tables)
	if err != nil {
		return 0, err
	}
	var gone int64
	for len(found) > 0 && !time.UnixMilli(found[0].day+dayLength).After(cut) {
		day := found[0].day
		n := slices.IndexFunc(found, func(p storedPartition) bool { return p.day != day })
		if n < 0 {
			n = len(found)
		}
		rows, err := s.dropDay(ctx, conn, found[:n], tables[0])
		gone += rows
		if err != nil {
			return gone, err
		}
		found = found[n:]
	}
	return gone, nil
}

// dropDay drops the partitions of one day under the lock of all who make days:
// else the day could be made anew beside the half of its tables that is left,
// and lose what it writes there. It says how many rows that of counted had.
func (s *Postgres) dropDay(ctx context.Context, conn *pgx.Conn, parts []storedPartition, counted string) (gone int64, err error) {
	// A lock of the session, for DETACH CONCURRENTLY allows no transaction.
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", advisoryLock(s.cfg.Schema)); err != nil {
		return 0, err
	}
	defer func() {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", advisoryLock(s.cfg.Schema)); err != nil {
			_ = conn.Close(ctx)
		}
	}()
	for _, p := range parts {
		n, err := dropPartition(ctx, conn, p)
		if p.table == counted {
			gone += n
		}
		if err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// dropPartition detaches a partition, which waits for whoever reads or writes
// it without making others wait, and drops it.
func dropPartition(ctx context.Context, conn *pgx.Conn, p storedPartition) (rows int64, err error) {
	name := pgx.Identifier{p.name()}.Sanitize()
	switch p.state {
	case attached:
		err = run(ctx, conn, "ALTER TABLE %s DETACH PARTITION %s CONCURRENTLY", p.table, name)
	case detaching:
		err = run(ctx, conn, "ALTER TABLE %s DETACH PARTITION %s FINALIZE", p.table, name)
	}
	if err != nil {
		return 0, err
	}
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+name).Scan(&rows); err != nil {
		return 0, err
	}
	return rows, run(ctx, conn, "DROP TABLE %s", name)
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
			postgresPrune{query: `DELETE FROM email_event_undated WHERE id IN (
				SELECT id FROM email_event_undated WHERE received_at < $1 ORDER BY id LIMIT $2)`,
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
		steps = append(steps, postgresPrune{query: `DELETE FROM email_log_undated WHERE key IN (
			SELECT key FROM email_log_undated WHERE received_at < $1 ORDER BY key LIMIT $2)`,
			args: []any{logs, pruneStep}})
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
