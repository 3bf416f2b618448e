package sqlstore

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// NamedDays is how many days of a page are asked by their names.
const NamedDays = namedDays

// NarrowQueries are the first statements of a narrow list's page: that for keys,
// and that for the logs of a day, with the key as an array's text.
func NarrowQueries(f ports.LogFilter, limit int, onDay domain.LogKey) (queries [2]string, args [2][]any) {
	queries[0], args[0] = postgresKeysQuery(&f, keyRanges(&f, domain.LogKey{})[0], limit)
	queries[1], args[1] = postgresLogsOfDayQuery(&f, [][16]byte{onDay})
	for i, arg := range args[1] {
		if _, ok := arg.([][16]byte); ok {
			args[1][i] = "{" + onDay.String() + "}"
		}
	}
	return queries, args
}

// LogsOfKeys returns the page of all time of which keys are the index's.
func (s *Postgres) LogsOfKeys(ctx context.Context, f ports.LogFilter, limit int, keys ...domain.LogKey) ([]domain.EmailLog, error) {
	rest := uuidRange{}
	if len(keys) >= limit {
		rest.below = uuid(keys[len(keys)-1])
	}
	return s.logsOfKeys(ctx, &f, arraysOf(keys), rest, limit, false)
}

// IsByStretches says whether a page is read by the stretches of time in keys.
func IsByStretches(f ports.LogFilter) bool { return isByStretches(&f) }

// KeysQuery is the statement for keys behind one.
func KeysQuery(f ports.LogFilter, behind domain.LogKey, limit int) (query string, args []any) {
	return postgresKeysQuery(&f, inEras(keyRanges(&f, behind))[0], limit)
}

// PostgresStretchesQuery is the statement for what is behind some keys.
func PostgresStretchesQuery(f ports.LogFilter, behind domain.LogKey, limit int) (query string, args []any) {
	return postgresStretchesQuery(&f, inEras(keyRanges(&f, behind))[0], ample(limit), false)
}

// Ample is how many logs are read for a page of limit.
func Ample(limit int) int { return ample(limit) }

func arraysOf(keys []domain.LogKey) [][16]byte {
	list := make([][16]byte, len(keys))
	for i, k := range keys {
		list[i] = k
	}
	return list
}
