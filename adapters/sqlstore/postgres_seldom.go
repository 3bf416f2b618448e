package sqlstore

import (
	"bytes"
	"context"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// sparsePage reads a page by provider or egress source. Where there was little of
// that its logs are listed; the rest is looked for where it was seen, and no
// further down than the page reaches.
func (s *Postgres) sparsePage(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	var page []domain.EmailLog
	for _, hash := range seldomHashes(f) {
		logs, err := pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
			query, args := postgresSeldomQuery(f, hash, r, limit, both)
			return s.queryLogs(ctx, query, args, limit)
		})
		if err != nil {
			return nil, err
		}
		page = greatest(limit, page, logs)
		ranges = worthwhile(ranges, page, limit)
	}
	logs, err := s.seenLogs(ctx, f, ranges, limit, both)
	return greatest(limit, page, logs), err
}

// worthwhile returns what of ranges may still have logs for a page.
func worthwhile(ranges []uuidRange, page []domain.EmailLog, limit int) []uuidRange {
	if len(page) < limit {
		return ranges
	}
	above := successor(uuid(page[limit-1].Key))
	var list []uuidRange
	for _, r := range ranges {
		if bytes.Compare(r.least[:], above[:]) < 0 {
			r.least = above
		}
		list = append(list, kept(r)...)
	}
	return list
}

// hashed is a value by whose hash email_log_seldom lists logs.
type hashed struct{ value, seed string }

// seldomHashes are those that f asks for. A log that has both values is listed by
// one, or by none, and then its five minutes are noted for both.
func seldomHashes(f *ports.LogFilter) (list []hashed) {
	if f.Provider != "" {
		list = append(list, hashed{f.Provider, providerSeed})
	}
	if f.EgressSource != "" {
		list = append(list, hashed{f.EgressSource, sourceSeed})
	}
	return list
}

// postgresSeldomQuery walks a list and looks each log up, which OFFSET 0 keeps the
// planner from doing in another order.
func postgresSeldomQuery(f *ports.LogFilter, of hashed, r uuidRange, limit int, both bool) (query string, args []any) {
	c := postgresDialect.conditionsBy(f, byKey)
	if !both {
		c.add("of_report = ?", f.Reports)
	}
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below)) // leaves out days at once
	c.add("key = r.key")
	logs := c.String()
	c.texts = nil
	if hash := "hashtextextended(?, " + of.seed + ")"; f.Tenant == "" {
		c.add("hash = "+hash, of.value)
	} else {
		c.add("hash # tenant = "+hash+" # hashtextextended(?, 0)", of.value, f.Tenant)
	}
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
	const order = "key DESC NULLS LAST" // see postgresOrder
	query = `SELECT ` + postgresLogColumns + ` FROM (SELECT l.* FROM (
			SELECT DISTINCT key FROM email_log_seldom WHERE ` + c.String() + ` ORDER BY ` + order + `) r
		CROSS JOIN LATERAL (SELECT * FROM email_log WHERE ` + logs + ` OFFSET 0) l
		ORDER BY r.` + order + ` LIMIT ` + assumed(limit) + `) l ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}
