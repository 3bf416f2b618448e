package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.EventIndex = (*SQLite)(nil)

// KnownEvents implements ports.EventIndex.
func (s *SQLite) KnownEvents(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
	wanted := make([]byte, 0, 16*len(ids))
	for _, id := range ids {
		wanted = append(wanted, id[:]...)
	}
	known := make(map[domain.EventID]string, len(ids))
	rows, err := s.read.DB.QueryContext(ctx, sqliteIDs+`SELECT id, coalesce(node_id, '') FROM email_event
		WHERE id IN (SELECT id FROM ids)`, wanted)
	if err == nil {
		var id sql.RawBytes
		var node string
		err = each(rows, func() { known[domain.EventID(id)] = node }, &id, &node)
	}
	if err != nil {
		return nil, sqliteError("look for known events", err)
	}
	return known, nil
}

// EventIDs implements ports.EventIndex.
func (s *SQLite) EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	return func(yield func(domain.EventID, error) bool) {
		for id, err := range idsWithin(from, to, func(r uuidRange, page []domain.EventID) ([]domain.EventID, error) {
			return s.idPage(ctx, r, page)
		}) {
			if !yield(id, sqliteError("read ids of events", err)) {
				return
			}
		}
	}
}

func (s *SQLite) idPage(ctx context.Context, r uuidRange, page []domain.EventID) ([]domain.EventID, error) {
	rows, err := s.read.DB.QueryContext(ctx, `SELECT id FROM email_event WHERE id >= ? AND id < ? ORDER BY id LIMIT `+idPageLimit,
		r.least[:], r.below[:])
	if err != nil {
		return nil, err
	}
	var id sql.RawBytes
	err = each(rows, func() { page = append(page, domain.EventID(id)) }, &id)
	return page, err
}

// each scans every row into the same places, and closes rows.
func each(rows *sql.Rows, do func(), places ...any) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := rows.Scan(places...); err != nil {
			return err
		}
		do()
	}
	return rows.Err()
}
