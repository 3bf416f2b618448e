package sqlstore

import (
	"context"
	"strings"
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
	rows, err := countEvents(ctx, s, &q)
	return rows, sqliteError("count events", err)
}

// CountMessages implements ports.StatsReader.
func (s *SQLite) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	rows, err := countMessages(ctx, s, &q)
	return rows, sqliteError("count messages", err)
}

// Latencies implements ports.StatsReader.
func (s *SQLite) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	rows, err := measureLatencies(ctx, s, &q)
	return rows, sqliteError("measure latencies", err)
}

func (s *SQLite) dialect() *statsDialect { return &sqliteStats }

func (s *SQLite) percentilesQuery(q *ports.StatsQuery) (query string, args []any) {
	c := &conditions{}
	query = "SELECT bucket, a, b, " + throughSums +
		percentiles(func(p string) string { return "max(CASE WHEN place = (n * " + p + " + 99) / 100 THEN took END)" }) +
		" FROM (SELECT *, row_number() OVER (PARTITION BY bucket, a, b ORDER BY took NULLS LAST) AS place," +
		" count(took) OVER (PARTITION BY bucket, a, b) AS n FROM (" +
		sqliteStats.rows(c, &logSource, q, sqliteStats.throughColumns()) +
		")) GROUP BY bucket, a, b ORDER BY bucket, a, b" + sqliteStats.limit(c, q)
	return query, c.args
}

func (s *SQLite) queryStats(ctx context.Context, query string, args []any, scan func(scanner) error) error {
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// deltaColumns are what tallyOf reads, in its order.
const deltaColumns = "n, at, provider, recipient, tenant, campaign, egress_source, cause, kind, attempts, delivered_at"

// delta is a row of tally_delta.
type delta struct {
	n, at, attempts                                                  integer
	delivered                                                        any
	provider, recipient, tenant, campaign, egressSource, cause, kind text
}

func (d *delta) dest() []any {
	return []any{
		&d.n, &d.at, &d.provider, &d.recipient, &d.tenant, &d.campaign, &d.egressSource, &d.cause, &d.kind,
		&d.attempts, &d.delivered,
	}
}

func (d *delta) tally(names *symbols, ofMessages bool) *tally {
	t := &tally{minute: minuteOf(int64(d.at)), kind: string(d.kind), n: int64(d.n)}
	for i, text := range [...]string{
		string(d.provider), domainOf(string(d.recipient)), string(d.tenant), string(d.campaign), string(d.egressSource), string(d.cause),
	} {
		t.dims[i] = names.add(text)
	}
	if ofMessages {
		delivered, isDelivered := d.delivered.(int64)
		t.passage = passageOf(t.kind, int64(d.attempts), int64(d.at), delivered, isDelivered)
	}
	return t
}

// readRolled asks for all in one statement, which sees one moment.
func (s *SQLite) readRolled(ctx context.Context, source *statsSource, a *statsAnswer) error {
	ofMessages := source == &logSource
	c := &conditions{}
	query := sqliteStats.rolled(c, source, a.statsPlan, strings.Repeat(", NULL", 11)) +
		" UNION ALL SELECT NULL, NULL, NULL, NULL, " + deltaColumns + " FROM tally_delta WHERE of_messages = ?"
	return s.queryStats(ctx, query, append(c.args, boolValue(ofMessages)), func(row scanner) error {
		var bucket integer
		var first, second text
		var sums []byte
		var d delta
		if err := row.Scan(append([]any{&bucket, &first, &second, &sums}, d.dest()...)...); err != nil {
			return err
		}
		if sums != nil {
			return a.addRolled(int64(bucket), string(first), string(second), sums)
		}
		a.addDelta(d.tally(a.names, ofMessages))
		return nil
	})
}
