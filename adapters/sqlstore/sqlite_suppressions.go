package sqlstore

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Suppressions = (*SQLite)(nil)

// suppressionColumns are what scanSuppression reads, in its order.
const suppressionColumns = "address, reason, note, event_id, added_at"

var suppressInSQLite = newSQLiteBulk(
	`INSERT INTO suppression (address, domain, reason, note, event_id, added_at)`, 6,
	`ON CONFLICT (address) DO NOTHING RETURNING address`)

// Suppress implements ports.Suppressions.
func (s *SQLite) Suppress(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
	places := inOrder(entries, suppressionKey)
	news := map[string]bool{}
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		return suppressInSQLite.insert(t, len(places), func(args []any, i int) []any {
			e := &entries[places[i]]
			return append(args, e.Address, domain.AddressDomain(e.Address), string(e.Reason), textValue(e.Note),
				eventIDValue(e.EventID), e.AddedAt.UnixMicro())
		}, func(row []driver.Value) error {
			news[fmt.Sprint(row[0])] = true
			return nil
		})
	})
	if err != nil {
		return nil, sqliteError("suppress", err)
	}
	added := make([]bool, len(entries))
	for _, i := range places {
		added[i] = news[entries[i].Address]
	}
	return added, nil
}

// Unsuppress implements ports.Suppressions.
func (s *SQLite) Unsuppress(ctx context.Context, address string) error {
	const operation = "unsuppress"
	var n int64
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		r, err := t.exec(`DELETE FROM suppression WHERE address = ?`, address)
		if err == nil {
			n, err = r.RowsAffected()
		}
		return err
	})
	if err == nil && n == 0 {
		return fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	return sqliteError(operation, err)
}

// FindSuppressed implements ports.Suppressions.
func (s *SQLite) FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
	const operation = "find suppressed"
	list, err := json.Marshal(eachOnce(addresses))
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	// A cross join keeps its order: each address is looked up in the primary key.
	rows, err := s.read.DB.QueryContext(ctx, `SELECT `+suppressionColumns+`
		FROM json_each(?) CROSS JOIN suppression ON address = value`, string(list))
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	found, err := collect(rows, func() (domain.Suppression, error) { return scanSuppression(rows) })
	return found, sqliteError(operation, err)
}

// ListSuppressed implements ports.Suppressions.
func (s *SQLite) ListSuppressed(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
	const operation = "list suppressed"
	rows, err := chooseSuppressed(s.read.NewSelect(), f, after, limit).ColumnExpr(suppressionColumns).Rows(ctx)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	found, err := collect(rows, func() (domain.Suppression, error) { return scanSuppression(rows) })
	return found, sqliteError(operation, err)
}
