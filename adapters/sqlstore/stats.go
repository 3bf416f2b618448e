package sqlstore

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// statsDialect is what the databases say in different words of figures.
type statsDialect struct {
	numbered bool
	// bucket is when that begins which a column's time is in, by the width in
	// microseconds.
	bucket func(column, width string) string
	domain string // of the recipient, NULL for none
	// took is the time from acceptance to delivery in microseconds.
	took    string
	instant func(time.Time) any
	key     func(uuid) any
}

// statsSource is a table that figures are made of.
type statsSource struct {
	table, key, at string
	kind           string // what rows are told apart by at last
	always         string // asked of every row, "" for nothing
	// aside are rows whose keys have another time than their own, and which have
	// an index by that; "" for none.
	aside  string
	rollup string // the table that sums them up
}

var (
	eventSource = statsSource{eventTable, "id", "occurred_at", "type", "", "type = 'oob'", "event_rollup"}
	logSource   = statsSource{"email_log", "key", "accepted_at", "status", "confirmed AND NOT of_report", "", "message_rollup"}
)

// choosesNoStats says whether q asks for a text that no column can hold.
func choosesNoStats(q *ports.StatsQuery) bool {
	return !allCanBe(q.Tenant, q.Campaign, q.Provider, q.Domain)
}

// rows returns a statement for what q chooses: of each its bucket, its group as
// a and b, and more columns. A part of it for each range, so that each is found
// by its keys; those without a time may be of any.
func (d *statsDialect) rows(c *conditions, source *statsSource, q *ports.StatsQuery, more string) string {
	width := decimal(max(q.Width.Microseconds(), 1))
	columns := d.bucket(source.at, width) + " AS bucket, " + d.dimension(q.By, 0) + " AS a, " + d.dimension(q.By, 1) + " AS b, " + more
	var parts []string
	part := func(condition string, values ...any) {
		c.texts = nil
		d.conditions(c, source, q)
		c.add(condition, values...)
		parts = append(parts, "SELECT "+columns+" FROM "+source.table+" WHERE "+c.String())
	}
	ranges, within := keyRanges(&ports.LogFilter{From: q.From, To: q.To}, domain.LogKey{}), source.key+" >= ? AND "+source.key+" < ?"
	if isBounded := !q.From.IsZero() || !q.To.IsZero(); isBounded && source.aside != "" {
		part(source.aside)
		within += " AND NOT " + source.aside
	}
	for _, r := range ranges {
		part(within, d.key(r.least), d.key(r.below))
	}
	return strings.Join(parts, " UNION ALL ")
}

func (d *statsDialect) conditions(c *conditions, source *statsSource, q *ports.StatsQuery) {
	c.add(source.at + " IS NOT NULL")
	if source.always != "" {
		c.add(source.always)
	}
	for _, text := range []struct{ column, value string }{
		{"tenant", q.Tenant}, {"campaign", q.Campaign}, {"provider", q.Provider}, {d.domain, strings.ToLower(q.Domain)},
	} {
		if text.value != "" {
			c.add(text.column+" = ?", text.value)
		}
	}
	if !q.From.IsZero() {
		c.add(source.at+" >= ?", d.instant(q.From))
	}
	if !q.To.IsZero() {
		c.add(source.at+" < ?", d.instant(q.To))
	}
}

// dimension is the column of the query's dimension i, ” for what is not known.
// No text of a caller's gets into a statement.
func (d *statsDialect) dimension(by []ports.Dimension, i int) string {
	known := []ports.Dimension{ports.ByProvider, ports.ByTenant, ports.ByCampaign, ports.ByEgressSource, ports.ByCause}
	switch {
	case i >= len(by):
		return "''"
	case by[i] == ports.ByDomain:
		return "coalesce(" + d.domain + ", '')"
	case slices.Contains(known, by[i]):
		return "coalesce(" + string(by[i]) + ", '')"
	}
	return "''"
}

// counts returns a statement that counts by bucket, group and kind.
func (d *statsDialect) counts(source *statsSource, q *ports.StatsQuery) (query string, args []any) {
	c := &conditions{numbered: d.numbered}
	query = "SELECT bucket, a, b, kind, count(*) FROM (" + d.rows(c, source, q, source.kind+" AS kind") +
		") s GROUP BY bucket, a, b, kind ORDER BY bucket, a, b, kind" + d.limit(c, q)
	return query, c.args
}

// throughColumns are those that tell how a message came through.
func (d *statsDialect) throughColumns() string {
	return "attempts, CASE WHEN attempts > 1 OR attempts = 1 AND status IN ('deferred', 'expired') THEN 1 END AS deferred, " +
		d.took + " AS took"
}

// sums of throughColumns, in the order of ports.Latency.
const throughSums = "count(*), count(CASE WHEN attempts > 0 THEN 1 END), count(deferred), count(took), " +
	"count(CASE WHEN attempts <= 1 THEN took END)"

// passages returns a statement that counts messages by bucket, group and how
// they came through.
func (d *statsDialect) passages(q *ports.StatsQuery) (query string, args []any) {
	c := &conditions{numbered: d.numbered}
	columns := "status, attempts, coalesce(" + d.took + ", 0) AS took, CASE WHEN delivered_at IS NULL THEN 0 ELSE 1 END AS delivered"
	query = "SELECT bucket, a, b, status, attempts, took, delivered, count(*) FROM (" + d.rows(c, &logSource, q, columns) +
		") s GROUP BY bucket, a, b, status, attempts, took, delivered"
	return query, c.args
}

// rolled returns a statement for the rows of a roll-up that the plan speaks of:
// bucket, a, b and sums, and more columns.
func (d *statsDialect) rolled(c *conditions, source *statsSource, p *statsPlan, more string) string {
	wantA, wantB := p.wanted()
	var parts []string
	for _, s := range p.rolled {
		c.texts = nil
		c.add("facet = ? AND width = ? AND bucket >= ? AND bucket < ?", int64(p.facet), s.width, s.from, s.below)
		if wantA != "" {
			c.add("a = ?", wantA)
		}
		if wantB != "" {
			c.add("b = ?", wantB)
		}
		parts = append(parts, "SELECT bucket, a, b, sums"+more+" FROM "+source.rollup+" WHERE "+c.String())
	}
	return strings.Join(parts, " UNION ALL ")
}

func (d *statsDialect) limit(c *conditions, q *ports.StatsQuery) string {
	if q.Limit <= 0 {
		return ""
	}
	return " LIMIT " + c.placeholder(int64(q.Limit))
}

func scanStats(row scanner, bucket *time.Time, group *ports.Group, rest ...any) error {
	var at micros
	err := row.Scan(append([]any{&at, &group[0], &group[1]}, rest...)...)
	*bucket = at.Time
	return err
}

func scanLatency(row scanner) (ports.Latency, error) {
	var l ports.Latency
	var took [len(ports.Percentiles)]integer
	err := scanStats(row, &l.Bucket, &l.Group, &l.Messages, &l.Tried, &l.Deferred, &l.Delivered, &l.AtFirst,
		&took[0], &took[1], &took[2], &took[3])
	for i, t := range took {
		l.Took[i] = int64(t)
	}
	return l, err
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

// percentiles writes a column for each percentile, which column has by its whole
// percents.
func percentiles(column func(percents string) string) string {
	var b strings.Builder
	for _, p := range ports.Percentiles {
		b.WriteString(", " + column(decimal(int64(p))))
	}
	return b.String()
}
