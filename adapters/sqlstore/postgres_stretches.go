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

// The indexes on recipients and application ids have hashes of 4 bytes, and of the time
// in a key the 3 bytes that count stretches of 65.5 s: an entry takes half the room of one
// with the key. So what they have is in order by stretches, and in none within one. What
// is read is sorted here, somewhat more than a page takes. Of who has more in a stretch
// than that all of the stretch is sorted, and who has thousands there is found soon among
// all logs of the stretch, walked through by key.
const (
	stretchOfKey = "substr(uuid_send(key), 2, 3)"
	byStretches  = " ORDER BY " + stretchOfKey + " DESC LIMIT "
)

var (
	always = uuidRange{below: maxUUID}
	// eras are when the count begins anew, in 2039 and 2074. Keys are of 2020 to 2100, or
	// have no time.
	eras = []uuid{uuidAt(2 << 40), uuidAt(3 << 40)}
)

// isByStretches says whether f asks by one of the indexes.
func isByStretches(f *ports.LogFilter) bool {
	index := indexOf(f)
	return index == byApplication || index == byRecipient
}

// ample is how many are read for a page of limit, which is often one more than is shown.
// Plans are kept, and made for so many.
func ample(limit int) int {
	const more = 250
	switch {
	case limit <= 51:
		return 51 + more
	case limit <= 501:
		return 501 + more
	}
	return max(limit, 5000) + more
}

// inEras cuts ranges where the count begins anew.
func inEras(ranges []uuidRange) (list []uuidRange) {
	for _, r := range ranges {
		for _, era := range slices.Backward(eras) {
			if bytes.Compare(r.least[:], era[:]) < 0 && bytes.Compare(era[:], r.below[:]) < 0 {
				list = append(list, uuidRange{era, r.below})
				r.below = era
			}
		}
		list = append(list, r)
	}
	return list
}

// crowdedStretch is how many keys of one stretch are sorted: some milliseconds. Who has
// more is found among all logs as soon.
const crowdedStretch = 5000

// addCrowdedStretch adds to keys of a page the greatest of the last stretch of rest, of
// which there are more than were read, and returns where there may be more.
func (s *Postgres) addCrowdedStretch(ctx context.Context, f *ports.LogFilter, keys [][16]byte, rest uuidRange, limit int) ([][16]byte, uuidRange, error) {
	stretch := uuidRange{stretchStart(predecessor(rest.below)), rest.below}
	if bytes.Compare(stretch.least[:], rest.least[:]) < 0 {
		stretch.least = rest.least
	}
	more, err := s.keysWithin(ctx, f, stretch, crowdedStretch)
	if err != nil || len(more) == ample(crowdedStretch) {
		return keys, rest, err
	}
	slices.SortFunc(more, func(a, b [16]byte) int { return bytes.Compare(b[:], a[:]) })
	rest.below = stretch.least
	if n := limit - len(keys); len(more) > n {
		more, rest.below = more[:n], more[n-1]
	}
	return append(keys, more...), rest, nil
}

// stretchStart returns the least key of the stretch.
func stretchStart(key [16]byte) uuid {
	clear(key[4:])
	return key
}

// afterStretch returns the least key above the stretch.
func afterStretch(key [16]byte) uuid {
	for i := 4; i < len(key); i++ {
		key[i] = 0xff
	}
	return successor(key)
}

// predecessor returns the uuid before u.
func predecessor(u uuid) uuid {
	for i := len(u) - 1; i >= 0; i-- {
		if u[i]--; u[i] != 0xff {
			break
		}
	}
	return u
}

// withinStretches adds that a key is in a range of one era. By stretches the index is
// read from where the range begins; the keys tell which days there are to be read.
func withinStretches(c *conditions, r uuidRange) {
	least, last := r.least, predecessor(r.below)
	// A range may begin before the first era, and end behind the last, where the count is
	// another one. No key is there.
	if least[0] == 0 {
		least = uuid{}
	}
	if last[0] > eras[len(eras)-1][0] {
		last = maxUUID
	}
	c.add(stretchOfKey+" BETWEEN ? AND ?", least[1:4], last[1:4])
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
}

// pageByStretches reads ranges one after another until there is a page.
func (s *Postgres) pageByStretches(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	return pageOf(inEras(ranges), limit, func(r uuidRange, limit int) (page []domain.EmailLog, err error) {
		for err == nil && len(page) < limit && !r.isEmpty() {
			var logs []domain.EmailLog
			logs, r.below, err = s.wholeStretches(ctx, f, r, limit-len(page), both)
			page = joinedPages(page, logs)
		}
		return page, err
	})
}

// wholeStretches returns up to limit of the last logs of a range, and where it ends that
// is still to be read.
func (s *Postgres) wholeStretches(ctx context.Context, f *ports.LogFilter, r uuidRange, limit int, both bool) ([]domain.EmailLog, uuid, error) {
	n := ample(limit)
	logs, err := s.logsByStretches(ctx, f, r, n, both)
	if err != nil || len(logs) == 0 {
		return nil, r.least, err
	}
	slices.SortFunc(logs, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
	if len(logs) < n {
		return logs[:min(limit, len(logs))], r.least, nil
	}
	stretch := logs[n-1].Key
	of := uuidRange{stretchStart(stretch), r.until(afterStretch(stretch)).below}
	logs = slices.DeleteFunc(logs, func(l domain.EmailLog) bool { return bytes.Compare(l.Key[:], of.below[:]) < 0 })
	if len(logs) >= limit {
		return logs[:limit], r.least, nil
	}
	if bytes.Compare(of.least[:], r.least[:]) < 0 {
		of.least = r.least
	}
	query, args := postgresLogQuery(f, of, limit-len(logs), both)
	walked, err := s.queryLogs(ctx, query, args, limit-len(logs))
	return append(logs, walked...), of.least, err
}

func (s *Postgres) logsByStretches(ctx context.Context, f *ports.LogFilter, r uuidRange, n int, both bool) (logs []domain.EmailLog, err error) {
	query, args := postgresStretchesQuery(f, r, n, both)
	asked := &pgx.Batch{}
	queueByStretches(asked, query, args).Query(func(rows pgx.Rows) (err error) {
		logs, err = collectLogs(rows, n)
		return err
	})
	return logs, s.pages.SendBatch(ctx, asked).Close()
}

// queueByStretches adds a statement that is read by stretches to a batch, which is a
// transaction of its own. To its end there is no other plan: the planner does not know
// who has many, and would gather and sort all of whom it thinks that he has few.
func queueByStretches(b *pgx.Batch, query string, args []any) *pgx.QueuedQuery {
	b.Queue("SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)")
	return b.Queue(query, args...)
}

// postgresStretchesQuery asks for n logs of a range of one era, the last stretches first.
func postgresStretchesQuery(f *ports.LogFilter, r uuidRange, n int, both bool) (query string, args []any) {
	c := postgresDialect.conditions(f)
	if !both {
		c.add("of_report = ?", f.Reports)
	}
	withinStretches(c, r)
	return `SELECT ` + postgresLogColumns + ` FROM (SELECT * FROM email_log WHERE ` + c.String() + byStretches + strconv.Itoa(n) + `) l`, c.args
}
