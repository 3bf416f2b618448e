package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Suppressions = (*Postgres)(nil)

// postgresSuppressionColumns are what a suppressionScan reads, in its order.
const postgresSuppressionColumns = "address, reason, note, uuid_send(event_id), added_at"

// Suppress implements ports.Suppressions.
func (s *Postgres) Suppress(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
	places := inOrder(entries, suppressionKey)
	n := len(places)
	addresses, domains, reasons := make([]string, n), make([]string, n), make([]string, n)
	notes, events, times := make([]pgtype.Text, n), make([]pgtype.UUID, n), make([]time.Time, n)
	for i, place := range places {
		e := &entries[place]
		addresses[i], domains[i], reasons[i] = e.Address, domain.AddressDomain(e.Address), string(e.Reason)
		notes[i] = pgtype.Text{String: e.Note, Valid: e.Note != ""}
		events[i] = pgtype.UUID{Bytes: e.EventID, Valid: e.EventID != domain.EventID{}}
		times[i] = e.AddedAt
	}
	if err := s.state.err(); err != nil {
		return nil, postgresError("suppress", err)
	}
	added := make([]bool, len(entries))
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		news, err := insertReturning[string](ctx, tx, `INSERT INTO suppression (address, domain, reason, note, event_id, added_at)
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[])
			ON CONFLICT (address) DO NOTHING RETURNING address`, addresses, domains, reasons, notes, events, times)
		if err != nil {
			return err
		}
		for _, i := range places {
			_, added[i] = news[entries[i].Address]
		}
		return queueChanges(ctx, tx, additions(entries, added))
	})
	if err != nil {
		return nil, postgresError("suppress", err)
	}
	return added, nil
}

// queueChanges announces changes in the transaction that makes them. Whoever
// changes an address next waits for its end, so that announcements of one address
// are in its order.
func queueChanges(ctx context.Context, tx pgx.Tx, changes []domain.SuppressionChange) error {
	if len(changes) == 0 {
		return nil
	}
	list, err := changesText(changes)
	if err == nil {
		_, err = tx.Exec(ctx, `INSERT INTO outbox (events, held_until, changes) VALUES ('', '-infinity', $1)`, list)
	}
	return err
}

// asked is a pool, or a transaction.
type asked interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// insertReturning runs an INSERT and returns the set of what its rows return.
func insertReturning[K comparable](ctx context.Context, on asked, query string, args ...any) (map[K]struct{}, error) {
	rows, err := on.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[K])
	news := make(map[K]struct{}, len(keys))
	for _, k := range keys {
		news[k] = struct{}{}
	}
	return news, err
}

// Unsuppress implements ports.Suppressions.
func (s *Postgres) Unsuppress(ctx context.Context, address string, at time.Time) error {
	const operation = "unsuppress"
	if err := s.state.err(); err != nil {
		return postgresError(operation, err)
	}
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		was, err := newSuppressionScan().scan(tx.QueryRow(ctx,
			`DELETE FROM suppression WHERE address = $1 RETURNING `+postgresSuppressionColumns, address))
		if err != nil {
			return err
		}
		return queueChanges(ctx, tx, removal(was, at))
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	return postgresError(operation, err)
}

// findSuppressed looks each address up in an index. Left to itself the
// planner may read the whole list for a thousand of them: of 200,000 rows the
// 99th percentile is 25 ms then instead of 8.
const findSuppressed = `SELECT e.* FROM unnest($1::text[]) asked CROSS JOIN LATERAL (
	SELECT address, reason, note, event_id, added_at FROM suppression WHERE address = asked OFFSET 0) e`

// A lookup of more than a few addresses is cut into parts, which are looked up at
// once: with a thousand a single connection is busy for 4 ms.
const (
	suppressedParts = 2
	fewAddresses    = 100
)

// FindSuppressed implements ports.Suppressions.
func (s *Postgres) FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
	const operation = "find suppressed"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	parts := slices.Collect(slices.Chunk(addresses, max(fewAddresses, (len(addresses)+suppressedParts-1)/suppressedParts)))
	lookups, errs := make([]*suppressionLookup, len(parts)), make([]error, len(parts))
	var all sync.WaitGroup
	for i, part := range parts {
		lookups[i] = suppressionLookups.Get().(*suppressionLookup)
		look := func() { errs[i] = lookups[i].run(ctx, s.pool, part) }
		if i < len(parts)-1 {
			all.Go(look)
			continue
		}
		look()
	}
	all.Wait()
	found := make([][]domain.Suppression, len(parts))
	for i, l := range lookups {
		found[i] = l.found
	}
	list := byAddress(slices.Concat(found...))
	for _, l := range lookups {
		l.release()
	}
	return list, postgresError(operation, errors.Join(errs...))
}

// suppressionLookup looks up a part of the addresses. It is used again: of a thousand
// addresses pgx's own arguments are a thousand pieces of garbage, and a collection for
// each 20 lookups is what the slowest wait for.
type suppressionLookup struct {
	exchange pgExchange
	asked    pgTuples
	row      binaryRow
	scan     *suppressionScan
	found    []domain.Suppression // in no order
	err      error                // of a row
}

var suppressionLookups = sync.Pool{New: func() any { return &suppressionLookup{scan: newSuppressionScan()} }}

func (l *suppressionLookup) release() {
	clear(l.found)
	l.found, l.err = l.found[:0], nil
	suppressionLookups.Put(l)
}

func (l *suppressionLookup) run(ctx context.Context, pool *pgxpool.Pool, addresses []string) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Conn().Prepare(ctx, stmtSuppressed, findSuppressed); err != nil { // does nothing the next time
		return err
	}
	l.asked.startArray(len(addresses), pgtype.TextOID)
	for _, address := range addresses {
		l.asked.label(address)
	}
	l.exchange.reset()
	l.exchange.exec(stmtSuppressed, l.add, l.asked.buf)
	return errors.Join(l.exchange.run(ctx, conn.Conn()), l.err)
}

// add reads a row.
func (l *suppressionLookup) add(values [][]byte) {
	l.row.values = values
	e, err := l.scan.scan(&l.row)
	if err != nil {
		l.err = err
		return
	}
	l.found = append(l.found, e)
}

// ListSuppressed implements ports.Suppressions.
func (s *Postgres) ListSuppressed(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
	const operation = "list suppressed"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	rows, err := chooseSuppressed(s.read.NewSelect(), f, after, limit).ColumnExpr(postgresSuppressionColumns).Rows(ctx)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	scan := newSuppressionScan()
	found, err := collect(rows, func() (domain.Suppression, error) { return scan.scan(rows) })
	return found, postgresError(operation, err)
}
