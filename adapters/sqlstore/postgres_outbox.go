package sqlstore

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Claim implements ports.Outbox. Announcements whose events were pruned
// meanwhile have what is left of them; without any they are removed.
func (s *Postgres) Claim(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
	claimed := []ports.Announcement{}
	if err := s.state.err(); err != nil {
		return nil, postgresError("claim", err)
	}
	for len(claimed) == 0 && limit > 0 {
		rows, err := s.hold(ctx, limit, max(hold, time.Second))
		if err != nil {
			return nil, postgresError("claim", err)
		}
		if len(rows) == 0 {
			break
		}
		// Read outside of the transaction. If this fails the announcements come
		// back when the hold is over.
		if claimed, err = announcements(ctx, s, rows); err != nil {
			return nil, postgresError("claim", err)
		}
	}
	return claimed, nil
}

// hold marks rows that nobody holds and returns them, oldest first. What
// another claimer is about to hold is passed over.
func (s *Postgres) hold(ctx context.Context, limit int, hold time.Duration) ([]queued, error) {
	rows, err := s.pool.Query(ctx, `WITH held AS (
			UPDATE outbox SET held_until = clock_timestamp() + $1::bigint * interval '1 microsecond'
			WHERE id IN (SELECT id FROM outbox WHERE held_until <= clock_timestamp()
				ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED)
			RETURNING id, events, changes)
		SELECT id, events, changes FROM held ORDER BY id`, hold.Microseconds(), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (queued, error) {
		var q queued
		err := row.Scan((*int64)(&q.id), &q.ids, &q.changes)
		return q, err
	})
}

// postgresEventColumns are eventColumns with ids as bytes.
var postgresEventColumns = strings.NewReplacer(
	"e.id", "uuid_send(e.id)", "e.chunk_id", "uuid_send(e.chunk_id)",
	"e.original_key", "uuid_send(e.original_key)").Replace(eventColumns)

func (s *Postgres) told(ctx context.Context, ids []byte) ([]toldEvent, error) {
	list := make([][16]byte, len(ids)/16)
	for i := range list {
		list[i] = [16]byte(ids[i*16:])
	}
	// One look into an index for each id: a planner that knows nothing of the
	// list would rather read all days.
	rows, err := s.pool.Query(ctx, `SELECT `+postgresEventColumns+`, l.status
		FROM unnest($1::uuid[]) WITH ORDINALITY u (id, place)
		CROSS JOIN LATERAL (SELECT * FROM email_event WHERE id = u.id LIMIT 1) e
		LEFT JOIN LATERAL (SELECT CASE WHEN confirmed THEN get_byte(decision, 0) END AS status FROM email_log
			WHERE key = coalesce(e.original_key, e.message_key) LIMIT 1) l ON true
		ORDER BY place`, list)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e toldEvent, err error) {
		var status *int
		if e.storedEvent, err = scanEvent(row, &status); status != nil {
			e.status = new(domain.Status(*status))
		}
		return e, err
	})
}

// restorer reads chunks and logs as long as ctx lives.
func (s *Postgres) restorer(ctx context.Context) *restorer {
	return &restorer{decoder: s.decoder, packer: s.packer, chunkOf: func(id chunkID) (packed []byte, err error) {
		// By the day's own name: of the table all days would have to be locked.
		name := partition{chunkTable, dayOf(domain.EventID(id))}.name()
		err = s.pool.QueryRow(ctx, `SELECT records FROM `+name+` WHERE id = $1`, [16]byte(id)).Scan(&packed)
		if errors.Is(err, pgx.ErrNoRows) || pgCode(err) == pgNoTable {
			err = errChunk
		}
		return packed, err
	}, nameOf: func(key domain.LogKey) (messageID, recipient string, err error) {
		const query = `SELECT message_id, recipient FROM email_log WHERE key = $1`
		err = s.pool.QueryRow(ctx, query, [16]byte(key)).Scan(&messageID, &recipient)
		if errors.Is(err, pgx.ErrNoRows) {
			err = nil
		}
		return messageID, recipient, err
	}}
}

// Done implements ports.Outbox.
func (s *Postgres) Done(ctx context.Context, ids []ports.AnnouncementID) error {
	if err := s.state.err(); err != nil {
		return postgresError("done", err)
	}
	list := make([]int64, len(ids))
	for i, id := range ids {
		list[i] = int64(id)
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM outbox WHERE id = ANY($1)`, list)
	return postgresError("done", err)
}
