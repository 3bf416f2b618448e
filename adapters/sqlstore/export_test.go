package sqlstore

import (
	"math"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// IsRare says whether a page is read from the lists of rare statuses.
func IsRare(f ports.LogFilter) bool { return isRare(&f) }

// PostgresLogQueries are the statements of a page, as far as they are needed.
func PostgresLogQueries(f ports.LogFilter, limit int) (queries []string, args [][]any) {
	ranges := keyRanges(&f, domain.LogKey{})
	if !isNarrow(&f) {
		ranges = inSteps(ranges, time.Now())
	}
	for _, r := range ranges {
		query, values := postgresLogQuery(&f, r, limit, false)
		queries, args = append(queries, query), append(args, values)
	}
	return queries, args
}

// IsListed says whether a page is read by a list of keys.
func IsListed(f ports.LogFilter) bool { return isListed(&f) }

// PostgresListQuery is the first statement of a page by a list.
func PostgresListQuery(f ports.LogFilter, limit int) (query string, args []any) {
	return postgresListQuery(&f, listsOf(&f)[0], keyRanges(&f, domain.LogKey{})[0], 64, limit)
}

// PostgresByKeysQuery is the second, of as many logs a millisecond apart.
func PostgresByKeysQuery(f ports.LogFilter, to time.Time, limit int) (query string, args []any) {
	var keys []uuid
	for n := range limit {
		keys = append(keys, uuidAt(to.UnixMilli()-int64(n)))
	}
	return postgresByKeysQuery(&f, keys, limit, limit > 100, limit > 400)
}

// TenantHash is what a tenant's list is found by.
func TenantHash(tenant string) int64 { return listHash(tenantPlace, tenant) }

// SQLiteLogQuery is the first statement of a page.
func SQLiteLogQuery(f ports.LogFilter, limit int) (query string, args []any) {
	return sqliteLogQuery(&f, keyRanges(&f, domain.LogKey{})[0], limit, false)
}

// SQLiteEventQuery is the statement of a page of events of the recipient's logs.
func SQLiteEventQuery(messageID, recipient string) (query string, args []any) {
	q := &eventQuery{within: uuidRange{below: maxUUID}, limit: 50, recipient: recipient}
	if messageID != "" {
		q.ofMessage = true
		q.least, q.greatest = domain.KeysOfMessage(messageID)
	}
	return sqliteEventQuery(q)
}

// CopyFewLogs has units copy their new logs however few there are, and of all days.
func CopyFewLogs() { copyRules = copyRule{least: 1, age: math.MaxInt64} }

// CopyYoungLogs has units copy their new logs only of days that are not let go of.
func (s *Postgres) CopyYoungLogs() { s.copyRule.age = 30 * day }

// JoinAllLogs has units copy none.
func (s *Postgres) JoinAllLogs() { s.copyRule.least = math.MaxInt }

// CopyAllLogs has units copy them as when the store was opened.
func (s *Postgres) CopyAllLogs() { s.copyRule = copyRules }
