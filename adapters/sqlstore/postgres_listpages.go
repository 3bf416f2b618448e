package sqlstore

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// isListed says whether a page of f is read by a list of keys.
func isListed(f *ports.LogFilter) bool {
	return len(listsOf(f)) > 0 && !isNarrow(f) && !isRare(f) && !choosesNothing(f)
}

// listsOf returns lists that have all of what f asks for: that of a pair instead of
// those of each of the two.
func listsOf(f *ports.LogFilter) (hashes []int64) {
	add := func(place int, value string, tenant int64) {
		if value != "" {
			hashes = append(hashes, listHash(place, value)^tenant)
		}
	}
	add(campaignPlace, f.Campaign, 0)
	add(domainPlace, strings.ToLower(f.Domain), 0)
	if f.Provider == "" && f.EgressSource == "" {
		add(tenantPlace, f.Tenant, 0)
		return hashes
	}
	var tenant int64
	if f.Tenant != "" {
		tenant = listHash(tenantPlace, f.Tenant)
	}
	add(providerPlace, f.Provider, tenant)
	add(sourcePlace, f.EgressSource, tenant)
	return hashes
}

// keyStep is how many keys are looked up at once at most.
const keyStep = 2000

// listedPage reads a page by a list: keys first, the greatest, and then the logs
// that have them, of which some may not be what f asks for.
func (s *Postgres) listedPage(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int) ([]domain.EmailLog, error) {
	hash, err := s.shortestList(ctx, listsOf(f), ranges)
	if err != nil {
		return nil, err
	}
	return pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		var page []domain.EmailLog
		for step := min(limit, keyStep); ; step = min(4*step, keyStep) {
			keys, err := s.keysOfList(ctx, f, hash, r, step)
			if err != nil || len(keys) == 0 {
				return page, err
			}
			logs, err := s.logsByKeys(ctx, f, keys, limit-len(page))
			if err != nil {
				return nil, err
			}
			if page = append(page, logs...); len(page) >= limit || len(keys) < step {
				return page, nil
			}
			r.below = keys[len(keys)-1]
		}
	})
}

// listedKeys reads what f chooses by a list: keys page after page, and the logs that
// have them beside each other.
type listedKeys struct {
	*Postgres
	filter *ports.LogFilter
	hash   int64 // of the list, when it is chosen
	chosen bool
	left   []uuidRange // the greatest first
}

func (s *Postgres) listedPages(f *ports.LogFilter) nextPages {
	return (&listedKeys{Postgres: s, filter: f, left: keyRanges(f, domain.LogKey{})}).next
}

// next is a nextPages. There is always a range: that of the keys without a time.
func (l *listedKeys) next(ctx context.Context) (readPages, bool, error) {
	keys, err := l.keys(ctx)
	if err != nil {
		return nil, false, postgresError(readLogs, err)
	}
	if len(keys) < streamPage {
		l.left = l.left[1:]
	} else {
		l.left[0].below = keys[len(keys)-1]
	}
	return func(ctx context.Context) iter.Seq2[[]domain.EmailLog, error] {
		return func(yield func([]domain.EmailLog, error) bool) {
			var logs []domain.EmailLog
			var err error
			if len(keys) > 0 {
				logs, err = l.logsByKeys(ctx, l.filter, keys, len(keys))
			}
			yield(logs, postgresError(readLogs, err))
		}
	}, len(l.left) > 0, nil
}

// keys returns the next keys of the list, streamPage of them as long as its range has as
// many.
func (l *listedKeys) keys(ctx context.Context) (keys []uuid, err error) {
	if err := l.state.err(); err != nil {
		return nil, err
	}
	if !l.chosen {
		if l.hash, err = l.shortestList(ctx, listsOf(l.filter), l.left); err != nil {
			return nil, err
		}
		l.chosen = true
	}
	return l.keysOfList(ctx, l.filter, l.hash, l.left[0], streamPage)
}

// manyRows is up to where the rows of a list are counted.
const manyRows = 500

// shortestList returns the list that has the fewest keys in the ranges.
func (s *Postgres) shortestList(ctx context.Context, hashes []int64, ranges []uuidRange) (shortest int64, err error) {
	if len(hashes) == 1 || len(ranges) == 0 {
		return hashes[0], nil
	}
	// The first of two ranges is that of all that has a time.
	err = s.pages.QueryRow(ctx, `SELECT h.hash FROM unnest($1::bigint[]) h (hash) CROSS JOIN LATERAL (
			SELECT coalesce(sum(cardinality(keys)), 0) AS keys FROM (
				SELECT keys FROM email_log_list WHERE hash = h.hash AND last >= $2 AND last < $3 LIMIT `+strconv.Itoa(manyRows)+`) l) n
		ORDER BY n.keys LIMIT 1`, hashes, [16]byte(ranges[0].least), [16]byte(ranges[0].below)).Scan(&shortest)
	return shortest, err
}

// keysOfList returns the greatest keys of a range that a list has, or that wait to
// be listed, up to n.
func (s *Postgres) keysOfList(ctx context.Context, f *ports.LogFilter, hash int64, r uuidRange, n int) ([]uuid, error) {
	for rows := 64; ; {
		query, args := postgresListQuery(f, hash, r, rows, n)
		keys, complete, err := s.readKeys(ctx, query, args, waitingFor(f), r, rows)
		if err != nil {
			return nil, err
		}
		if len(keys) >= n || complete {
			return keys[:min(n, len(keys))], nil
		}
		// As many as it takes if others have as many keys, and some more.
		rows = min(max(2*rows, rows*n/max(len(keys), 1)*5/4), 16*rows)
	}
}

// postgresListQuery reads rows of a list, those with the greatest last key, in one
// more row the greatest n keys of what was not listed yet, as far as triggers noted it,
// and packed what commits did: all as they are at one moment.
func postgresListQuery(f *ports.LogFilter, hash int64, r uuidRange, rows, n int) (query string, args []any) {
	c := &conditions{numbered: true}
	c.add("hash = ?", hash)
	_, greatest := listStretch{of: stretchOf(r.below)}.bounds() // what is below may be listed with what is not
	c.add("last >= ? AND last <= ?", [16]byte(r.least), [16]byte(greatest))
	c.add("keys[1] < ?", [16]byte(r.below))
	query = `(SELECT true, array_send(keys), uuid_send(last) FROM (SELECT * FROM email_log_list WHERE ` + c.String() +
		` ORDER BY last DESC LIMIT ` + assumedRows(rows) + `) l ORDER BY last DESC LIMIT ` + c.placeholder(int64(rows)) + `)`
	c.texts = nil
	c.add("t.n > 0 AND t.key >= ? AND t.key < ?", [16]byte(r.least), [16]byte(r.below))
	for _, text := range []struct{ column, value string }{
		{"tenant", f.Tenant}, {"campaign", f.Campaign}, {"provider", f.Provider}, {"egress_source", f.EgressSource},
	} {
		if text.value != "" {
			c.add("t."+text.column+" = ?", text.value)
		}
	}
	if f.Domain != "" {
		c.add("split_part(t.recipient, '@', -1) = ?", strings.ToLower(f.Domain))
	}
	return query + ` UNION ALL SELECT false, array_send(array_agg(key)), NULL FROM (
		SELECT DISTINCT t.key FROM tally_delta d CROSS JOIN LATERAL unnest(d.logs) t
		WHERE ` + c.String() + ` ORDER BY t.key DESC LIMIT ` + c.placeholder(int64(n)) + `) p
		UNION ALL SELECT NULL, messages, NULL FROM unit_tally WHERE messages IS NOT NULL`, c.args
}

// assumedRows is as assumed, and no less than rows.
func assumedRows(rows int) string {
	most := 64
	for most < rows {
		most *= 8
	}
	return strconv.Itoa(most)
}

// readKeys returns keys of r that the rows of a list query have, the greatest first,
// as far as no row that was left out may have more, and whether none was.
func (s *Postgres) readKeys(ctx context.Context, query string, args []any, waiting *waitingKeys, r uuidRange, most int) (keys []uuid, complete bool, err error) {
	rows, err := s.pages.Query(ctx, query, append([]any{binaryValues}, args...)...)
	if err != nil {
		return nil, false, err
	}
	defer rows.Close()
	read, least := 0, r.least
	for rows.Next() {
		isListed, list, last := rows.RawValues()[0], rows.RawValues()[1], rows.RawValues()[2]
		if list == nil { // nothing waits
			continue
		}
		if last != nil {
			if read++; read == most {
				least = uuid(last)
			}
		}
		each := eachKey
		if isListed == nil {
			each = waiting.each
		}
		if err := each(list, func(key uuid) { keys = append(keys, key) }); err != nil {
			return nil, false, err
		}
	}
	if err := rows.Err(); err != nil {
		return nil, false, err
	}
	keys = slices.DeleteFunc(keys, func(key uuid) bool {
		return bytes.Compare(key[:], least[:]) < 0 || bytes.Compare(key[:], r.below[:]) >= 0
	})
	slices.SortFunc(keys, func(a, b uuid) int { return bytes.Compare(b[:], a[:]) })
	return slices.Compact(keys), read < most, nil
}

// waitingKeys are those of new logs that a list is to have, but has not yet.
type waitingKeys struct {
	names *symbols
	has   dims // 0 for whatever
}

func waitingFor(f *ports.LogFilter) *waitingKeys {
	w := &waitingKeys{names: newSymbols()}
	for place, value := range map[int]string{
		providerPlace: f.Provider, domainPlace: strings.ToLower(f.Domain), tenantPlace: f.Tenant,
		campaignPlace: f.Campaign, sourcePlace: f.EgressSource,
	} {
		w.has[place] = w.names.add(value)
	}
	return w
}

// each calls visit with the keys among those that a commit noted.
func (w *waitingKeys) each(packed []byte, visit func(uuid)) error {
	return unpackMessages(packed, w.names, func(t *tally) {
		for place, symbol := range w.has {
			if symbol != 0 && t.dims[place] != symbol {
				return
			}
		}
		visit(t.key)
	})
}

// manyOfDay is from how many keys a day on they are looked up all together: each
// day's index is then asked for all of them, 2 us each, else for its own, 4 us each.
const manyOfDay = 100

// logsByKeys returns up to limit of the logs of keys that f chooses, in their order,
// the greatest first.
func (s *Postgres) logsByKeys(ctx context.Context, f *ports.LogFilter, keys []uuid, limit int) ([]domain.EmailLog, error) {
	days := (dayOf(domain.EventID(keys[0]))-dayOf(domain.EventID(keys[len(keys)-1])))/dayLength + 1
	together := int64(len(keys)) >= manyOfDay*days
	// Rows lie on the disk in the order of their keys or so, and what reads ahead does
	// so upward.
	upward := together && len(keys) <= limit
	query, args := postgresByKeysQuery(f, keys, limit, together, upward)
	logs, err := s.queryLogs(ctx, query, args, limit)
	if upward {
		slices.Reverse(logs)
	}
	return logs, err
}

// postgresByKeysQuery looks keys up, all together or each by itself, which OFFSET 0
// keeps the planner from doing in another order.
func postgresByKeysQuery(f *ports.LogFilter, keys []uuid, limit int, together, upward bool) (query string, args []any) {
	c := postgresDialect.conditionsBy(f, byKey)
	c.add("of_report = ?", f.Reports)
	c.add("key >= ? AND key <= ?", [16]byte(keys[len(keys)-1]), [16]byte(keys[0])) // leaves out days at once
	list := make([][16]byte, len(keys))
	for i, key := range keys {
		list[i] = key
	}
	listed := c.placeholder(list) + "::uuid[]"
	from, order := "email_log WHERE "+c.String(), "key DESC"
	if together {
		from += " AND key = ANY(" + listed + ")"
	} else {
		from = "unnest(" + listed + ") k (listed) CROSS JOIN LATERAL (SELECT * FROM " + from + " AND key = k.listed OFFSET 0) l"
	}
	if upward {
		order = "key"
	}
	return `SELECT ` + postgresLogColumns + ` FROM ` + from + ` ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit)), c.args
}
