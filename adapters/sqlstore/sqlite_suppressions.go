package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Suppressions = (*SQLite)(nil)

// suppressionColumns are what a suppressionScan reads, in its order.
const suppressionColumns = "address, reason, note, event_id, added_at"

var suppressInSQLite = newSQLiteBulk(
	`INSERT INTO suppression (address, domain, reason, note, event_id, added_at)`, 6,
	`ON CONFLICT (address) DO NOTHING RETURNING address`)

// Suppress implements ports.Suppressions.
func (s *SQLite) Suppress(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
	places := inOrder(entries, suppressionKey)
	added := make([]bool, len(entries))
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		news := map[string]bool{}
		err := suppressInSQLite.insert(t, len(places), func(args []any, i int) []any {
			e := &entries[places[i]]
			return append(args, e.Address, domain.AddressDomain(e.Address), string(e.Reason), textValue(e.Note),
				eventIDValue(e.EventID), e.AddedAt.UnixMicro())
		}, func(row []driver.Value) error {
			news[fmt.Sprint(row[0])] = true
			return nil
		})
		if err != nil {
			return err
		}
		for _, i := range places {
			added[i] = news[entries[i].Address]
		}
		return queueInSQLite(t, additions(entries, added))
	})
	if err != nil {
		return nil, sqliteError("suppress", err)
	}
	return added, nil
}

// queueInSQLite announces changes in the transaction that makes them.
func queueInSQLite(t *sqliteTx, changes []domain.SuppressionChange) error {
	if len(changes) == 0 {
		return nil
	}
	list, err := changesText(changes)
	if err == nil {
		_, err = t.exec(`INSERT INTO outbox (events, held_until, changes) VALUES (x'', 0, ?)`, list)
	}
	return err
}

// Unsuppress implements ports.Suppressions.
func (s *SQLite) Unsuppress(ctx context.Context, address string, at time.Time) error {
	const operation = "unsuppress"
	var removed []domain.SuppressionChange
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		err := t.query(`DELETE FROM suppression WHERE address = ? RETURNING `+suppressionColumns, func(row []driver.Value) error {
			was, err := newSuppressionScan().scan(driverRow(row))
			removed = removal(was, at)
			return err
		}, address)
		if err != nil {
			return err
		}
		return queueInSQLite(t, removed)
	})
	if err == nil && len(removed) == 0 {
		return fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	return sqliteError(operation, err)
}

// driverRow is a row as the driver has it.
type driverRow []driver.Value

// Scan copies texts and bytes, which are the driver's until the next row.
func (r driverRow) Scan(dest ...any) error {
	for i, d := range dest {
		switch d := d.(type) {
		case *string:
			*d = fmt.Sprint(r[i])
		case *[]byte:
			b, _ := r[i].([]byte)
			*d = bytes.Clone(b)
		case sql.Scanner:
			if err := d.Scan(r[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// FindSuppressed implements ports.Suppressions.
func (s *SQLite) FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
	const operation = "find suppressed"
	list, err := json.Marshal(addresses)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	// A cross join keeps its order: each address is looked up in the primary key.
	rows, err := s.read.DB.QueryContext(ctx, `SELECT `+suppressionColumns+`
		FROM json_each(?) CROSS JOIN suppression ON address = value`, string(list))
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	scan := newSuppressionScan()
	found, err := collect(rows, func() (domain.Suppression, error) { return scan.scan(rows) })
	return byAddress(found), sqliteError(operation, err)
}

// ListSuppressed implements ports.Suppressions.
func (s *SQLite) ListSuppressed(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
	const operation = "list suppressed"
	rows, err := chooseSuppressed(s.read.NewSelect(), f, after, limit).ColumnExpr(suppressionColumns).Rows(ctx)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	scan := newSuppressionScan()
	found, err := collect(rows, func() (domain.Suppression, error) { return scan.scan(rows) })
	return found, sqliteError(operation, err)
}
