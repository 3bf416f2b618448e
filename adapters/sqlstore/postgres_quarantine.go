package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// quarantineColumns are what scanQuarantined reads, in its order.
const quarantineColumns = "uuid_send(id), reason, received_at, size"

// List implements ports.Quarantine.
func (s *Postgres) List(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
	const operation = "list quarantine"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	q := s.read.NewSelect().Table("quarantine").ColumnExpr(quarantineColumns).
		OrderExpr("received_at DESC, id DESC").Limit(int64(limit))
	if after != (domain.QuarantineID{}) {
		q = q.Where("(received_at, id) < (?)", s.read.NewSelect().Table("quarantine").
			Column("received_at", "id").Where("id = ?", domain.LogKey(after).String()))
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	list, err := collect(rows, func() (ports.Quarantined, error) { return scanQuarantined(rows) })
	return list, postgresError(operation, err)
}

// Get implements ports.Quarantine.
func (s *Postgres) Get(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	const operation = "get from quarantine"
	if err := s.state.err(); err != nil {
		return ports.Quarantined{}, postgresError(operation, err)
	}
	var packed []byte
	row := s.pool.QueryRow(ctx, `SELECT `+quarantineColumns+`, raw FROM quarantine WHERE id = $1`, [16]byte(id))
	q, err := scanQuarantined(row, &packed)
	if errors.Is(err, pgx.ErrNoRows) {
		return q, fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	if err != nil {
		return q, postgresError(operation, err)
	}
	q.Raw, err = s.packer.unpack(packed)
	return q, postgresError(operation, err)
}

// Remove implements ports.Quarantine.
func (s *Postgres) Remove(ctx context.Context, ids ...domain.QuarantineID) error {
	const operation = "remove from quarantine"
	if err := s.state.err(); err != nil {
		return postgresError(operation, err)
	}
	list := make([][16]byte, len(ids))
	for i := range ids {
		list[i] = ids[i]
	}
	_, err := s.pool.Exec(ctx, `DELETE FROM quarantine WHERE id = ANY($1)`, list)
	return postgresError(operation, err)
}
