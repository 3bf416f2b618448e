package sqlstore

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// reported is the column of that name: whom a report names that is tied to no
// message, "" for all other events.
func reported(e *domain.EmailEvent) string {
	if k, ok := domain.LikenessOf(e); ok {
		return k.Recipient
	}
	return ""
}

// logReader is what a database does of the logs to a recipient in whatever case.
type logReader interface {
	logPage(ctx context.Context, f *ports.LogFilter, before domain.LogKey, limit int, both bool) ([]domain.EmailLog, error)
	// capitalsWithin returns logs as LogsTo does, of the recipients that have
	// capitals alone.
	capitalsWithin(ctx context.Context, q *capitals, r uuidRange, limit int) ([]domain.EmailLog, error)
}

// capitals are the logs to a recipient, accepted in [from, to), that have
// capitals in the recipient's name. Few have, and those have an index of their
// own; all others are found as their lists are.
type capitals struct {
	recipient string
	from, to  time.Time
}

func logsTo(ctx context.Context, s logReader, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	if !canBeID(recipient) {
		return nil, ctx.Err()
	}
	f := &ports.LogFilter{Recipient: recipient, From: from, To: to}
	plain, err := s.logPage(ctx, f, domain.LogKey{}, limit, false)
	if err != nil {
		return nil, err
	}
	capital, err := pageOf(keyRanges(f, domain.LogKey{}), limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		return s.capitalsWithin(ctx, &capitals{recipient, from, to}, r, limit)
	})
	return greatest(limit, plain, capital), err
}

// reportRange is where the ids of reports can be that came in [from, to).
func reportRange(from, to time.Time) uuidRange {
	return idRange(&ports.EventFilter{From: from, To: to})
}

// restoreEach reads the records of what is stored.
func restoreEach(r *restorer, stored []storedEvent) ([]domain.EmailEvent, error) {
	defer r.release()
	events := make([]domain.EmailEvent, len(stored))
	for i := range stored {
		var err error
		if events[i], err = r.restore(&stored[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}
