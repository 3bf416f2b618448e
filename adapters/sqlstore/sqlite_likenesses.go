package sqlstore

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Likenesses = (*SQLite)(nil)

// LogsTo implements ports.Likenesses.
func (s *SQLite) LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	logs, err := logsTo(ctx, s, recipient, from, to, limit)
	return logs, sqliteError("read logs to recipient", err)
}

func (s *SQLite) capitalsWithin(ctx context.Context, q *capitals, r uuidRange, limit int) ([]domain.EmailLog, error) {
	query, args := sqliteCapitalsQuery(q, r, limit)
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (domain.EmailLog, error) { return scanLog(rows) })
}

func sqliteCapitalsQuery(q *capitals, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{}
	c.add("recipient <> lower(recipient) AND lower(recipient) = ?", q.recipient)
	c.add("confirmed AND NOT of_report")
	c.add("accepted_at >= ? AND accepted_at < ?", sqliteDialect.instant(q.from), sqliteDialect.instant(q.to))
	c.add("key >= ? AND key < ?", r.least[:], r.below[:])
	query = `SELECT ` + logColumns + ` FROM email_log INDEXED BY email_log_capitals WHERE ` + c.String() +
		` ORDER BY key DESC LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// ReportsOn implements ports.Likenesses.
func (s *SQLite) ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
	const operation = "read reports on recipient"
	if !canBeID(recipient) {
		return nil, sqliteError(operation, ctx.Err())
	}
	query, args := sqliteReportsQuery(recipient, reportRange(from, to), limit)
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	stored, err := collect(rows, func() (storedEvent, error) { return scanEvent(rows) })
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	events, err := restoreEach(s.restorer(ctx), stored)
	return events, sqliteError(operation, err)
}

func sqliteReportsQuery(recipient string, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{}
	c.add("e.reported = ? AND e.reported IS NOT NULL", recipient)
	c.add("e.id >= ? AND e.id < ?", r.least[:], r.below[:])
	query = `SELECT ` + eventColumns + ` FROM email_event e INDEXED BY email_event_reported WHERE ` + c.String() +
		` ORDER BY e.id LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}
