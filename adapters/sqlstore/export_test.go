package sqlstore

import (
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

// PostgresListQueries are the statements of a page by a list, of logs with keys
// from one time to another.
func PostgresListQueries(f ports.LogFilter, from, to time.Time, limit int) (keys string, keyArgs []any, logs string, logArgs []any) {
	keys, keyArgs = postgresListQuery(&f, listsOf(&f)[0], keyRanges(&f, domain.LogKey{})[0], 64, limit)
	logs, logArgs = postgresByKeysQuery(&f, []uuid{uuidAt(to.UnixMilli() - 1), uuidAt(from.UnixMilli())}, limit)
	return keys, keyArgs, logs, logArgs
}

// ListHash is what the list of a value of a dimension is found by.
func ListHash(place int, value string) int64 { return listHash(place, value) }

// SQLiteLogQuery is the first statement of a page.
func SQLiteLogQuery(f ports.LogFilter, limit int) (query string, args []any) {
	return sqliteLogQuery(&f, keyRanges(&f, domain.LogKey{})[0], limit, false)
}

// SQLiteEventQuery is the statement of a page of events of those logs.
func SQLiteEventQuery(messageID string, keys []domain.LogKey) (query string, args []any) {
	q := &eventQuery{within: uuidRange{below: maxUUID}, limit: 50, keys: keys}
	if messageID != "" {
		q.ofMessage = true
		q.least, q.greatest = domain.KeysOfMessage(messageID)
	}
	return sqliteEventQuery(q)
}
