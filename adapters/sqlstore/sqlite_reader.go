package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Logs implements ports.LogReader.
func (s *SQLite) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		// Other processes may have their turn between pages: a stream that lasts as
		// long as a slow reader would keep the write-ahead log from being emptied.
		var before domain.LogKey
		for {
			page, err := s.logPage(ctx, &f, before, logPage, false)
			if err != nil {
				yield(domain.EmailLog{}, sqliteError("read logs", err))
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

// CountEvents implements ports.LogReader.
func (s *SQLite) CountEvents(ctx context.Context, from, to time.Time, width time.Duration) ([]ports.EventCount, error) {
	w := max(width.Microseconds(), 1)
	q := s.read.NewSelect().Table("email_event").
		// SQLite's remainder has the sign of its left side.
		ColumnExpr("occurred_at - ((occurred_at % ?0) + ?0) % ?0 AS bucket, type, count(*)", w).
		Where("occurred_at IS NOT NULL").GroupExpr("bucket, type").OrderExpr("bucket, type")
	if !from.IsZero() {
		q = q.Where("occurred_at >= ?", ceilMicro(from))
	}
	if !to.IsZero() {
		q = q.Where("occurred_at < ?", ceilMicro(to))
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, sqliteError("count events", err)
	}
	counts, err := collect(rows, func() (ports.EventCount, error) { return scanCount(rows) })
	return counts, sqliteError("count events", err)
}

func scanCount(row scanner) (ports.EventCount, error) {
	var (
		c      ports.EventCount
		bucket micros
		kind   string
	)
	err := row.Scan(&bucket, &kind, &c.Count)
	c.Bucket = bucket.Time
	c.Type, _ = domain.ParseEventType(kind)
	return c, err
}

// Events implements ports.LogReader.
func (s *SQLite) Events(ctx context.Context, messageID string) ([]domain.EmailEvent, error) {
	if messageID == "" {
		return nil, nil
	}
	least, greatest := domain.KeysOfMessage(messageID)
	rows, err := s.read.DB.QueryContext(ctx, `SELECT `+eventColumns+` FROM email_event e
		WHERE e.message_key BETWEEN ?1 AND ?2 OR e.original_key BETWEEN ?1 AND ?2
		ORDER BY e.occurred_at, e.id`, least[:], greatest[:])
	if err != nil {
		return nil, sqliteError("read events", err)
	}
	events, err := s.restoreAll(ctx, rows, domain.NormalizeMessageID(messageID))
	return events, sqliteError("read events", err)
}

// restoreAll leaves out rows of other messages, whose ids may have the same 40
// bits of hash.
func (s *SQLite) restoreAll(ctx context.Context, rows *sql.Rows, messageID string) ([]domain.EmailEvent, error) {
	stored, err := collect(rows, func() (storedEvent, error) { return scanEvent(rows) })
	if err != nil {
		return nil, err
	}
	return restoreMessage(s.restorer(ctx), stored, messageID)
}
