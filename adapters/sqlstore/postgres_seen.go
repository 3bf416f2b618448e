package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"

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
			"WHERE o.hash = hashtextextended(?, "+sourceSeed+") AND o.slot = s.slot)", f.Provider, f.EgressSource)
	}
}

// slotBound is the least key of a slot.
func slotBound(slot string) string {
	return "rpad(lpad(to_hex(300000 * (" + slot + ")), 12, '0'), 32, '0')::uuid"
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
	query = `SELECT ` + postgresLogColumns + ` FROM (SELECT l.* FROM (
			SELECT DISTINCT s.slot FROM email_log_seen s WHERE ` + c.String() + ` ORDER BY s.slot DESC) m
		CROSS JOIN LATERAL (SELECT * FROM email_log WHERE ` + logs + ` ORDER BY key DESC LIMIT ` + assumed(limit) + `) l
		ORDER BY m.slot DESC, l.key DESC LIMIT ` + assumed(limit) + `) l ORDER BY key DESC LIMIT ` + c.placeholder(int64(limit))
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
	latest := "SELECT max(s.slot) / 288 FROM email_log_seen s WHERE " + c.String()
	rows, err := s.pages.Query(ctx, `WITH RECURSIVE d (day) AS (`+latest+`
			UNION ALL SELECT (`+latest+` AND s.slot < 288 * d.day) FROM d WHERE d.day IS NOT NULL)
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
