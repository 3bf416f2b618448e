package sqlstore

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.VitalsReader = (*Postgres)(nil)

// Vitals implements ports.VitalsReader. Bytes are those of the schema.
func (s *Postgres) Vitals(ctx context.Context) (ports.Vitals, error) {
	const operation = "read vitals"
	var v ports.Vitals
	if err := s.state.err(); err != nil {
		return v, postgresError(operation, err)
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return v, postgresError(operation, err)
	}
	defer conn.Release()
	for _, read := range []func(context.Context, *pgx.Conn, *ports.Vitals) error{
		countWaiting, readOldestAnnounced, countUnsummed, readDays, readPartitions, readBytes,
	} {
		if err := read(ctx, conn.Conn(), &v); err != nil {
			return ports.Vitals{}, postgresError(operation, err)
		}
	}
	return v, nil
}

// countWaiting reads no values: their lengths stand in the rows.
func countWaiting(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	return conn.QueryRow(ctx, `SELECT count(*), coalesce(sum(octet_length(events)), 0) / 16,
			(SELECT count(*) FROM quarantine) FROM outbox`).
		Scan(&v.Announcements, &v.Announced, &v.Quarantined)
}

// readOldestAnnounced asks in two steps, for the id as a parameter finds its
// partition without a look into all others.
func readOldestAnnounced(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	var id []byte
	var changes text
	err := conn.QueryRow(ctx, `SELECT substr(events, 1, 16), changes FROM outbox ORDER BY id LIMIT 1`).Scan(&id, &changes)
	switch {
	case err == nil && changes != "":
		return setOldestChange(v, changes)
	case err == nil:
		var received micros
		err = conn.QueryRow(ctx, `SELECT received_at FROM email_event WHERE id = $1`, [16]byte(id)).Scan(&received)
		v.OldestAnnounced = received.Time
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

func countUnsummed(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	var oldest micros
	err := conn.QueryRow(ctx, `SELECT (SELECT count(*) FROM tally_delta) + (SELECT count(*) FROM unit_tally),
			least((SELECT noted_at FROM tally_delta ORDER BY id LIMIT 1), (SELECT noted_at FROM unit_tally ORDER BY id LIMIT 1))`).
		Scan(&v.Unsummed, &oldest)
	v.OldestUnsummed = oldest.Time
	return err
}

// readDays looks into as many partitions as are empty at either end.
func readDays(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	var oldest, newest []byte
	err := conn.QueryRow(ctx, `SELECT
			(SELECT uuid_send(id) FROM email_event WHERE id >= $1 ORDER BY id LIMIT 1),
			(SELECT uuid_send(id) FROM email_event WHERE id >= $1 ORDER BY id DESC LIMIT 1)`,
		dayBound(1)).Scan(&oldest, &newest)
	setDays(v, oldest, newest)
	return err
}

func readPartitions(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	found, err := storedDays(ctx, conn, []string{eventTable})
	for _, p := range found {
		if p.state == attached {
			v.Partitions++
			v.LastPartition = time.UnixMilli(p.day).UTC()
		}
	}
	return err
}

func readBytes(ctx context.Context, conn *pgx.Conn, v *ports.Vitals) error {
	return conn.QueryRow(ctx, `SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
		WHERE relkind = 'r' AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())`).
		Scan(&v.Bytes)
}
