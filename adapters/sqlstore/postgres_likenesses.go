package sqlstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Likenesses = (*Postgres)(nil)

// LogsTo implements ports.Likenesses.
func (s *Postgres) LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	const operation = "read logs to recipient"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	logs, err := logsTo(ctx, s, recipient, from, to, limit)
	return logs, postgresError(operation, err)
}

func (s *Postgres) capitalsWithin(ctx context.Context, q *capitals, r uuidRange, limit int) ([]domain.EmailLog, error) {
	query, args := postgresCapitalsQuery(q, r, limit)
	rows, err := s.pages.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.EmailLog, error) { return scanLog(row) })
}

func postgresCapitalsQuery(q *capitals, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	c.add("recipient <> lower(recipient) AND hashtextextended(lower(recipient), 0) = hashtextextended(?, 0)", q.recipient)
	c.add("lower(recipient) = ?", q.recipient)
	c.add("confirmed AND NOT of_report")
	c.add("accepted_at >= ? AND accepted_at < ?", postgresDialect.instant(q.from), postgresDialect.instant(q.to))
	c.add("key >= ? AND key < ?", [16]byte(r.least), [16]byte(r.below))
	query = `SELECT ` + postgresLogColumns + ` FROM email_log WHERE ` + c.String() +
		` ORDER BY key DESC NULLS LAST LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// ReportsOn implements ports.Likenesses.
func (s *Postgres) ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
	const operation = "read reports on recipient"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	if !canBeID(recipient) {
		return nil, postgresError(operation, ctx.Err())
	}
	stored, err := s.reportsOn(ctx, recipient, reportRange(from, to), limit)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	events, err := restoreEach(s.restorer(ctx), stored)
	return events, postgresError(operation, err)
}

// reportsOn returns the reports with the least ids, in order. They are asked for day by
// day: of the table all days would have to be locked.
func (s *Postgres) reportsOn(ctx context.Context, recipient string, r uuidRange, limit int) ([]storedEvent, error) {
	query, args := postgresReportsQuery(recipient, r, limit)
	rows, err := s.pages.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[[16]byte])
	var reports []storedEvent
	for len(ids) > 0 && err == nil {
		day := dayOf(ids[0])
		n := 1
		for n < len(ids) && dayOf(ids[n]) == day {
			n++
		}
		var found []storedEvent
		found, err = s.scanEvents(ctx, `SELECT `+postgresEventColumns+` FROM `+partition{eventTable, day}.name()+` e
			WHERE e.id = ANY($1) ORDER BY e.id`, ids[:n])
		if pgCode(err) == pgNoTable { // dropped just now
			err = nil
		}
		reports, ids = append(reports, found...), ids[n:]
	}
	return reports, err
}

func postgresReportsQuery(recipient string, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{numbered: true}
	c.add("hashtextextended(reported, 0) = hashtextextended(?, 0) AND reported = ?", recipient, recipient)
	c.add("id >= ? AND id < ?", [16]byte(r.least), [16]byte(r.below))
	query = `SELECT id FROM email_report WHERE ` + c.String() + ` ORDER BY id NULLS FIRST LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}
