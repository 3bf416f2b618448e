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
	return s.logsByID(ctx, id, limit)
}

// logsByID returns the logs of a message and those of an application, which are
// asked for in one round trip: each id may be both.
func (s *Postgres) logsByID(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	message, application := &ports.LogFilter{MessageID: id}, &ports.LogFilter{ApplicationID: id}
	var ofMessage []domain.EmailLog
	var keys [][16]byte
	asked := &pgx.Batch{}
	query, args := postgresLogQuery(message, keyRanges(message, domain.LogKey{})[0], limit, true)
	asked.Queue(query, args...).Query(func(rows pgx.Rows) (err error) {
		ofMessage, err = collectLogs(rows, 1)
		return err
	})
	query, args = postgresKeysQuery(application, always, limit)
	queueByStretches(asked, query, args).Query(func(rows pgx.Rows) (err error) {
		keys, err = collectKeys(rows)
		return err
	})
	if err := s.pages.SendBatch(ctx, asked).Close(); err != nil {
		return nil, err
	}
	ofApplication, err := s.pageOfKeys(ctx, application, keys, always, limit, true)
	return greatest(limit, ofMessage, ofApplication), err
}

func (s *Postgres) scanLogs(ctx context.Context, query string, args ...any) ([]domain.EmailLog, error) {
	rows, err := s.pages.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.EmailLog, error) { return scanLog(row) })
}
