package sqlstore

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.StatsReader = (*SQLite)(nil)

var sqliteStats = statsDialect{
	bucket: func(column, width string) string {
		// SQLite's remainder has the sign of its left side.
		return column + " - ((" + column + " % " + width + ") + " + width + ") % " + width
	},
	domain: "CASE WHEN instr(recipient, '@') > 0 THEN nullif(lower(" +
		"substr(recipient, length(rtrim(recipient, replace(recipient, '@', ''))) + 1)), '') END",
	took:    "max(delivered_at - accepted_at, 0)",
	instant: func(t time.Time) any { return ceilMicro(t) },
	key:     func(u uuid) any { return u[:] },
}

// CountEvents implements ports.StatsReader.
func (s *SQLite) CountEvents(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
	query, args := sqliteStats.counts(&eventSource, &q)
	return sqliteFigures(ctx, s, "count events", &q, query, args, scanCount)
}

// CountMessages implements ports.StatsReader.
func (s *SQLite) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	query, args := sqliteStats.counts(&logSource, &q)
	return sqliteFigures(ctx, s, "count messages", &q, query, args, scanMessageCount)
}

// Latencies implements ports.StatsReader.
func (s *SQLite) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	c := &conditions{}
	query := "SELECT bucket, a, b, " + throughSums +
		percentiles(func(p string) string { return "max(CASE WHEN place = (n * " + p + " + 99) / 100 THEN took END)" }) +
		" FROM (SELECT *, row_number() OVER (PARTITION BY bucket, a, b ORDER BY took NULLS LAST) AS place," +
		" count(took) OVER (PARTITION BY bucket, a, b) AS n FROM (" +
		sqliteStats.rows(c, &logSource, &q, sqliteStats.throughColumns()) +
		")) GROUP BY bucket, a, b ORDER BY bucket, a, b" + sqliteStats.limit(c, &q)
	return sqliteFigures(ctx, s, "measure latencies", &q, query, c.args, scanLatency)
}

func sqliteFigures[R any](ctx context.Context, s *SQLite, operation string, q *ports.StatsQuery, query string, args []any,
	scan func(scanner) (R, error),
) ([]R, error) {
	if choosesNoStats(q) {
		return nil, sqliteError(operation, ctx.Err())
	}
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	list, err := collect(rows, func() (R, error) { return scan(rows) })
	return list, sqliteError(operation, err)
}
