package sqlstore

import (
	"context"
	"iter"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Logs implements ports.LogReader.
func (s *Postgres) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	switch {
	case walksKeys(&f):
		return streamLogs(ctx, s.beside, func() nextPages { return s.windows(&f) })
	case isListed(&f):
		return streamLogs(ctx, s.beside, func() nextPages { return s.listedPages(&f) })
	}
	return streamLogs(ctx, nil, pagesDown(func(ctx context.Context, before domain.LogKey) ([]domain.EmailLog, error) {
		if err := s.state.err(); err != nil {
			return nil, postgresError(readLogs, err)
		}
		page, err := s.logPage(ctx, &f, before, streamPage, false)
		return page, postgresError(readLogs, err)
	}))
}

const readLogs = "read logs"

// postgresLogColumns are logColumns with the key as bytes.
var postgresLogColumns = strings.Replace(logColumns, "key", "uuid_send(key)", 1)

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
	stored, err := s.eventsOfMessage(ctx, least, greatest)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	inTime(stored)
	events, err := restoreMessage(s.restorer(ctx), stored, domain.NormalizeMessageID(messageID))
	return events, postgresError(operation, err)
}
