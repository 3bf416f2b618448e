package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// List implements ports.Quarantine.
func (s *SQLite) List(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
	q := s.read.NewSelect().Table("quarantine").Column("id", "reason", "received_at", "size").
		OrderExpr("received_at DESC, id DESC").Limit(int64(limit))
	if after != (domain.QuarantineID{}) {
		q = q.Where("(received_at, id) < (SELECT received_at, id FROM quarantine WHERE id = ?)", after[:])
	}
	rows, err := q.Rows(ctx)
	if err != nil {
		return nil, sqliteError("list quarantine", err)
	}
	list, err := collect(rows, func() (ports.Quarantined, error) { return scanQuarantined(rows) })
	return list, sqliteError("list quarantine", err)
}

// Get implements ports.Quarantine.
func (s *SQLite) Get(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	const operation = "get from quarantine"
	var packed []byte
	row := s.read.DB.QueryRowContext(ctx, `SELECT id, reason, received_at, size, raw FROM quarantine WHERE id = ?`, id[:])
	q, err := scanQuarantined(row, &packed)
	if errors.Is(err, sql.ErrNoRows) {
		return q, fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	if err != nil {
		return q, sqliteError(operation, err)
	}
	q.Raw, err = s.packer.unpack(packed)
	return q, sqliteError(operation, err)
}

func scanQuarantined(row scanner, more ...any) (ports.Quarantined, error) {
	var (
		q        ports.Quarantined
		id       []byte
		received micros
	)
	err := row.Scan(append([]any{&id, &q.Reason, &received, &q.Size}, more...)...)
	copy(q.ID[:], id)
	q.ReceivedAt = received.Time
	return q, err
}

// Remove implements ports.Quarantine.
func (s *SQLite) Remove(ctx context.Context, ids ...domain.QuarantineID) error {
	var list []byte
	for i := range ids {
		list = append(list, ids[i][:]...)
	}
	return sqliteError("remove from quarantine", s.writer.write(ctx, func(t *sqliteTx) error {
		_, err := t.exec(sqliteIDs+`DELETE FROM quarantine WHERE id IN (SELECT id FROM ids)`, list)
		return err
	}))
}
