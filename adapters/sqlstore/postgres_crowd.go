package sqlstore

import (
	"bytes"
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
)

// Most recipients have a few logs, of which each is looked up on its days. One that has
// thousands, as an address that gets a copy of everything, has more than can be
// looked up for a page. The newest events are walked through then, of which many
// are his, and if that does not fill the page, his logs are looked up in one range
// of time after another. (Measured with 5,000 logs among 50,000 events of 10 days,
// on a machine with much else to do: by a list of their keys 3.7 s, so 8 ms; 60
// logs among 120,000 events of 60 days: 110 ms, so 25.)
const (
	fewLogs = 200
	// walked is how many events are walked through: some milliseconds.
	walked = 20_000
)

func (s *Postgres) eventsOfRecipient(ctx context.Context, recipient string, q *eventQuery) ([]storedEvent, error) {
	if q.ofMessage {
		return s.pageOfMessageTo(ctx, recipient, q)
	}
	logs, err := s.logsOfRecipient(ctx, recipient, fewLogs+1)
	switch {
	case err != nil || len(logs) == 0:
		return nil, err
	case len(logs) <= fewLogs:
		return s.eventsOfLogs(ctx, recipient, logs, q)
	}
	return s.crowdWithin(ctx, recipient, q, walked)
}

// crowdWithin walks through the newest events, and looks up those before.
func (s *Postgres) crowdWithin(ctx context.Context, recipient string, q *eventQuery, walked int) ([]storedEvent, error) {
	page, err := s.walkNewest(ctx, recipient, q, walked)
	if err != nil || len(page) == q.limit {
		return page, err
	}
	return s.crowdBehind(ctx, recipient, q, page, walked)
}

// crowdBehind adds to a page of the newest events what is behind them.
func (s *Postgres) crowdBehind(ctx context.Context, recipient string, q *eventQuery, page []storedEvent, walked int) ([]storedEvent, error) {
	rest, err := s.behindNewest(ctx, q.within, walked)
	if n := len(page); n > 0 && !rest.isEmpty() {
		// Others are the newest by now. What is in the page is not behind it.
		rest = rest.until(uuid(page[n-1].event.ID))
	}
	for days := 1; err == nil && len(page) < q.limit && !rest.isEmpty(); days *= 2 {
		part := lastDays(rest, days)
		var found []storedEvent
		found, err = s.lookUp(ctx, recipient, "", q, part, q.limit-len(page))
		page = append(page, found...)
		rest.below = part.least
	}
	return page, err
}

// behindNewest returns what of r is behind its newest n events.
func (s *Postgres) behindNewest(ctx context.Context, r uuidRange, n int) (uuidRange, error) {
	rows, err := s.pages.Query(ctx, `SELECT uuid_send(id) FROM email_event WHERE id >= $1 AND id < $2
		ORDER BY id DESC OFFSET $3 LIMIT 1`, [16]byte(r.least), [16]byte(r.below), int64(n))
	if err != nil {
		return r, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if len(found) == 0 {
		return uuidRange{}, err
	}
	return r.until(successor(uuid(found[0]))), err
}

// lastDays returns the end of r, as many days as that.
func lastDays(r uuidRange, days int) uuidRange {
	newest := time.Now()
	if t, ok := domain.EventID(r.below).Time(); ok && t.Before(newest) {
		newest = t
	}
	if at := uuidAt(newest.AddDate(0, 0, -days).UnixMilli()); bytes.Compare(at[:], r.least[:]) > 0 && bytes.Compare(at[:], r.below[:]) < 0 {
		r.least = at
	}
	return r
}

// walkNewest reads the newest n events until a page of them is the recipient's.
func (s *Postgres) walkNewest(ctx context.Context, recipient string, q *eventQuery, n int) ([]storedEvent, error) {
	c := &conditions{numbered: true}
	from := `(SELECT * FROM email_event WHERE id >= ` + c.placeholder([16]byte(q.within.least)) +
		` AND id < ` + c.placeholder([16]byte(q.within.below)) + ` ORDER BY id DESC LIMIT ` + strconv.Itoa(n) + `) e`
	isOfRecipient(c, recipient)
	return s.pageOfEvents(ctx, c, from, q, q.within, q.limit)
}

// isOfRecipient adds that an event e is of one of the recipient's logs. Whose a log
// is has to be asked by a value: of an EXISTS the planner may make a hash of all
// logs. Not for a key that is NULL, as most of the second kind are: of NULL AND
// what follows the latter is worked out, at 10 us each. Nor of the table itself, but
// of rows that stand together: each day would have a look of its own into all logs,
// which takes longer to make ready than the rest.
func isOfRecipient(c *conditions, recipient string) {
	hash := recipientHash(recipient)
	c.add(`(e.message_key IS NOT NULL AND substr(uuid_send(e.message_key), 12, 5) = ?
			AND (SELECT recipient FROM email_log WHERE key = e.message_key) = ?
		OR e.original_key IS NOT NULL AND substr(uuid_send(e.original_key), 12, 5) = ?
			AND (SELECT recipient FROM email_log WHERE key = e.original_key) = ?)`,
		hash, recipient, hash, recipient)
}

// lookUp looks each of the recipient's logs that are so up among the events of a
// range.
func (s *Postgres) lookUp(ctx context.Context, recipient, are string, q *eventQuery, r uuidRange, limit int) ([]storedEvent, error) {
	c := &conditions{numbered: true}
	his := c.placeholder(recipient)
	his = `email_log l WHERE hashtext(l.recipient) = hashtext(` + his + `) AND l.recipient = ` + his + are
	within := ` AND id >= ` + c.placeholder([16]byte(r.least)) + ` AND id < ` + c.placeholder([16]byte(r.below)) + ` OFFSET 0`
	// A report may be about one of his logs and have the key of another.
	events := `(SELECT id FROM (
			SELECT o.id FROM (SELECT key FROM ` + his + `) l CROSS JOIN LATERAL (SELECT id FROM email_event WHERE message_key = l.key` + within + `) o
			UNION
			SELECT o.id FROM (SELECT key FROM ` + his + `) l CROSS JOIN LATERAL (SELECT id FROM email_event WHERE original_key = l.key` + within + `) o) k) his
		CROSS JOIN LATERAL (SELECT * FROM email_event WHERE id = his.id LIMIT 1) e`
	return s.pageOfEvents(ctx, c, events, q, r, limit)
}

func (s *Postgres) pageOfEvents(ctx context.Context, c *conditions, from string, q *eventQuery, r uuidRange, limit int) ([]storedEvent, error) {
	if len(q.types) > 0 {
		c.add("e.type = ANY(?)", q.types)
	}
	c.add("e.id >= ? AND e.id < ?", [16]byte(r.least), [16]byte(r.below))
	return s.scanEvents(ctx, `SELECT `+postgresEventColumns+` FROM (SELECT e.* FROM `+from+` WHERE `+c.String()+
		` ORDER BY e.id DESC LIMIT `+assumed(limit)+`) e ORDER BY e.id DESC LIMIT `+c.placeholder(int64(limit)), c.args...)
}
