package sqlstore

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// The logs of a recipient or of an application's id may be on any day, so each
// has to be looked into, and what one costs counts 135 times over 90 days. A
// statement that asks for keys alone, and for nothing that has to be worked out
// beside the index, costs two thirds of one that asks for all columns: those are
// made ready for each day, whether there is a log or not. The logs of the keys are
// then read on their days, by the days' own names. (Measured over 134 days, in CPU
// of the server: 860 us so, keys 520 us and 40 us for each day that has some.)

// namedDays are asked by their names, in one round trip. The logs of more are read
// from all that lie between.
const namedDays = 12

// narrowPage reads a page of what a recipient, an application or a message has. All
// of a message are on one day.
func (s *Postgres) narrowPage(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if f.MessageID != "" {
		return s.pageWithin(ctx, f, ranges, limit, both)
	}
	var page []domain.EmailLog
	for _, r := range ranges {
		query, args := postgresKeysQuery(f, r, limit-len(page))
		rows, err := s.pages.Query(ctx, query, args...)
		if err != nil {
			return nil, err
		}
		keys, err := collectKeys(rows)
		if err != nil {
			return nil, err
		}
		logs, err := s.logsOfKeys(ctx, f, keys, r, limit-len(page), both)
		if err != nil {
			return nil, err
		}
		if page = joinedPages(page, logs); len(page) >= limit {
			break
		}
	}
	return page, nil
}

// joinedPages copies nothing if there is one.
func joinedPages(page, more []domain.EmailLog) []domain.EmailLog {
	if len(page) == 0 {
		return more
	}
	return append(page, more...)
}

// postgresKeysQuery asks for the greatest keys of the logs that have the hash of
// what f asks for.
func postgresKeysQuery(f *ports.LogFilter, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	if f.ApplicationID != "" {
		c.add("hashtextextended(application_id, 0) = hashtextextended(?, 0)", f.ApplicationID)
	} else {
		c.add("substr(uuid_send(key), 12, 5) = ?", recipientHash(domain.NormalizeRecipient(f.Recipient)))
	}
	// Each condition has to be made ready for each day too.
	if r != (uuidRange{below: maxUUID}) {
		c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
	}
	const order = " ORDER BY key DESC NULLS LAST LIMIT " // see postgresOrder
	query = `SELECT key FROM (SELECT key FROM email_log WHERE ` + c.String() + order + assumed(limit) + `) l` +
		order + c.placeholder(int64(limit))
	return query, c.args
}

func collectKeys(rows pgx.Rows) ([][16]byte, error) {
	return pgx.CollectRows(rows, pgx.RowTo[[16]byte])
}

// logsOfKeys returns the page of a range of which keys are the index's, limit of
// them unless there are no more.
func (s *Postgres) logsOfKeys(ctx context.Context, f *ports.LogFilter, keys [][16]byte, r uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	least, greatest := uuid(keys[len(keys)-1]), uuid(keys[0])
	logs, err := s.logsBetween(ctx, f, keys, uuidRange{least, successor(greatest)}, limit, both)
	rest := uuidRange{r.least, least}
	if err != nil || len(keys) < limit || len(logs) == limit || rest.isEmpty() {
		return logs, err
	}
	// Some are not what f asks for besides, not to be shown, or somebody else's who
	// has the same hash. That may be so of all, as of who gets reports: no more keys
	// are asked for.
	more, err := s.pageWithin(ctx, f, []uuidRange{rest}, limit-len(logs), both)
	return joinedPages(logs, more), err
}

// logsBetween returns the logs of keys that f chooses, greatest key first, and maybe
// others of the range that came meanwhile: of all these up to limit.
func (s *Postgres) logsBetween(ctx context.Context, f *ports.LogFilter, keys [][16]byte, r uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if days := keysByDay(keys); len(days) <= namedDays {
		logs, err := s.logsOfDays(ctx, f, days, both)
		if pgCode(err) != pgNoTable { // one that has just been dropped
			return logs, err
		}
	}
	return s.pageWithin(ctx, f, []uuidRange{r}, limit, both)
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

func (s *Postgres) logsOfDays(ctx context.Context, f *ports.LogFilter, days [][][16]byte, both bool) ([]domain.EmailLog, error) {
	var page []domain.EmailLog
	asked := &pgx.Batch{}
	for _, keys := range days {
		query, args := postgresLogsOfDayQuery(f, keys)
		asked.Queue(query, args...).Query(func(rows pgx.Rows) error {
			logs, err := collectLogs(rows, len(keys))
			page = joinedPages(page, logs)
			return err
		})
	}
	err := s.pages.SendBatch(ctx, asked).Close()
	recipient := domain.NormalizeRecipient(f.Recipient)
	return slices.DeleteFunc(page, func(l domain.EmailLog) bool {
		return f.ApplicationID != "" && l.ApplicationID != f.ApplicationID ||
			recipient != "" && l.Recipient != recipient || !both && l.OfReport != f.Reports
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
	query = `SELECT ` + postgresLogColumns + ` FROM unnest(` + c.placeholder(keys) + `::uuid[]) AS k
		CROSS JOIN LATERAL (SELECT * FROM ` + name + ` WHERE key = k AND ` + c.String() + ` OFFSET 0) l ORDER BY key DESC`
	return query, c.args
}
