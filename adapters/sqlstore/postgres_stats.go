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
	query, args := postgresStats.counts(&eventSource, &q)
	return postgresFigures(ctx, s, "count events", &q, query, args, scanCount)
}

// CountMessages implements ports.StatsReader.
func (s *Postgres) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	query, args := postgresStats.counts(&logSource, &q)
	return postgresFigures(ctx, s, "count messages", &q, query, args, scanMessageCount)
}

// Latencies implements ports.StatsReader.
func (s *Postgres) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	c := &conditions{numbered: true}
	// All percentiles share one sort.
	query := "SELECT bucket, a, b, " + throughSums +
		percentiles(func(p string) string { return "percentile_disc(0." + p + ") WITHIN GROUP (ORDER BY took)" }) +
		" FROM (" + postgresStats.rows(c, &logSource, &q, postgresStats.throughColumns()) +
		") s GROUP BY bucket, a, b ORDER BY bucket, a, b" + postgresStats.limit(c, &q)
	return postgresFigures(ctx, s, "measure latencies", &q, query, c.args, scanLatency)
}

// postgresFigures asks with a plan of its own for each question: the days that
// are read differ most of all.
func postgresFigures[R any](ctx context.Context, s *Postgres, operation string, q *ports.StatsQuery, query string, args []any,
	scan func(scanner) (R, error),
) ([]R, error) {
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	if choosesNoStats(q) {
		return nil, postgresError(operation, ctx.Err())
	}
	rows, err := s.readPool.Query(ctx, query, append([]any{pgx.QueryExecModeCacheDescribe}, args...)...)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (R, error) { return scan(row) })
	return list, postgresError(operation, err)
}
