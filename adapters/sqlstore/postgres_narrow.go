package sqlstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// The logs of a recipient or of an application's id may be on any day, and stand in
// no order in their index, which is a hash. So a page is read in one of three ways:
//
//   - Nearly everybody has few logs: the keys of all of them are read and sorted, and
//     then the logs of the greatest.
//   - Who has more has that done with the newest day, and further back with as many
//     days at once as have few.
//   - Who has so many on a day that even their keys take long stands close together
//     among all logs of that day: these are walked through, down from where the page
//     begins, until it is full.
//
// A statement that asks for keys alone costs two thirds of one that asks for all
// columns: each is made ready for each day, whether there is a log or not.
const (
	// fewNarrow keys are read whatever is asked for, in half a millisecond.
	fewNarrow = 500
	// manyNarrow keys of one day and some for each log of the page, 1 us each or 5 if
	// they are not in memory, are about as much as it takes to walk through a day of
	// two million logs for a page of who has as many.
	manyNarrow  = 2000
	manyForEach = 8
)

// narrowList is the logs that have what a filter asks for by recipient or
// application id. It is not safe for concurrent use.
type narrowList struct {
	*Postgres
	filter    *ports.LogFilter
	both      bool // mail and reports
	few, many int
	// What was found out for a page before: whether there are more than few, and the
	// day that has more than many, which is walked through, or -1.
	isCrowd bool
	crowded int64
}

func (s *Postgres) narrow(f *ports.LogFilter, both bool, limit int) *narrowList {
	return &narrowList{Postgres: s, filter: f, both: both, few: fewNarrow, many: manyNarrow + manyForEach*limit, crowded: -1}
}

// narrowPage reads a page of what a recipient, an application or a message has. All
// of a message are on one day.
func (s *Postgres) narrowPage(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if f.MessageID != "" {
		return s.pageWithin(ctx, f, ranges, limit, both)
	}
	return s.narrow(f, both, limit).page(ctx, ranges, limit)
}

func (l *narrowList) page(ctx context.Context, ranges []uuidRange, limit int) ([]domain.EmailLog, error) {
	return pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		if l.isCrowd {
			return l.crowdedPage(ctx, r, limit)
		}
		keys, err := l.keysAround(ctx, r)
		if err != nil {
			return nil, err
		}
		return l.pageFrom(ctx, keys, r, limit)
	})
}

// pageFrom returns the page of a range of which keys are all, and maybe others of
// other ranges, unless they are more than few.
func (l *narrowList) pageFrom(ctx context.Context, keys [][16]byte, r uuidRange, limit int) ([]domain.EmailLog, error) {
	if len(keys) <= l.few {
		return l.logsOfKeys(ctx, keysDown(keys, r), limit)
	}
	l.isCrowd = true
	return l.crowdedPage(ctx, r, limit)
}

// stream reads all of the list.
func (l *narrowList) stream() nextPage {
	return pagesDown(func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
		if err := l.state.err(); err != nil {
			return nil, postgresError(readLogs, err)
		}
		page, err := l.page(ctx, keyRanges(l.filter, before), streamPage)
		return page, postgresError(readLogs, err)
	})()
}

// crowdedPage reads a page of who has more than few logs.
func (l *narrowList) crowdedPage(ctx context.Context, r uuidRange, limit int) (page []domain.EmailLog, err error) {
	days, err := l.days(ctx, r)
	for n := 1; err == nil && len(page) < limit && len(days) > 0; {
		window := days[:min(n, len(days))]
		part := r.onDays(window)
		keys, whole, keysErr := l.keysOfWindow(ctx, window)
		var logs []domain.EmailLog
		switch {
		case pgCode(keysErr) == pgNoTable: // one that has just been dropped
			days, err = l.days(ctx, r)
			continue
		case keysErr != nil:
			return nil, keysErr
		case whole:
			logs, err = l.logsOfKeys(ctx, keysDown(keys, part), limit-len(page))
			if len(keys) < l.few/2 {
				n = min(2*n, namedDays)
			}
		case len(window) > 1:
			n = len(window) / 2
			continue
		default:
			l.crowded = window[0]
			logs, err = l.walk(ctx, part, limit-len(page))
		}
		page, days, r.below = joinedPages(page, logs), days[len(window):], part.least
	}
	return page, err
}

// keysOfWindow returns keys of days, and whether they are all.
func (l *narrowList) keysOfWindow(ctx context.Context, days []int64) (keys [][16]byte, whole bool, err error) {
	most := l.few
	if len(days) == 1 {
		most = l.many
	}
	if slices.Contains(days, l.crowded) {
		return nil, false, nil
	}
	keys, err = l.keysOfDays(ctx, days, most+1)
	return keys, len(keys) <= most, err
}

// days returns the days of r that there are, the newest first.
func (l *narrowList) days(ctx context.Context, r uuidRange) (days []int64, err error) {
	err = l.pages.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		stored, err := storedDays(ctx, conn.Conn(), []string{logTable})
		for _, p := range stored {
			if p.state == attached && r.hasDay(p.day) {
				days = append(days, p.day)
			}
		}
		return err
	})
	slices.Reverse(days)
	if r.hasDay(0) {
		days = append(days, 0)
	}
	return days, err
}

// onDays returns what of r is from the last to the first of days.
func (r uuidRange) onDays(days []int64) uuidRange {
	least, end := uuid{}, firstDated
	if last := days[len(days)-1]; last != 0 {
		least = uuidAt(last)
	}
	if first := days[0]; first != 0 {
		end = uuidAt(first + dayLength)
	}
	if bytes.Compare(r.least[:], least[:]) < 0 {
		r.least = least
	}
	return r.until(end)
}

// keysAround returns keys, all of r's among them, unless they are more than few.
func (l *narrowList) keysAround(ctx context.Context, r uuidRange) ([][16]byte, error) {
	if days, ok := r.fewDays(); ok {
		keys, err := l.keysOfDays(ctx, days, l.few+1)
		if pgCode(err) != pgNoTable { // no such day
			return keys, err
		}
	}
	return l.keysOf(ctx, []string{logTable}, l.few+1)
}

// fewDays returns the days of r if they can be asked by their names.
func (r uuidRange) fewDays() (days []int64, ok bool) {
	if bytes.Compare(r.below[:], firstDated[:]) <= 0 {
		return []int64{0}, true
	}
	least, day := dayOf(domain.EventID(r.least)), dayOf(domain.EventID(r.below))
	if least == 0 || day-least > namedDays*dayLength {
		return nil, false
	}
	if r.below == uuidAt(day) {
		day -= dayLength
	}
	for ; day >= least; day -= dayLength {
		days = append(days, day)
	}
	return days, true
}

// keysOfDays returns keys of days in no order: of each all, or limit of them if
// there are more.
func (l *narrowList) keysOfDays(ctx context.Context, days []int64, limit int) ([][16]byte, error) {
	var tables []string
	for _, day := range days {
		tables = append(tables, partition{logTable, day}.name())
	}
	return l.keysOf(ctx, tables, limit)
}

func (l *narrowList) keysOf(ctx context.Context, tables []string, limit int) (keys [][16]byte, err error) {
	asked := batchOfHashes()
	for _, table := range tables {
		query, args := l.keysQuery(table, limit)
		asked.Queue(query, args...).Query(func(rows pgx.Rows) error {
			found, err := collectKeys(rows)
			keys = append(keys, found...)
			return err
		})
	}
	return keys, l.pages.SendBatch(ctx, asked).Close()
}

// keysQuery asks a day, or all, and for nothing of a key: of a bound the planner
// thinks that it leaves few, and reads all logs above it by their keys, if it knows
// of a day that most have one value. Nor would a page's own bound be of use, where
// most logs of a day are above it: those would have to be read to be left out.
func (l *narrowList) keysQuery(table string, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	column, value := "recipient", domain.NormalizeRecipient(l.filter.Recipient)
	if l.filter.ApplicationID != "" {
		column, value = "application_id", l.filter.ApplicationID
	}
	query = `SELECT key FROM ` + logsOf(c, table, column, value, "key", "") + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// logsOf is what stands behind FROM in a statement for the logs that have a value in
// a column that has a hash: each of its 8 places is looked into, one after another,
// which OFFSET 0 keeps the planner from doing in another way.
func logsOf(c *conditions, table, column, value, columns, besides string) string {
	is := c.placeholder(value)
	return `generate_series(0, 7) place CROSS JOIN LATERAL (SELECT ` + columns + ` FROM ` + table + `
		WHERE hashtext(` + column + `) # (uuid_hash(key) & 7) = hashtext(` + is + `) # place AND ` +
		column + ` = ` + is + besides + ` OFFSET 0) l`
}

// batchOfHashes begins a batch, a transaction of its own, of statements that look into
// hashes. A plan of bitmaps, which is made wherever the planner does not know how few
// have a value, has all of a place gathered before the first is there.
func batchOfHashes() *pgx.Batch {
	b := &pgx.Batch{}
	b.Queue(`SELECT set_config('enable_bitmapscan', 'off', true)`)
	return b
}

func collectKeys(rows pgx.Rows) ([][16]byte, error) {
	return pgx.CollectRows(rows, pgx.RowTo[[16]byte])
}

// keysDown sorts the keys that are in r, the greatest first.
func keysDown(keys [][16]byte, r uuidRange) [][16]byte {
	keys = slices.DeleteFunc(keys, func(k [16]byte) bool {
		return bytes.Compare(k[:], r.least[:]) < 0 || bytes.Compare(k[:], r.below[:]) >= 0
	})
	slices.SortFunc(keys, func(a, b [16]byte) int { return bytes.Compare(b[:], a[:]) })
	return keys
}

// walk reads logs of a range in the order of their keys, whosever they are, and
// returns up to limit of those that the filter chooses.
func (l *narrowList) walk(ctx context.Context, r uuidRange, limit int) ([]domain.EmailLog, error) {
	query, args := postgresLogQuery(l.filter, r, limit, l.both)
	return l.queryLogs(ctx, query, args, limit)
}

// joinedPages copies nothing if there is one.
func joinedPages(page, more []domain.EmailLog) []domain.EmailLog {
	if len(page) == 0 {
		return more
	}
	return append(page, more...)
}
