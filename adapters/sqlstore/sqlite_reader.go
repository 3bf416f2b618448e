package sqlstore

import (
	"context"
	"database/sql"
	"iter"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Logs implements ports.LogReader.
func (s *SQLite) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return streamLogs(ctx, nil, pagesDown(func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
		page, err := s.logPage(ctx, &f, before, streamPage, false)
		return page, sqliteError("read logs", err)
	}))
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
