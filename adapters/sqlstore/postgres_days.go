package sqlstore

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
)

// Tables that have a partition a day.
const (
	eventTable = "email_event"
	chunkTable = "record_chunk"
	logTable   = "email_log"
)

// partition is one day of a table.
type partition struct {
	table string
	day   int64 // its first millisecond, 0 for that of time 0
}

func (p partition) name() string {
	if p.day == 0 {
		return p.table + "_undated"
	}
	return p.table + time.UnixMilli(p.day).UTC().Format("_20060102")
}

// options are those that a partitioned table cannot pass on.
func (p partition) options() string {
	if p.table == logTable {
		return "WITH (fillfactor = 50)" // see the schema
	}
	return ""
}

// dayBound returns the least uuid of a day.
func dayBound(day int64) string {
	var b [16]byte
	putMillis(b[:], day)
	return domain.LogKey(b).String()
}

const dayLength = int64(24 * time.Hour / time.Millisecond)

// days returns the partitions that the unit's rows go to, but for those of time
// 0.
func (u *unit) days() []partition {
	var list []partition
	add := func(table string, day int64) {
		// Ids come in order, so equal days are neighbours.
		if p := (partition{table, day}); day != 0 && (len(list) == 0 || list[len(list)-1] != p) {
			list = append(list, p)
		}
	}
	for _, i := range u.firsts {
		add(eventTable, dayOf(u.Events[i].ID))
	}
	for _, p := range slices.Clone(list) {
		add(chunkTable, p.day)
	}
	for i := range u.logs {
		add(logTable, dayOf(domain.EventID(u.logs[i].Key)))
	}
	return list
}

// makeDaysAhead makes the partitions of yesterday and of some days from now on.
func (s *Postgres) makeDaysAhead(ctx context.Context, now time.Time) error {
	var list []partition
	for d := -1; d <= s.cfg.DaysAhead; d++ {
		day := dayStart(now).AddDate(0, 0, d).UnixMilli()
		list = append(list, partition{eventTable, day}, partition{chunkTable, day}, partition{logTable, day})
	}
	return s.makeDays(ctx, list)
}

// makeDays makes what is missing of the partitions.
func (s *Postgres) makeDays(ctx context.Context, list []partition) error {
	return s.withDays(ctx, list, func() error { return nil })
}

// withDays makes what is missing of the partitions and does work under the lock
// of all who make or drop days: else a prune could take a day again before work
// is in it, and so each time. work must not make days itself.
func (s *Postgres) withDays(ctx context.Context, list []partition, work func() error) error {
	// Others of this process would make the same; the connections are few.
	s.days.Lock()
	defer s.days.Unlock()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	unlock, err := lockDays(ctx, conn.Conn(), s.cfg.Schema)
	if err != nil {
		return err
	}
	defer unlock()
	found, err := storedDays(ctx, conn.Conn(), []string{eventTable, chunkTable, logTable})
	if err != nil {
		return err
	}
	made := 0
	for _, p := range list {
		if slices.Contains(found, storedPartition{p, attached}) {
			continue
		}
		if err := s.makeDay(ctx, conn.Conn(), p); err != nil {
			return err
		}
		if err := renotice(ctx, conn.Conn(), p.table); err != nil {
			return err
		}
		made++
	}
	if made > 0 {
		s.cfg.Log.Debug("made days", slog.Int("partitions", made))
	}
	return work()
}

// renotice tells all connections once more that a table has another day.
// ATTACH PARTITION waits for nobody and tells them too, but one that makes its list of
// the days just then may keep the list without the new day: of 2,800 that met a day
// that was being made one did, until it was told of the next change (PostgreSQL 15).
// Rows would find no day, and readers pass over it. So it is told at once: while other
// days are still being made, mail may come to this one.
func renotice(ctx context.Context, conn *pgx.Conn, table string) error {
	column := "id"
	if table == logTable {
		column = "key"
	}
	// Changes nothing, under no stronger lock than that of ATTACH.
	return run(ctx, conn, "ALTER TABLE ONLY %s ALTER COLUMN %s SET STATISTICS -1", table, column)
}

// lockDays waits for whoever makes or drops days. The lock is the session's, for
// DETACH CONCURRENTLY allows no transaction.
func lockDays(ctx context.Context, conn *pgx.Conn, schema string) (unlock func(), err error) {
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", advisoryLock(schema)); err != nil {
		return nil, err
	}
	return func() {
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1)", advisoryLock(schema)); err != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}, nil
}

// makeDay makes a table and attaches it, which lets the partitioned table's
// readers and writers be; CREATE TABLE PARTITION OF would wait for all of them
// and hold up the next. One transaction each: many odd dates at once would ask
// for more locks than the server has room for.
//
// Where the table is there already, left by someone who was interrupted after
// he had detached it, it is attached again.
func (s *Postgres) makeDay(ctx context.Context, conn *pgx.Conn, p partition) error {
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		found, err := storedDays(ctx, tx.Conn(), []string{p.table})
		if err != nil {
			return err
		}
		name := pgx.Identifier{p.name()}.Sanitize()
		i := slices.IndexFunc(found, func(f storedPartition) bool { return f.partition == p })
		switch {
		case i < 0:
			err = run(ctx, tx.Conn(), "CREATE TABLE %s (LIKE %s INCLUDING ALL) %s", name, p.table, p.options())
		case found[i].state == attached:
			return nil
		case found[i].state == detaching:
			err = finalize(ctx, tx.Conn(), p)
		}
		if err != nil {
			return err
		}
		return run(ctx, tx.Conn(), "ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM ('%s') TO ('%s')",
			p.table, name, dayBound(p.day), dayBound(p.day+dayLength))
	})
}

// storedPartition is a partition that has a table.
type storedPartition struct {
	partition
	state string
}

// States of a partition's table.
const (
	attached  = "attached"
	detaching = "detaching" // begun and not finished
	detached  = "detached"
)

// storedDays returns the days of the tables by time, those of one day in order
// of tables. That of time 0 is not among them.
func storedDays(ctx context.Context, conn *pgx.Conn, tables []string) ([]storedPartition, error) {
	rows, err := conn.Query(ctx, `SELECT t.name, c.relname,
			CASE WHEN i.inhrelid IS NULL THEN 'detached' WHEN i.inhdetachpending THEN 'detaching' ELSE 'attached' END
		FROM unnest($1::text[]) WITH ORDINALITY t (name, place)
		JOIN pg_class c ON c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
			AND c.relkind = 'r'
			AND c.relname ~ ('^' || t.name || '_[0-9]{8}$')
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
		ORDER BY right(c.relname, 8), t.place`, tables)
	if err != nil {
		return nil, err
	}
	var list []storedPartition
	var name string
	var p storedPartition
	_, err = pgx.ForEachRow(rows, []any{&p.table, &name, &p.state}, func() error {
		day, err := time.Parse("20060102", name[len(p.table)+1:])
		p.day = day.UnixMilli()
		list = append(list, p)
		return err
	})
	return list, err
}
