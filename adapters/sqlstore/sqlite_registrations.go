package sqlstore

import (
	"context"
	"database/sql/driver"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Registrations = (*SQLite)(nil)

var registerInSQLite = newSQLiteBulk(`INSERT INTO registration (id, `+registrationColumns+`)`, 10,
	`ON CONFLICT (id) DO NOTHING RETURNING id`)

// Register implements ports.Registrations.
func (s *SQLite) Register(ctx context.Context, regs []domain.Registration) ([]bool, error) {
	places := inOrder(regs, registrationKey)
	news := map[domain.RegistrationID]bool{}
	err := s.writer.write(ctx, func(t *sqliteTx) error {
		return registerInSQLite.insert(t, len(places), func(args []any, i int) []any {
			r := &regs[places[i]]
			id := r.ID()
			return append(args, id[:], r.ApplicationID, r.Recipient, textValue(r.Sender), textValue(r.Subject),
				textValue(r.Tenant), textValue(r.Campaign), intValue(r.Size), textValue(r.Meta), r.RegisteredAt.UnixMicro())
		}, func(row []driver.Value) error {
			id, _ := row[0].([]byte)
			news[domain.RegistrationID(id)] = true
			return nil
		})
	})
	if err != nil {
		return nil, sqliteError("register", err)
	}
	added := make([]bool, len(regs))
	for _, i := range places {
		added[i] = news[regs[i].ID()]
	}
	return added, nil
}

// FindRegistrations implements ports.Registrations.
func (s *SQLite) FindRegistrations(ctx context.Context, id string, limit int) ([]domain.Registration, error) {
	const operation = "find registrations"
	if !canBeID(id) {
		return nil, sqliteError(operation, ctx.Err())
	}
	own, _ := domain.ParseRegistrationID(id) // no registration's for other ids
	least, greatest := domain.RegistrationsOf(id)
	rows, err := s.read.DB.QueryContext(ctx, `SELECT `+registrationColumns+` FROM registration
		WHERE id = ?1 OR id BETWEEN ?2 AND ?3 AND application_id = ?4
		ORDER BY id <> ?1, id LIMIT ?5`, own[:], least[:], greatest[:], id, limit)
	if err != nil {
		return nil, sqliteError(operation, err)
	}
	found, err := collect(rows, func() (domain.Registration, error) { return scanRegistration(rows) })
	return onlyOwn(own, found), sqliteError(operation, err)
}

// pruneRegistrationsInSQLite has the rows go that came before ?1.
const pruneRegistrationsInSQLite = `DELETE FROM registration WHERE id IN (
	SELECT id FROM registration WHERE registered_at < ?1 LIMIT ?2)`
