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
		if claimed, err = s.announcements(ctx, rows); err != nil {
			return nil, err
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
			RETURNING id, events)
		SELECT id, events FROM held ORDER BY id`, hold.Microseconds(), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (queued, error) {
		var q queued
		err := row.Scan((*int64)(&q.id), &q.ids)
		return q, err
	})
}

func (s *Postgres) announcements(ctx context.Context, rows []queued) ([]ports.Announcement, error) {
	list := make([]ports.Announcement, 0, len(rows))
	var empty []ports.AnnouncementID
	for _, row := range rows {
		events, err := s.announced(ctx, row.ids)
		switch {
		case err != nil:
			return nil, postgresError("claim", err)
		case len(events) == 0:
			empty = append(empty, row.id)
		default:
			list = append(list, ports.Announcement{ID: row.id, Events: events})
		}
	}
	if len(empty) == 0 {
		return list, nil
	}
	return list, s.Done(ctx, empty)
}

// announced returns what is stored of ids, in their order, with the statuses of
// now. Records that are damaged, or pruned just now, hold nothing back: their
// events are told by what the columns say.
func (s *Postgres) announced(ctx context.Context, ids []byte) ([]ports.Announced, error) {
	stored, statuses, err := s.storedByIDs(ctx, ids)
	if err != nil {
		return nil, err
	}
	restorer := s.restorer(ctx)
	list := make([]ports.Announced, len(stored))
	for i := range stored {
		e, err := restorer.restore(&stored[i])
		if err != nil && !errors.Is(err, errChunk) {
			return nil, err
		}
		list[i].Event = &e
		if _, ok := e.LogKey(); ok && statuses[i] != nil {
			list[i].Status, list[i].HasLog = domain.Status(*statuses[i]), true
		}
	}
	return list, nil
}

// postgresEventColumns are eventColumns with ids as bytes.
var postgresEventColumns = strings.NewReplacer(
	"e.id", "uuid_send(e.id)", "e.chunk_id", "uuid_send(e.chunk_id)").Replace(eventColumns)

func (s *Postgres) storedByIDs(ctx context.Context, ids []byte) ([]storedEvent, []*int, error) {
	list := make([][16]byte, len(ids)/16)
	for i := range list {
		list[i] = [16]byte(ids[i*16:])
	}
	// One look into an index for each id: a planner that knows nothing of the
	// list would rather read all days.
	rows, err := s.pool.Query(ctx, `SELECT `+postgresEventColumns+`, l.status
		FROM unnest($1::uuid[]) WITH ORDINALITY u (id, place)
		CROSS JOIN LATERAL (SELECT * FROM email_event WHERE id = u.id LIMIT 1) e
		LEFT JOIN LATERAL (SELECT get_byte(decision, 0) AS status FROM email_log
			WHERE key = e.message_key LIMIT 1) l ON true
		ORDER BY place`, list)
	if err != nil {
		return nil, nil, err
	}
	var statuses []*int
	stored, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEvent, error) {
		var status *int
		e, err := scanEvent(row, &status)
		statuses = append(statuses, status)
		return e, err
	})
	return stored, statuses, err
}

// restorer reads chunks as long as ctx lives.
func (s *Postgres) restorer(ctx context.Context) *restorer {
	return &restorer{decoder: s.decoder, packer: s.packer, source: func(id chunkID) ([]byte, error) {
		var packed []byte
		err := s.pool.QueryRow(ctx, `SELECT records FROM record_chunk WHERE id = $1`, [16]byte(id)).Scan(&packed)
		if errors.Is(err, pgx.ErrNoRows) {
			err = errChunk
		}
		return packed, err
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
