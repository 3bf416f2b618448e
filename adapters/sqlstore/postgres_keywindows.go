package sqlstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// walksKeys says whether what f chooses is found by walking through all keys of its
// time, and by no list of fewer.
func walksKeys(f *ports.LogFilter) bool {
	return len(listsOf(f)) == 0 && !isNarrow(f) && !isRare(f) && !choosesNothing(f)
}

// postgresWindows is the windowStore of what a filter chooses that walks keys.
type postgresWindows struct {
	*Postgres
	filter *ports.LogFilter
}

func (s *Postgres) windows(f *ports.LogFilter) nextPages {
	return newWindows(postgresWindows{s, f}, keyRanges(f, domain.LogKey{})).next
}

func (s postgresWindows) nthKey(ctx context.Context, r uuidRange, n int) (uuid, error) {
	if err := s.state.err(); err != nil {
		return uuid{}, postgresError(readLogs, err)
	}
	var key []byte
	err := s.pages.QueryRow(ctx, nthKeyQuery, [16]byte(r.least), [16]byte(r.below), int64(n-1)).Scan(&key)
	if errors.Is(err, pgx.ErrNoRows) {
		return r.least, nil
	}
	if err != nil {
		return uuid{}, postgresError(readLogs, err)
	}
	return uuid(key), nil
}

const nthKeyQuery = `SELECT uuid_send(key) FROM email_log WHERE key >= $1 AND key < $2 ORDER BY key DESC OFFSET $3 LIMIT 1`

func (s postgresWindows) upward(ctx context.Context, r uuidRange, limit int) ([]domain.EmailLog, error) {
	return s.readWindow(ctx, r, "key", limit)
}

func (s postgresWindows) downward(ctx context.Context, r uuidRange, limit int) ([]domain.EmailLog, error) {
	return s.readWindow(ctx, r, "key DESC", limit)
}

func (s postgresWindows) readWindow(ctx context.Context, r uuidRange, order string, limit int) ([]domain.EmailLog, error) {
	if err := s.state.err(); err != nil {
		return nil, postgresError(readLogs, err)
	}
	query, args := postgresWindowQuery(s.filter, r, order, limit)
	logs, err := s.queryLogs(ctx, query, args, min(limit, windowAim*5/4))
	return logs, postgresError(readLogs, err)
}

// postgresWindowQuery reads a window in the order of the primary key. What the
// limit is the plan must not know: of many it would rather sort them.
func postgresWindowQuery(f *ports.LogFilter, r uuidRange, order string, limit int) (query string, args []any) {
	c := postgresDialect.conditions(f)
	c.add("of_report = ?", f.Reports)
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
	query = `SELECT ` + postgresLogColumns + ` FROM email_log WHERE ` + c.String() + ` ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}
