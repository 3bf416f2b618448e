package sqlstore

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// FindLogs implements ports.LogReader.
func (s *Postgres) FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	if err := s.state.err(); err != nil {
		return nil, postgresError("find logs", err)
	}
	found, err := s.findLogs(ctx, id, limit)
	return found, postgresError("find logs", err)
}

func (s *Postgres) findLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	if !canBeID(id) {
		return nil, nil
	}
	if key, err := domain.ParseLogKey(id); err == nil {
		l, err := s.scanLogs(ctx, `SELECT `+postgresLogColumns+` FROM email_log WHERE key = $1 AND confirmed`, [16]byte(key))
		if err != nil || len(l) > 0 {
			return l, err
		}
	}
	// One after the other: a message's logs are on one day, and cost a tenth of what
	// those of an application do, which may be on any.
	byMessage, err := s.logPage(ctx, &ports.LogFilter{MessageID: id}, domain.LogKey{}, limit, true)
	if err != nil {
		return nil, err
	}
	byApplication, err := s.logPage(ctx, &ports.LogFilter{ApplicationID: id}, domain.LogKey{}, limit, true)
	return greatest(limit, byMessage, byApplication), err
}

func (s *Postgres) scanLogs(ctx context.Context, query string, args ...any) ([]domain.EmailLog, error) {
	rows, err := s.pages.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.EmailLog, error) { return scanLog(row) })
}
