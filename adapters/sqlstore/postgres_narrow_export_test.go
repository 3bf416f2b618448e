package sqlstore

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// NamedDays is how many days of a page are asked by their names.
const NamedDays = namedDays

// NarrowQueries are the statements of a narrow list's page: that for keys, that for
// the keys of a day, that for the logs of a day, and that for those of any days.
func NarrowQueries(f ports.LogFilter, onDay domain.LogKey) (queries [4]string, args [4][]any) {
	list := (&Postgres{}).narrow(&f, false, 50)
	keys := [][16]byte{onDay}
	queries[0], args[0] = list.keysQuery(logTable, 1001)
	queries[1], args[1] = list.keysQuery(partition{logTable, dayOf(domain.EventID(onDay))}.name(), 1001)
	queries[2], args[2] = postgresLogsOfDayQuery(&f, keys)
	queries[3], args[3] = list.logsOfKeysQuery(keys)
	return queries, args
}

// WalkQuery is the statement of a page that is walked through.
func WalkQuery(f ports.LogFilter, limit int) (query string, args []any) {
	return postgresLogQuery(&f, keyRanges(&f, domain.LogKey{})[0], limit, false)
}

// RecipientQuery is that for the recipient's logs whose events are asked for.
func RecipientQuery(recipient string) (query string, args []any) {
	c := &conditions{numbered: true}
	return `SELECT key, days FROM ` + logsOf(c, logTable, "recipient", recipient, "key, days", ""), c.args
}

// NarrowPage is LogPage with other bounds of few logs and of many on a day.
func (s *Postgres) NarrowPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit, few, many int) ([]domain.EmailLog, error) {
	list := s.narrow(&f, false, limit)
	list.few, list.many = few, many
	return list.page(ctx, keyRanges(&f, before), limit)
}

// NarrowPages are pages of the same list, each behind the one before.
func (s *Postgres) NarrowPages(ctx context.Context, f ports.LogFilter, limit, few, many int) (logs []domain.EmailLog, err error) {
	list := s.narrow(&f, false, limit)
	list.few, list.many = few, many
	var before domain.LogKey
	for {
		page, err := list.page(ctx, keyRanges(&f, before), limit)
		logs = append(logs, page...)
		if err != nil || len(page) < limit {
			return logs, err
		}
		before = page[len(page)-1].Key
	}
}

// LogsOfKeys returns the logs of those keys.
func (s *Postgres) LogsOfKeys(ctx context.Context, f ports.LogFilter, limit int, keys ...domain.LogKey) ([]domain.EmailLog, error) {
	list := make([][16]byte, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return s.narrow(&f, false, limit).logsOfKeys(ctx, list, limit)
}
