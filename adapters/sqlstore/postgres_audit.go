package sqlstore

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.EventIndex = (*Postgres)(nil)

// KnownEvents implements ports.EventIndex.
func (s *Postgres) KnownEvents(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
	const operation = "look for known events"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	known := make(map[domain.EventID]string, len(ids))
	if len(ids) == 0 {
		return known, postgresError(operation, ctx.Err())
	}
	wanted := make([][16]byte, len(ids))
	for i, id := range ids {
		wanted[i] = id
	}
	// In order, so that neighbours share pages; the bounds choose the days.
	slices.SortFunc(wanted, func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
	rows, err := s.pages.Query(ctx, `SELECT id, coalesce(node_id, '') FROM email_event
		WHERE id = ANY($1::uuid[]) AND id BETWEEN $2::uuid AND $3::uuid`, wanted, wanted[0], wanted[len(wanted)-1])
	if err == nil {
		var id [16]byte
		var node string
		_, err = pgx.ForEachRow(rows, []any{&id, &node}, func() error {
			known[id] = node
			return nil
		})
	}
	if err != nil {
		return nil, postgresError(operation, err)
	}
	return known, nil
}

// EventIDs implements ports.EventIndex.
func (s *Postgres) EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	const operation = "read ids of events"
	return func(yield func(domain.EventID, error) bool) {
		if err := s.state.err(); err != nil {
			yield(domain.EventID{}, postgresError(operation, err))
			return
		}
		for id, err := range idsWithin(from, to, func(r uuidRange, page []domain.EventID) ([]domain.EventID, error) {
			return s.idPage(ctx, r, page)
		}) {
			if !yield(id, postgresError(operation, err)) {
				return
			}
		}
	}
}

func (s *Postgres) idPage(ctx context.Context, r uuidRange, page []domain.EventID) ([]domain.EventID, error) {
	rows, err := s.pages.Query(ctx, `SELECT id FROM email_event WHERE id >= $1 AND id < $2 ORDER BY id LIMIT `+idPageLimit,
		[16]byte(r.least), [16]byte(r.below))
	if err != nil {
		return nil, err
	}
	var id [16]byte
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		page = append(page, id)
		return nil
	})
	return page, err
}
