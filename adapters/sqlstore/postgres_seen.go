package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// What email_log_seen is made of: slots of time, and hashes with seeds.
const (
	slotLength   = 300_000 // ms
	providerSeed = "1"
	sourceSeed   = "2"
)

// isSparse says whether f is asked for by what email_log_seen knows of.
func isSparse(f *ports.LogFilter) bool {
	return (f.Provider != "" || f.EgressSource != "") && !isNarrow(f) && !isRare(f)
}

// seen adds that a row s of email_log_seen is of what f asks for.
func seen(c *conditions, f *ports.LogFilter) {
	switch {
	case f.Provider == "":
		c.add("s.hash = hashtextextended(?, "+sourceSeed+")", f.EgressSource)
	case f.EgressSource == "":
		c.add("s.hash = hashtextextended(?, "+providerSeed+")", f.Provider)
	default:
		c.add("s.hash = hashtextextended(?, "+providerSeed+") AND EXISTS (SELECT FROM email_log_seen o "+
			"WHERE o.hash = hashtextextended(?, "+sourceSeed+") AND o.slot = s.slot OFFSET 0)", f.Provider, f.EgressSource)
	}
}

// slotBound is the least key of a slot.
func slotBound(slot string) string {
	return "rpad(lpad(to_hex(300000 * (" + slot + ")), 12, '0'), 32, '0')::uuid"
}

// fewSlots are so many that to look into each takes no longer than to look through
// the days that they are of.
const fewSlots = 200

// seenLogs reads a page of what was seen: from slots, or from whole days where an
// index leads through them and there are many slots.
func (s *Postgres) seenLogs(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if indexOf(f) == byKey {
		return s.pageWithin(ctx, f, ranges, limit, both)
	}
	slots := 0
	for _, r := range ranges {
		n, err := s.countSlots(ctx, f, r)
		if err != nil {
			return nil, err
		}
		slots += n
	}
	if slots <= fewSlots {
		return pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
			query, args := postgresSparseQuery(f, r, limit, both)
			return s.queryLogs(ctx, query, args, limit)
		})
	}
	ranges, err := s.seenDays(ctx, f, ranges)
	if err != nil {
		return nil, err
	}
	return s.pageWithin(ctx, f, ranges, limit, both)
}

// countSlots counts the slots of r that have what f asks for, as far as it matters.
func (s *Postgres) countSlots(ctx context.Context, f *ports.LogFilter, r uuidRange) (n int, err error) {
	c := &conditions{numbered: true}
	seen(c, f)
	c.add("s.slot >= ? AND s.slot <= ?", slotOf(r.least), slotOf(r.below))
	err = s.pages.QueryRow(ctx, `SELECT count(*) FROM (SELECT FROM email_log_seen s WHERE `+c.String()+
		` LIMIT `+c.placeholder(int64(fewSlots+1))+`) m`, c.args...).Scan(&n)
	return n, err
}

// postgresSparseQuery looks into the slots that have what f asks for, the latest
// first, until there is a page.
func postgresSparseQuery(f *ports.LogFilter, r uuidRange, limit int, both bool) (query string, args []any) {
	c := postgresDialect.conditions(f)
	if !both {
		c.add("of_report = ?", f.Reports)
	}
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below)) // leaves out days at once
	c.add("key >= " + slotBound("m.slot") + " AND key < " + slotBound("m.slot + 1"))
	logs := c.String()
	c.texts = nil
	seen(c, f)
	c.add("s.slot >= ? AND s.slot <= ?", slotOf(r.least), slotOf(r.below))
	order := postgresOrder(indexOf(f))
	query = `SELECT ` + postgresLogColumns + ` FROM (SELECT l.* FROM (
			SELECT DISTINCT s.slot FROM email_log_seen s WHERE ` + c.String() + ` ORDER BY s.slot DESC) m
		CROSS JOIN LATERAL (SELECT * FROM email_log WHERE ` + logs + ` ORDER BY ` + order + ` LIMIT ` + assumed(limit) + `) l
		ORDER BY m.slot DESC, l.` + order + ` LIMIT ` + assumed(limit) + `) l ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// slotOf returns the slot of the time in u.
func slotOf(u uuid) int64 {
	return int64(binary.BigEndian.Uint64(u[:8])>>16) / slotLength
}

// seenDays cuts ranges down to the days that have what f asks for, a run of days
// as one.
func (s *Postgres) seenDays(ctx context.Context, f *ports.LogFilter, ranges []uuidRange) ([]uuidRange, error) {
	var list []uuidRange
	for _, r := range ranges {
		days, err := s.daysSeen(ctx, f, r)
		if err != nil {
			return nil, err
		}
		for len(days) > 0 {
			n := 1
			for n < len(days) && days[n] == days[n-1]-1 {
				n++
			}
			list = append(list, r.ofDays(days[n-1], days[0]))
			days = days[n:]
		}
	}
	return list, nil
}

// daysSeen returns the days of r, since 1970, that have what f asks for, the latest
// first. From each the index leads to the next, past the slots between.
func (s *Postgres) daysSeen(ctx context.Context, f *ports.LogFilter, r uuidRange) ([]int64, error) {
	c := &conditions{numbered: true}
	seen(c, f)
	c.add("s.slot >= ? AND s.slot <= ?", slotOf(r.least), slotOf(r.below))
	latest := "SELECT s.slot / 288 FROM email_log_seen s WHERE " + c.String()
	const first = " ORDER BY s.slot DESC LIMIT 1)"
	rows, err := s.pages.Query(ctx, `WITH RECURSIVE d (day) AS ((`+latest+first+`
			UNION ALL SELECT (`+latest+` AND s.slot < 288 * d.day`+first+` FROM d WHERE d.day IS NOT NULL)
		SELECT day FROM d WHERE day IS NOT NULL`, c.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[int64])
}

// ofDays returns what of r is in the days from first to last, since 1970. The first
// of all has what has no time.
func (r uuidRange) ofDays(first, last int64) uuidRange {
	if least := uuidAt(first * dayLength); first > 0 && bytes.Compare(least[:], r.least[:]) > 0 {
		r.least = least
	}
	return r.until(uuidAt((last + 1) * dayLength))
}
