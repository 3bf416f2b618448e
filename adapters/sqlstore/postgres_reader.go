package sqlstore

import (
	"context"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"

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
	rows, err := s.pages.Query(ctx, `SELECT `+postgresEventColumns+` FROM email_event e
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
