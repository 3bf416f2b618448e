package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var (
	_ ports.LogPages   = (*Postgres)(nil)
	_ ports.EventPages = (*Postgres)(nil)
)

var postgresDialect = dialect{
	numbered: true,
	indexed: map[field]string{
		byApplication: "hashtext(application_id) = hashtext(?) AND application_id = ?",
		byRecipient:   "hashtext(recipient) = hashtext(?) AND recipient = ?",
		byCampaign:    "hashtextextended(campaign, 0) = hashtextextended(?, 0) AND campaign = ?",
		byTenant:      "hashtextextended(tenant, 0) = hashtextextended(?, 0) AND tenant = ?",
	},
	recipient: func(recipient string) any { return recipient },
	rank:      "get_byte(decision, 0) = ANY(?)",
	ending:    "right(recipient, ?) = ?",
	ranks: func(statuses []domain.Status) any {
		ranks := make([]int32, len(statuses))
		for i, s := range statuses {
			ranks[i] = int32(s)
		}
		return ranks
	},
	instant: func(t time.Time) any { return time.UnixMicro(ceilMicro(t)).UTC() },
}

// postgresOrder is an order by key that only one index has. Those of a hash and
// the key put nulls last, though there are none: else the planner, which knows
// little of a day that is new, would walk through all keys and look for the few
// that have the hash.
func postgresOrder(index field) string {
	if index == byKey {
		return "key DESC"
	}
	return "key DESC NULLS LAST"
}

// assumed is the number of rows that a plan for limit is made for. Plans are
// kept, so the limit itself is not known to them.
func assumed(limit int) string {
	switch {
	case limit <= 50:
		return "50"
	case limit <= 500:
		return "500"
	}
	return "5000"
}

// LogPage implements ports.LogPages.
func (s *Postgres) LogPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
	const operation = "read page of logs"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	logs, err := s.logPage(ctx, &f, before, limit, false)
	return logs, postgresError(operation, err)
}

// logPage reads a page, of mail and reports if both is set.
func (s *Postgres) logPage(ctx context.Context, f *ports.LogFilter, before domain.LogKey, limit int, both bool) ([]domain.EmailLog, error) {
	if choosesNothing(f) {
		return nil, ctx.Err()
	}
	ranges := keyRanges(f, before)
	if isNarrow(f) {
		return s.narrowPage(ctx, f, ranges, limit, both)
	}
	if isListed(f) {
		return s.listedPage(ctx, f, ranges, limit)
	}
	return s.pageWithin(ctx, f, ranges, limit, both)
}

// pageWithin reads ranges one after another until there is a page.
func (s *Postgres) pageWithin(ctx context.Context, f *ports.LogFilter, ranges []uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	if isByStretches(f) {
		return s.pageByStretches(ctx, f, ranges, limit, both)
	}
	if !isNarrow(f) {
		ranges = inSteps(ranges, time.Now())
	}
	return pageOf(ranges, limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		query, args := postgresLogQuery(f, r, limit, both)
		return s.queryLogs(ctx, query, args, limit)
	})
}

func (s *Postgres) queryLogs(ctx context.Context, query string, args []any, limit int) ([]domain.EmailLog, error) {
	rows, err := s.pages.Query(ctx, query, append([]any{binaryValues}, args...)...)
	if err != nil {
		return nil, err
	}
	return collectLogs(rows, limit)
}

func postgresLogQuery(f *ports.LogFilter, r uuidRange, limit int, both bool) (query string, args []any) {
	if isRare(f) && !both {
		return postgresRareQuery(f, r, limit)
	}
	index := indexOf(f)
	if isByStretches(f) {
		index = byKey
	}
	c := postgresDialect.conditionsBy(f, index)
	if !both {
		c.add("of_report = ?", f.Reports)
	}
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
	order := postgresOrder(index)
	query = `SELECT ` + postgresLogColumns + ` FROM (SELECT * FROM email_log WHERE ` + c.String() +
		` ORDER BY ` + order + ` LIMIT ` + assumed(limit) + `) l ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// postgresRareQuery walks the lists of f's statuses side by side and looks each
// log up, which OFFSET 0 keeps the planner from doing in another order.
func postgresRareQuery(f *ports.LogFilter, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	var lists []string
	for _, status := range statusNames(f.Statuses) {
		c.texts = nil
		postgresDialect.ofRare(c, f, status)
		c.add("of_report = ?", f.Reports)
		c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
		lists = append(lists, "SELECT key FROM email_log_rare WHERE "+c.String())
	}
	c.texts = nil
	c.add("key = r.key")
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below)) // leaves out days at once
	postgresDialect.unlisted(c, f)
	order := postgresOrder(rareIndexOf(f))
	query = `SELECT ` + postgresLogColumns + ` FROM (SELECT l.* FROM (` + strings.Join(lists, " UNION ALL ") + `) r
		CROSS JOIN LATERAL (SELECT * FROM email_log WHERE ` + c.String() + ` OFFSET 0) l
		ORDER BY r.` + order + ` LIMIT ` + assumed(limit) + `) l ORDER BY ` + order + ` LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// EventPage implements ports.EventPages.
func (s *Postgres) EventPage(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
	const operation = "read page of events"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	rows, err := eventPage(ctx, s, f, before, limit)
	return rows, postgresError(operation, err)
}

func (s *Postgres) eventsWithin(ctx context.Context, q *eventQuery) ([]storedEvent, error) {
	if q.ofMessage {
		return s.pageOfMessage(ctx, q)
	}
	return s.pageOfEvents(ctx, &conditions{numbered: true}, "email_event e", q, q.within, q.limit)
}

// Event implements ports.EventPages.
func (s *Postgres) Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
	const operation = "read event"
	if err := s.state.err(); err != nil {
		return domain.EmailEvent{}, postgresError(operation, err)
	}
	rows, err := s.pages.Query(ctx, `SELECT `+postgresEventColumns+` FROM email_event e WHERE e.id = $1`, [16]byte(id))
	if err != nil {
		return domain.EmailEvent{}, postgresError(operation, err)
	}
	stored, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEvent, error) { return scanEvent(row) })
	if err != nil {
		return domain.EmailEvent{}, postgresError(operation, err)
	}
	if len(stored) == 0 {
		return domain.EmailEvent{}, errNoEvent
	}
	e, err := s.restorer(ctx).restore(&stored[0])
	return e, postgresError(operation, err)
}
