package sqlstore

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// namedDays are asked by their names, in one round trip, 40 us of the server's CPU
// each. The logs of more are looked up in all that there are: a millisecond.
const namedDays = 12

// logsOfKeys returns up to limit of the logs of keys, which are in order. Some may
// not be what is asked for besides, not to be shown, or dropped; that may be so of
// all, as of who gets reports.
func (l *narrowList) logsOfKeys(ctx context.Context, keys [][16]byte, limit int) ([]domain.EmailLog, error) {
	var page []domain.EmailLog
	for step := limit; len(page) < limit && len(keys) > 0; step = min(4*step, keyStep) {
		n := min(step, len(keys))
		logs, err := l.lookUpKeys(ctx, keys[:n])
		if err != nil {
			return nil, err
		}
		page, keys = joinedPages(page, logs), keys[n:]
	}
	return page[:min(limit, len(page))], nil
}

func (l *narrowList) lookUpKeys(ctx context.Context, keys [][16]byte) ([]domain.EmailLog, error) {
	if days := keysByDay(keys); len(days) <= namedDays {
		logs, err := l.logsOfDays(ctx, days)
		if pgCode(err) != pgNoTable { // one that has just been dropped
			return logs, err
		}
	}
	query, args := l.logsOfKeysQuery(keys)
	return l.queryLogs(ctx, query, args, len(keys))
}

// keysByDay cuts keys, which are in order, where another day begins.
func keysByDay(keys [][16]byte) (days [][][16]byte) {
	for len(keys) > 0 {
		day, n := dayOf(domain.EventID(keys[0])), 1
		for n < len(keys) && dayOf(domain.EventID(keys[n])) == day {
			n++
		}
		days, keys = append(days, keys[:n]), keys[n:]
	}
	return days
}

func (l *narrowList) logsOfDays(ctx context.Context, days [][][16]byte) ([]domain.EmailLog, error) {
	var page []domain.EmailLog
	asked := &pgx.Batch{}
	for _, keys := range days {
		query, args := postgresLogsOfDayQuery(l.filter, keys)
		asked.Queue(query, args...).Query(func(rows pgx.Rows) error {
			logs, err := collectLogs(rows, len(keys))
			page = joinedPages(page, logs)
			return err
		})
	}
	err := l.pages.SendBatch(ctx, asked).Close()
	f, recipient := l.filter, domain.NormalizeRecipient(l.filter.Recipient)
	return slices.DeleteFunc(page, func(log domain.EmailLog) bool {
		return f.ApplicationID != "" && log.ApplicationID != f.ApplicationID ||
			recipient != "" && log.Recipient != recipient || !l.both && log.OfReport != f.Reports
	}), err
}

// postgresLogsOfDayQuery reads the logs of a day's keys. What most filters ask is
// not asked here: each day has a statement of its own, which is kept, and of which
// there shall not be one for each kind of filter. Each log is looked up, which
// OFFSET 0 keeps the planner from doing in another way: a plan that is kept may be
// of a day that had a page of logs, and would look through all of them for those
// that are in an array.
func postgresLogsOfDayQuery(f *ports.LogFilter, keys [][16]byte) (query string, args []any) {
	besides := *f
	besides.ApplicationID, besides.Recipient = "", ""
	c := postgresDialect.conditionsBy(&besides, byKey)
	name := partition{logTable, dayOf(domain.EventID(keys[0]))}.name()
	return postgresLookUpQuery(name, c, keys)
}

// logsOfKeysQuery reads the logs of keys of any days.
func (l *narrowList) logsOfKeysQuery(keys [][16]byte) (query string, args []any) {
	c := postgresDialect.conditionsBy(l.filter, byKey)
	if !l.both {
		c.add("of_report = ?", l.filter.Reports)
	}
	return postgresLookUpQuery(logTable, c, keys)
}

func postgresLookUpQuery(table string, c *conditions, keys [][16]byte) (query string, args []any) {
	query = `SELECT ` + postgresLogColumns + ` FROM unnest(` + c.placeholder(keys) + `::uuid[]) AS k
		CROSS JOIN LATERAL (SELECT * FROM ` + table + ` WHERE key = k AND ` + c.String() + ` OFFSET 0) l ORDER BY key DESC`
	return query, c.args
}
