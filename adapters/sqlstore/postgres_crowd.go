package sqlstore

import (
	"bytes"
	"context"
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
		return s.walk(ctx, recipient, q, q.within, q.limit) // few have the message
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
	recent, err := s.newest(ctx, q.within, walked)
	if err != nil {
		return nil, err
	}
	page, err := s.walk(ctx, recipient, q, recent, q.limit)
	rest := uuidRange{q.within.least, recent.least}
	for days := 1; err == nil && len(page) < q.limit && !rest.isEmpty(); days *= 2 {
		part := lastDays(rest, days)
		var found []storedEvent
		found, err = s.lookUp(ctx, recipient, "", q, part, q.limit-len(page))
		page = append(page, found...)
		rest.below = part.least
	}
	return page, err
}

// newest returns where the newest n events of r are, and one more.
func (s *Postgres) newest(ctx context.Context, r uuidRange, n int) (uuidRange, error) {
	rows, err := s.pages.Query(ctx, `SELECT uuid_send(id) FROM email_event WHERE id >= $1 AND id < $2
		ORDER BY id DESC OFFSET $3 LIMIT 1`, [16]byte(r.least), [16]byte(r.below), int64(n))
	if err != nil {
		return r, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if len(found) > 0 {
		r.least = uuid(found[0])
	}
	return r, err
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

// walk reads all events of a range until limit are the recipient's. Whose a log
// is has to be asked by a value: of an EXISTS the planner may make a hash of all
// logs. Not for a key that is NULL, as most of the second kind are: of NULL AND
// what follows the latter is worked out, at 10 us each.
func (s *Postgres) walk(ctx context.Context, recipient string, q *eventQuery, r uuidRange, limit int) ([]storedEvent, error) {
	c, order := &conditions{numbered: true}, "e.id DESC"
	hash := recipientHash(recipient)
	c.add(`(e.message_key IS NOT NULL AND substr(uuid_send(e.message_key), 12, 5) = ?
			AND (SELECT recipient FROM email_log WHERE key = e.message_key) = ?
		OR e.original_key IS NOT NULL AND substr(uuid_send(e.original_key), 12, 5) = ?
			AND (SELECT recipient FROM email_log WHERE key = e.original_key) = ?)`,
		hash, recipient, hash, recipient)
	if q.ofMessage {
		least, greatest := [16]byte(q.least), [16]byte(q.greatest)
		c.add("(e.message_key BETWEEN ? AND ? OR e.original_key BETWEEN ? AND ?)", least, greatest, least, greatest)
		order = "e.id DESC NULLS LAST" // see postgresOrder
	}
	return s.pageOfEvents(ctx, c, "email_event e", order, q, r, limit)
}

// lookUp looks each of the recipient's logs that are so up among the events of a
// range.
func (s *Postgres) lookUp(ctx context.Context, recipient, are string, q *eventQuery, r uuidRange, limit int) ([]storedEvent, error) {
	c := &conditions{numbered: true}
	his := `email_log l WHERE substr(uuid_send(l.key), 12, 5) = ` + c.placeholder(recipientHash(recipient)) +
		` AND l.recipient = ` + c.placeholder(recipient) + are
	within := ` AND id >= ` + c.placeholder([16]byte(r.least)) + ` AND id < ` + c.placeholder([16]byte(r.below)) + ` OFFSET 0`
	// A report may be about one of his logs and have the key of another.
	events := `(SELECT id FROM (
			SELECT o.id FROM (SELECT key FROM ` + his + `) l CROSS JOIN LATERAL (SELECT id FROM email_event WHERE message_key = l.key` + within + `) o
			UNION
			SELECT o.id FROM (SELECT key FROM ` + his + `) l CROSS JOIN LATERAL (SELECT id FROM email_event WHERE original_key = l.key` + within + `) o) k) his
		CROSS JOIN LATERAL (SELECT * FROM email_event WHERE id = his.id LIMIT 1) e`
	return s.pageOfEvents(ctx, c, events, "e.id DESC", q, r, limit)
}

func (s *Postgres) pageOfEvents(ctx context.Context, c *conditions, from, order string, q *eventQuery, r uuidRange, limit int) ([]storedEvent, error) {
	if len(q.types) > 0 {
		c.add("e.type = ANY(?)", q.types)
	}
	c.add("e.id >= ? AND e.id < ?", [16]byte(r.least), [16]byte(r.below))
	rows, err := s.pages.Query(ctx, `SELECT `+postgresEventColumns+` FROM (SELECT e.* FROM `+from+` WHERE `+c.String()+
		` ORDER BY `+order+` LIMIT `+assumed(limit)+`) e ORDER BY `+order+` LIMIT `+c.placeholder(int64(limit)), c.args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEvent, error) { return scanEvent(row) })
}
