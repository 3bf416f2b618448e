package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// PostgresPlatform is the table of a sending platform in the database of a
// store. It has a connection of its own, so whatever holds the table up holds up
// nothing of the store. It is safe for concurrent use.
type PostgresPlatform struct {
	store *Postgres
	name  string
	own   string // our schema, quoted
	pool  *pgxpool.Pool

	mu      sync.Mutex
	columns *platformColumns // nil while they are not known
}

var _ ports.PlatformTable = (*PostgresPlatform)(nil)

// CheckPlatformName says what is wrong with the name of a platform's table,
// "table" or "schema.table", beside a store in that schema. Names stand as they
// are, in their case and without quotes.
func CheckPlatformName(name, schema string) error {
	parts := strings.Split(name, ".")
	for _, part := range parts {
		if part == "" || len(part) > maxSchema || len(parts) > 2 || strings.ContainsAny(part, "\"'`;\\\x00 \t\r\n") {
			return errors.New("not the name of a table as in email_log or public.email_log")
		}
	}
	if len(parts) == 2 && parts[0] == schema {
		return errors.New("a table of the service itself, not of the platform")
	}
	return nil
}

// NewPostgresPlatform returns the platform's table of that name beside a store.
// A name without a schema is looked for as the role's own search path has it.
// The caller closes it.
func NewPostgresPlatform(s *Postgres, name string) (*PostgresPlatform, error) {
	if err := CheckPlatformName(name, s.cfg.Schema); err != nil {
		return nil, fmt.Errorf("platform's table: %w", err)
	}
	conn := s.conn.Copy()
	// What the platform has put on its table, triggers say, finds what it would
	// find for the platform and none of our tables.
	delete(conn.RuntimeParams, "search_path")
	// The server does not always hear that a statement was given up, and a stop
	// waits for it.
	conn.RuntimeParams["lock_timeout"] = "2000"
	pool, err := postgresPool(conn, 1)
	if err != nil {
		return nil, fmt.Errorf("platform's table: %w", err)
	}
	return &PostgresPlatform{store: s, name: name, own: pgx.Identifier{s.cfg.Schema}.Sanitize(), pool: pool}, nil
}

// Close lets go of the connection.
func (p *PostgresPlatform) Close() { p.pool.Close() }

// Check looks for the table and its columns. It is ErrRefused with what was
// looked for if they are not there.
func (p *PostgresPlatform) Check(ctx context.Context) error {
	_, err := p.known(ctx)
	return err
}

// Position implements ports.PlatformTable.
func (p *PostgresPlatform) Position(ctx context.Context) (ports.PlatformPosition, error) {
	const operation = "position of the platform's table"
	if err := p.store.state.err(); err != nil {
		return ports.PlatformPosition{}, postgresError(operation, err)
	}
	at, err := p.position(ctx, p.pool, "")
	return at, postgresError(operation, err)
}

type querier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func (p *PostgresPlatform) position(ctx context.Context, q querier, lock string) (at ports.PlatformPosition, err error) {
	var sequence int64
	err = q.QueryRow(ctx, `SELECT sequence, digest, reached_at FROM `+p.own+`.platform_position WHERE name = $1 `+lock,
		p.name).Scan(&sequence, &at.Digest, &at.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return ports.PlatformPosition{}, nil
	}
	at.Sequence, at.At = uint64(sequence), at.At.UTC()
	return at, err
}

// Update implements ports.PlatformTable.
func (p *PostgresPlatform) Update(ctx context.Context, messageIDs []string, from, to ports.PlatformPosition) (int, error) {
	const operation = "update the platform's table"
	if err := p.store.state.err(); err != nil {
		return 0, postgresError(operation, err)
	}
	c, err := p.known(ctx)
	if err != nil {
		return 0, err
	}
	changed := 0
	err = pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if err := p.hold(ctx, tx, from); err != nil {
			return err
		}
		if changed, err = p.update(ctx, tx, c, messageIDs); err != nil {
			return err
		}
		return p.move(ctx, tx, from, to)
	})
	switch {
	case errors.Is(err, ports.ErrMoved):
		return 0, fmt.Errorf("%s: %w", operation, err)
	case err != nil:
		p.forget() // it may not be the table that it was
		return 0, platformError(operation, err)
	}
	return changed, nil
}

// hold keeps others from moving the position, if it is there.
func (p *PostgresPlatform) hold(ctx context.Context, tx pgx.Tx, from ports.PlatformPosition) error {
	at, err := p.position(ctx, tx, "FOR UPDATE")
	if err == nil && (at.Sequence != from.Sequence || at.Digest != from.Digest) {
		return ports.ErrMoved
	}
	return err
}

// move moves the position. Of two that begin at once, when there is nothing to
// hold yet, the second undoes all.
func (p *PostgresPlatform) move(ctx context.Context, tx pgx.Tx, from, to ports.PlatformPosition) error {
	if from.Sequence == to.Sequence && from.Digest == to.Digest {
		return nil
	}
	tag, err := tx.Exec(ctx, `INSERT INTO `+p.own+`.platform_position AS p (name, sequence, digest, reached_at)
		VALUES ($1, $2, $3, now())
		ON CONFLICT (name) DO UPDATE SET sequence = $2, digest = $3, reached_at = now()
		WHERE p.sequence = $4 AND p.digest = $5`,
		p.name, int64(to.Sequence), to.Digest, int64(from.Sequence), from.Digest)
	if err == nil && tag.RowsAffected() == 0 {
		return ports.ErrMoved
	}
	return err
}

// update raises the rows of messages.
func (p *PostgresPlatform) update(ctx context.Context, tx pgx.Tx, c *platformColumns, messageIDs []string) (int, error) {
	said, err := p.said(ctx, tx, c, messageIDs)
	if err != nil || len(said) == 0 {
		return 0, err
	}
	ids := make([]string, 0, len(said))
	for id := range said {
		ids = append(ids, id)
	}
	// Sorted, and taken in one order below, for whoever else updates several.
	slices.Sort(ids)
	rows, err := tx.Query(ctx, c.choose, ids)
	if err != nil {
		return 0, err
	}
	before, err := pgx.CollectRows(rows, scanPlatformRow)
	if err != nil {
		return 0, err
	}
	var raised []domain.PlatformRow
	for _, r := range before {
		after := r.Raise(said[r.ID], c.names)
		after.Error = c.cut(after.Error)
		if after != r {
			raised = append(raised, after)
		}
	}
	if len(raised) == 0 {
		return 0, nil
	}
	_, err = tx.Exec(ctx, c.change, platformArguments(raised)...)
	return len(raised), err
}

func scanPlatformRow(row pgx.CollectableRow) (r domain.PlatformRow, err error) {
	var status, said pgtype.Text
	var delivered, failed pgtype.Timestamptz
	err = row.Scan(&r.ID, &status, &delivered, &failed, &said)
	r.Status, r.Error = status.String, said.String
	r.DeliveredAt, r.FailedAt = finite(delivered), finite(failed)
	return r, err
}

// finite is the time, some time or other where the platform has put an infinite
// one.
func finite(t pgtype.Timestamptz) time.Time {
	switch {
	case !t.Valid:
		return time.Time{}
	case t.InfinityModifier != pgtype.Finite:
		return time.Unix(0, 0).UTC()
	}
	return t.Time.UTC()
}

func platformArguments(rows []domain.PlatformRow) []any {
	n := len(rows)
	ids, statuses, errs := make([]string, n), make([]pgtype.Text, n), make([]pgtype.Text, n)
	delivered, failed := make([]pgtype.Timestamptz, n), make([]pgtype.Timestamptz, n)
	for i, r := range rows {
		ids[i] = r.ID
		statuses[i] = pgtype.Text{String: r.Status, Valid: r.Status != ""}
		errs[i] = pgtype.Text{String: r.Error, Valid: r.Error != ""}
		delivered[i] = pgtype.Timestamptz{Time: r.DeliveredAt, Valid: !r.DeliveredAt.IsZero()}
		failed[i] = pgtype.Timestamptz{Time: r.FailedAt, Valid: !r.FailedAt.IsZero()}
	}
	return []any{ids, statuses, delivered, failed, errs}
}

// saidByMessages looks each message up in the primary key, in the days between
// $3 and $4.
const saidByMessages = `SELECT l.* FROM unnest($1::uuid[], $2::uuid[]) asked (least, greatest) CROSS JOIN LATERAL (
	SELECT application_id, delivered_at, failed_at, decided_at, code, enhanced_code, response, decision
	FROM %s.email_log
	WHERE key BETWEEN least AND greatest AND key BETWEEN $3 AND $4 AND confirmed AND NOT of_report
		AND application_id IS NOT NULL OFFSET 0) l`

// said returns what is said of messages by the id of their row.
func (p *PostgresPlatform) said(ctx context.Context, tx pgx.Tx, c *platformColumns, messageIDs []string) (map[string][]domain.EmailLog, error) {
	if len(messageIDs) == 0 {
		return nil, nil
	}
	from, to := make([][16]byte, len(messageIDs)), make([][16]byte, len(messageIDs))
	for i, id := range messageIDs {
		least, greatest := domain.KeysOfMessage(id)
		from[i], to[i] = least, greatest
	}
	compare := func(a, b [16]byte) int { return slices.Compare(a[:], b[:]) }
	rows, err := tx.Query(ctx, fmt.Sprintf(saidByMessages, p.own), from, to,
		slices.MinFunc(from, compare), slices.MaxFunc(to, compare))
	if err != nil {
		return nil, err
	}
	said := map[string][]domain.EmailLog{}
	logs, err := pgx.CollectRows(rows, scanSaid)
	for _, l := range logs {
		if id, ok := c.id(l.ApplicationID); ok {
			said[id] = append(said[id], l)
		}
	}
	return said, err
}

func scanSaid(row pgx.CollectableRow) (l domain.EmailLog, err error) {
	var decision []byte
	var delivered, failed, decided micros
	var code integer
	var enhanced, response text
	err = row.Scan(&l.ApplicationID, &delivered, &failed, &decided, &code, &enhanced, &response, &decision)
	l.DeliveredAt, l.FailedAt, l.Decision = delivered.Time, failed.Time, decisionOf(decision)
	l.Decision.At, l.Decision.Code = decided.Time, int(code)
	l.Decision.Enhanced, l.Decision.Response = parseEnhanced(string(enhanced)), string(response)
	return l, err
}
