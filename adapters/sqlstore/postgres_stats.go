package sqlstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.StatsReader = (*Postgres)(nil)

var postgresStats = statsDialect{
	numbered: true,
	bucket: func(column, width string) string {
		return "date_bin(" + width + " * interval '1 microsecond', " + column + ", '0001-01-01 00:00:00+00')"
	},
	domain:  "CASE WHEN strpos(recipient, '@') > 0 THEN nullif(lower(split_part(recipient, '@', -1)), '') END",
	took:    "CASE WHEN delivered_at IS NOT NULL THEN greatest((extract(epoch FROM delivered_at - accepted_at) * 1000000)::bigint, 0) END",
	instant: func(t time.Time) any { return time.UnixMicro(ceilMicro(t)).UTC() },
	key:     func(u uuid) any { return [16]byte(u) },
}

// CountEvents implements ports.StatsReader.
func (s *Postgres) CountEvents(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
	rows, err := countEvents(ctx, s, &q)
	return rows, postgresError("count events", err)
}

// CountMessages implements ports.StatsReader.
func (s *Postgres) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	rows, err := countMessages(ctx, s, &q)
	return rows, postgresError("count messages", err)
}

// Latencies implements ports.StatsReader.
func (s *Postgres) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	rows, err := measureLatencies(ctx, s, &q)
	return rows, postgresError("measure latencies", err)
}

func (s *Postgres) dialect() *statsDialect { return &postgresStats }

func (s *Postgres) percentilesQuery(q *ports.StatsQuery) (query string, args []any) {
	c := &conditions{numbered: true}
	// All percentiles share one sort.
	query = "SELECT bucket, a, b, " + throughSums +
		percentiles(func(p string) string { return "percentile_disc(0." + p + ") WITHIN GROUP (ORDER BY took)" }) +
		" FROM (" + postgresStats.rows(c, &logSource, q, postgresStats.throughColumns()) +
		") s GROUP BY bucket, a, b ORDER BY bucket, a, b" + postgresStats.limit(c, q)
	return query, c.args
}

// queryStats asks with a plan of its own for each question: the days that are
// read differ most of all.
func (s *Postgres) queryStats(ctx context.Context, query string, args []any, scan func(scanner) error) error {
	if err := s.state.err(); err != nil {
		return err
	}
	rows, err := s.readPool.Query(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// readRolled asks for all in one statement, which sees one moment.
func (s *Postgres) readRolled(ctx context.Context, source *statsSource, a *statsAnswer) error {
	ofMessages := source == &logSource
	unpack, packed, before, rows := unpackTallies, "events", "events", "before"
	if ofMessages {
		unpack, packed, before, rows = unpackMessages, "messages", "NULL", "logs"
	}
	c := &conditions{numbered: true}
	query := postgresStats.rolled(c, source, a.statsPlan, ", NULL::bytea AS packed, NULL::bytea AS list") +
		" UNION ALL SELECT 0, '', '', NULL, " + packed + ", NULL FROM unit_tally WHERE " + packed + " IS NOT NULL" +
		" UNION ALL SELECT 0, '', '', NULL, " + before + ", array_send(" + rows + ") FROM tally_delta" +
		" WHERE " + before + " IS NOT NULL OR " + rows + " IS NOT NULL"
	return s.queryStats(ctx, query, c.args, func(row scanner) error {
		var bucket int64
		var first, second string
		var sums, packed, list []byte
		if err := row.Scan(&bucket, &first, &second, &sums, &packed, &list); err != nil {
			return err
		}
		switch {
		case sums != nil:
			return a.addRolled(bucket, first, second, sums)
		case packed != nil:
			return unpack(packed, a.names, a.addDelta)
		}
		return unpackRows(list, a.names, ofMessages, a.addDelta)
	})
}
