package sqlstore

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// FindLogs implements ports.LogReader.
func (s *SQLite) FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	found, err := s.findLogs(ctx, id, limit)
	return found, sqliteError("find logs", err)
}

func (s *SQLite) findLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	if !canBeID(id) {
		return nil, nil
	}
	if key, err := domain.ParseLogKey(id); err == nil {
		l, err := s.scanLogs(ctx, s.read.NewSelect().Table("email_log").ColumnExpr(logColumns).Where("key = ? AND confirmed", key[:]))
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

// canBeID says whether an event can have the id: a statement with another would
// be no statement.
func canBeID(id string) bool {
	return id != "" && utf8.ValidString(id) && !strings.ContainsRune(id, 0)
}

func (s *SQLite) scanLogs(ctx context.Context, q *bun.SelectQuery) ([]domain.EmailLog, error) {
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (domain.EmailLog, error) { return scanLog(rows) })
}

// greatest returns up to limit logs of both, greatest key first, each once.
func greatest(limit int, a, b []domain.EmailLog) []domain.EmailLog {
	both := slices.Concat(a, b)
	slices.SortFunc(both, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
	both = slices.CompactFunc(both, func(a, b domain.EmailLog) bool { return a.Key == b.Key })
	return both[:min(limit, len(both))]
}
