package sqlstore

import (
	"bytes"
	"context"
	"slices"
	"strconv"

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
	if !slices.Equal(ranges, []uuidRange{always}) {
		ranges = inEras(ranges)
	}
	return pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		keys, err := s.keysWithin(ctx, f, r, limit)
		if err != nil {
			return nil, err
		}
		return s.pageOfKeys(ctx, f, keys, r, limit, both)
	})
}

func (s *Postgres) keysWithin(ctx context.Context, f *ports.LogFilter, r uuidRange, limit int) (keys [][16]byte, err error) {
	query, args := postgresKeysQuery(f, r, limit)
	asked := &pgx.Batch{}
	queueByStretches(asked, query, args).Query(func(rows pgx.Rows) (err error) {
		keys, err = collectKeys(rows)
		return err
	})
	return keys, s.pages.SendBatch(ctx, asked).Close()
}

// joinedPages copies nothing if there is one.
func joinedPages(page, more []domain.EmailLog) []domain.EmailLog {
	if len(page) == 0 {
		return more
	}
	return append(page, more...)
}

// postgresKeysQuery asks for keys of the logs that have the hash of what f asks for,
// stretch by stretch: for all, or for as many as a page takes and more.
func postgresKeysQuery(f *ports.LogFilter, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	if f.ApplicationID != "" {
		c.add("hashtext(application_id) = hashtext(?)", f.ApplicationID)
	} else {
		c.add("hashtext(recipient) = hashtext(?)", domain.NormalizeRecipient(f.Recipient))
	}
	// Each condition has to be made ready for each day too.
	if r != always {
		withinStretches(c, r)
	}
	return `SELECT key FROM email_log WHERE ` + c.String() + byStretches + strconv.Itoa(ample(limit)), c.args
}

func collectKeys(rows pgx.Rows) ([][16]byte, error) {
	return pgx.CollectRows(rows, pgx.RowTo[[16]byte])
}

// pageOfKeys returns the page of a range, one era or always, of which keys are what
// postgresKeysQuery asks for.
func (s *Postgres) pageOfKeys(ctx context.Context, f *ports.LogFilter, keys [][16]byte, r uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if r == always && len(keys) == ample(limit) {
		later, err := s.keysWithin(ctx, f, uuidRange{eras[0], maxUUID}, limit)
		switch {
		case err != nil:
			return nil, err
		case len(later) > 0: // the count has begun anew, and tells no order
			return s.narrowPage(ctx, f, inEras([]uuidRange{r}), limit, both)
		}
	}
	keys, rest := greatestKeys(keys, r, limit)
	if len(keys) < limit && !rest.isEmpty() {
		var err error
		if keys, rest, err = s.addCrowdedStretch(ctx, f, keys, rest, limit); err != nil {
			return nil, err
		}
	}
	return s.logsOfKeys(ctx, f, keys, rest, limit, both)
}

// greatestKeys returns up to limit of the greatest of a range's keys, which are in no
// order within a stretch, and where there may be more.
func greatestKeys(keys [][16]byte, r uuidRange, limit int) ([][16]byte, uuidRange) {
	rest, n := uuidRange{}, len(keys)
	slices.SortFunc(keys, func(a, b [16]byte) int { return bytes.Compare(b[:], a[:]) })
	if n == ample(limit) {
		rest = r.until(afterStretch(keys[n-1]))
	}
	keys = slices.DeleteFunc(keys, func(k [16]byte) bool { return bytes.Compare(k[:], rest.below[:]) < 0 })
	if len(keys) > limit {
		keys, rest = keys[:limit], uuidRange{r.least, keys[limit-1]}
	}
	return keys, rest
}

// logsOfKeys returns the page of which keys are the index's, and rest is where there
// may be more.
func (s *Postgres) logsOfKeys(ctx context.Context, f *ports.LogFilter, keys [][16]byte, rest uuidRange, limit int, both bool) (logs []domain.EmailLog, err error) {
	if len(keys) > 0 {
		least, greatest := uuid(keys[len(keys)-1]), uuid(keys[0])
		logs, err = s.logsBetween(ctx, f, keys, uuidRange{least, successor(greatest)}, limit, both)
	}
	if err != nil || len(logs) == limit || rest.isEmpty() {
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
