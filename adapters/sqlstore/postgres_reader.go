package sqlstore

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// logPage is how many logs are read at once. A stream of them is many short
// statements: one that lasts as long as a slow reader would keep days from
// being dropped and dead rows from being cleared.
const logPage = 500

// Logs implements ports.LogReader.
func (s *Postgres) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		if err := s.state.err(); err != nil {
			yield(domain.EmailLog{}, postgresError("read logs", err))
			return
		}
		var before domain.LogKey
		for {
			page, err := s.logPage(ctx, &f, before, logPage, false)
			if err != nil {
				yield(domain.EmailLog{}, postgresError("read logs", err))
				return
			}
			for _, l := range page {
				if !yield(l, nil) {
					return
				}
			}
			if len(page) < logPage {
				return
			}
			before = page[len(page)-1].Key
		}
	}
}

// postgresLogColumns are logColumns with the key as bytes.
var postgresLogColumns = strings.Replace(logColumns, "key", "uuid_send(key)", 1)

// within asks for a time in [from, to), of which a zero one is open. Stored
// times have no part below microseconds, so bounds are rounded up.
func within(q *bun.SelectQuery, column string, from, to time.Time) *bun.SelectQuery {
	if !from.IsZero() {
		q = q.Where("? >= ?", bun.Ident(column), time.UnixMicro(ceilMicro(from)).UTC())
	}
	if !to.IsZero() {
		q = q.Where("? < ?", bun.Ident(column), time.UnixMicro(ceilMicro(to)).UTC())
	}
	return q
}

// CountEvents implements ports.LogReader.
func (s *Postgres) CountEvents(ctx context.Context, from, to time.Time, width time.Duration) ([]ports.EventCount, error) {
	const operation = "count events"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	q := s.read.NewSelect().Table(eventTable).
		ColumnExpr("date_bin(? * interval '1 microsecond', occurred_at, '0001-01-01 00:00:00+00') AS bucket, type, count(*)",
			max(width.Microseconds(), 1)).
		Where("occurred_at IS NOT NULL").GroupExpr("bucket, type").OrderExpr("bucket, type")
	rows, err := within(q, "occurred_at", from, to).Rows(ctx)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	counts, err := collect(rows, func() (ports.EventCount, error) { return scanCount(rows) })
	return counts, postgresError(operation, err)
}

// Events implements ports.LogReader.
func (s *Postgres) Events(ctx context.Context, messageID string) ([]domain.EmailEvent, error) {
	const operation = "read events"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	if messageID == "" {
		return nil, nil
	}
	least, greatest := domain.KeysOfMessage(messageID)
	rows, err := s.pool.Query(ctx, `SELECT `+postgresEventColumns+` FROM email_event e
		WHERE e.message_key BETWEEN $1 AND $2 OR e.original_key BETWEEN $1 AND $2
		ORDER BY e.occurred_at NULLS FIRST, e.id`, [16]byte(least), [16]byte(greatest))
	if err != nil {
		return nil, postgresError(operation, err)
	}
	stored, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEvent, error) { return scanEvent(row) })
	if err != nil {
		return nil, postgresError(operation, err)
	}
	events, err := restoreMessage(s.restorer(ctx), stored, domain.NormalizeMessageID(messageID))
	return events, postgresError(operation, err)
}
