package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Claim implements ports.Outbox. Announcements whose events were pruned
// meanwhile have what is left of them; without any they are removed.
func (s *SQLite) Claim(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
	claimed := []ports.Announcement{}
	for len(claimed) == 0 && limit > 0 {
		rows, err := s.hold(ctx, limit, max(hold, time.Second))
		if err != nil {
			return nil, sqliteError("claim", err)
		}
		if len(rows) == 0 {
			break
		}
		// Read outside of the transaction, so that commits go on meanwhile. If
		// this fails the announcements come back when the hold is over.
		if claimed, err = announcements(ctx, s, rows); err != nil {
			return nil, sqliteError("claim", err)
		}
	}
	return claimed, nil
}

// ReleaseHolds lets everything in the outbox be claimed at once. It is for a
// relay that knows itself to be the only one: whoever holds something is gone.
func (s *SQLite) ReleaseHolds(ctx context.Context) error {
	return sqliteError("release holds", s.writer.write(ctx, func(t *sqliteTx) error {
		return t.query(`UPDATE outbox SET held_until = 0`, func([]driver.Value) error { return nil })
	}))
}

// hold marks rows that nobody holds and returns them, oldest first.
func (s *SQLite) hold(ctx context.Context, limit int, hold time.Duration) ([]queued, error) {
	var rows []queued
	now := time.Now()
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		return t.query(`UPDATE outbox SET held_until = ?1 WHERE id IN (
				SELECT id FROM outbox WHERE held_until <= ?2 ORDER BY id LIMIT ?3)
			RETURNING id, events, changes`,
			func(row []driver.Value) error {
				q := queued{id: ports.AnnouncementID(row[0].(int64))}
				q.ids, _ = row[1].([]byte)
				rows = append(rows, q)
				return rows[len(rows)-1].changes.Scan(row[2])
			}, now.Add(hold).UnixMicro(), now.UnixMicro(), int64(limit))
	})
	// RETURNING has no order.
	slices.SortFunc(rows, func(a, b queued) int { return int(a.id - b.id) })
	return rows, err
}

func (s *SQLite) told(ctx context.Context, ids []byte) ([]toldEvent, error) {
	// The pool under bun: bun would put the ids into the text of the query.
	rows, err := s.read.DB.QueryContext(ctx, sqliteIDs+`SELECT `+eventColumns+`, substr(l.decision, 1, 1)
		FROM place JOIN email_event e ON e.id = substr(?1, i, 16)
		LEFT JOIN email_log l ON l.key = coalesce(e.original_key, e.message_key) AND l.confirmed
		ORDER BY i`, ids)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (e toldEvent, err error) {
		var status []byte
		if e.storedEvent, err = scanEvent(rows, &status); len(status) == 1 {
			e.status = new(domain.Status(status[0]))
		}
		return e, err
	})
}

// restorer reads chunks and logs as long as ctx lives.
func (s *SQLite) restorer(ctx context.Context) *restorer {
	return &restorer{decoder: s.decoder, packer: s.packer, chunkOf: func(id chunkID) (packed []byte, err error) {
		err = s.read.DB.QueryRowContext(ctx, `SELECT records FROM record_chunk WHERE id = ?`, id[:]).Scan(&packed)
		if errors.Is(err, sql.ErrNoRows) {
			err = errChunk
		}
		return packed, err
	}, nameOf: func(key domain.LogKey) (messageID, recipient string, err error) {
		const query = `SELECT message_id, recipient FROM email_log WHERE key = ?`
		err = s.read.DB.QueryRowContext(ctx, query, key[:]).Scan(&messageID, &recipient)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return messageID, recipient, err
	}}
}

// Done implements ports.Outbox.
func (s *SQLite) Done(ctx context.Context, ids []ports.AnnouncementID) error {
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return sqliteError("done", s.writer.write(ctx, func(t *sqliteTx) error {
		_, err := t.exec(`DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?))`, string(list))
		return err
	}))
}

// collect reads rows to their end and closes them.
func collect[T any](rows *sql.Rows, scan func() (T, error)) ([]T, error) {
	defer func() { _ = rows.Close() }()
	var list []T
	for rows.Next() {
		v, err := scan()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}
