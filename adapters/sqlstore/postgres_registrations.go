package sqlstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Registrations = (*Postgres)(nil)

// Register implements ports.Registrations.
func (s *Postgres) Register(ctx context.Context, regs []domain.Registration) ([]bool, error) {
	if err := s.state.err(); err != nil {
		return nil, postgresError("register", err)
	}
	places := inOrder(regs, registrationKey)
	n := len(places)
	ids, applications, recipients := make([][16]byte, n), make([]string, n), make([]string, n)
	texts := [5][]pgtype.Text{}
	for column := range texts {
		texts[column] = make([]pgtype.Text, n)
	}
	sizes, times := make([]pgtype.Int8, n), make([]time.Time, n)
	for i, place := range places {
		r := &regs[place]
		ids[i], applications[i], recipients[i] = r.ID(), r.ApplicationID, r.Recipient
		for column, v := range [...]string{r.Sender, r.Subject, r.Tenant, r.Campaign, r.Meta} {
			texts[column][i] = pgtype.Text{String: v, Valid: v != ""}
		}
		sizes[i] = pgtype.Int8{Int64: r.Size, Valid: r.Size != 0}
		times[i] = r.RegisteredAt
	}
	news, err := insertReturning[[16]byte](ctx, s.pool, `INSERT INTO registration
		(id, application_id, recipient, sender, subject, tenant, campaign, meta, size, registered_at)
		SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
			$8::text[], $9::bigint[], $10::timestamptz[])
		ON CONFLICT (id) DO NOTHING RETURNING id`,
		ids, applications, recipients, texts[0], texts[1], texts[2], texts[3], texts[4], sizes, times)
	if err != nil {
		return nil, postgresError("register", err)
	}
	added := make([]bool, len(regs))
	for _, i := range places {
		_, added[i] = news[regs[i].ID()]
	}
	return added, nil
}

// FindRegistrations implements ports.Registrations.
func (s *Postgres) FindRegistrations(ctx context.Context, id string, limit int) ([]domain.Registration, error) {
	const operation = "find registrations"
	if err := s.state.err(); err != nil {
		return nil, postgresError(operation, err)
	}
	if !canBeID(id) {
		return nil, nil
	}
	own, _ := domain.ParseRegistrationID(id) // no registration's for other ids
	least, greatest := domain.RegistrationsOf(id)
	rows, err := s.pool.Query(ctx, `SELECT `+registrationColumns+` FROM registration
		WHERE id = $1 OR id BETWEEN $2 AND $3 AND application_id = $4
		ORDER BY id <> $1, id LIMIT $5`, [16]byte(own), [16]byte(least), [16]byte(greatest), id, limit)
	if err != nil {
		return nil, postgresError(operation, err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (domain.Registration, error) { return scanRegistration(row) })
	return onlyOwn(own, found), postgresError(operation, err)
}

// pruneRegistrations has the rows go that came before $1.
const pruneRegistrations = `DELETE FROM registration WHERE id IN (
	SELECT id FROM registration WHERE registered_at < $1 ORDER BY registered_at LIMIT $2)`
