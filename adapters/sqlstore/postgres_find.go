package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

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
		l, err := s.scanLogs(ctx, s.read.NewSelect().Table(logTable).
			ColumnExpr(postgresLogColumns).Where("key = ? AND confirmed", key.String()))
		if err != nil || len(l) > 0 {
			return l, err
		}
	}
	byMessage, err := s.logPage(ctx, &ports.LogFilter{MessageID: id}, domain.LogKey{}, limit, true)
	if err != nil {
		return nil, err
	}
	byApplication, err := s.logPage(ctx, &ports.LogFilter{ApplicationID: id}, domain.LogKey{}, limit, true)
	return greatest(limit, byMessage, byApplication), err
}

func (s *Postgres) scanLogs(ctx context.Context, q *bun.SelectQuery) ([]domain.EmailLog, error) {
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (domain.EmailLog, error) { return scanLog(rows) })
}
