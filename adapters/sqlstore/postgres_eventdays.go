package sqlstore

import (
	"bytes"
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
)

// fewDays are asked one by one: each costs a tenth of a millisecond, all together
// three. A day is asked by its own name. Of the whole table a kept plan would have
// to be told the ids of the day, and looks for events among all of these.
const fewDays = 16

// eventsOfMessage returns the events of a message in no order, and others whose
// message ids have the same hash.
func (s *Postgres) eventsOfMessage(ctx context.Context, least, greatest domain.LogKey) ([]storedEvent, error) {
	var days *int64
	err := s.pages.QueryRow(ctx, `SELECT CASE WHEN count(*) = count(days) THEN bit_or(days) END
		FROM email_log WHERE key BETWEEN $1 AND $2`, [16]byte(least), [16]byte(greatest)).Scan(&days)
	if err != nil {
		return nil, err
	}
	list, ok := daysFrom(days).days(least, fewDays)
	if !ok {
		return s.scanEvents(ctx, `SELECT `+postgresEventColumns+` FROM email_event e
			WHERE e.message_key BETWEEN $1 AND $2 OR e.original_key BETWEEN $1 AND $2`, [16]byte(least), [16]byte(greatest))
	}
	var events []storedEvent
	for _, day := range list {
		found, err := s.eventsOfDay(ctx, day, "BETWEEN $1 AND $2", [16]byte(least), [16]byte(greatest))
		if err != nil {
			return nil, err
		}
		events = append(events, found...)
	}
	return events, nil
}

// daysFrom returns what is in the column.
func daysFrom(days *int64) eventDays {
	if days == nil {
		return 0
	}
	return eventDays(*days)
}

// eventsOfDay returns the day's events whose message_key or original_key is so,
// none for a day that is not there any more.
func (s *Postgres) eventsOfDay(ctx context.Context, day int64, is string, args ...any) ([]storedEvent, error) {
	name := partition{eventTable, day}.name()
	found, err := s.scanEvents(ctx, `SELECT `+postgresEventColumns+` FROM `+name+` e WHERE e.message_key `+is+`
		UNION ALL
		SELECT `+postgresEventColumns+` FROM `+name+` e
		WHERE e.original_key `+is+` AND (e.message_key `+is+`) IS NOT TRUE`, args...)
	if pgCode(err) == pgNoTable {
		return nil, nil
	}
	return found, err
}

func (s *Postgres) scanEvents(ctx context.Context, query string, args ...any) ([]storedEvent, error) {
	rows, err := s.pages.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (storedEvent, error) { return scanEvent(row) })
}

// inTime sorts events by time and id.
func inTime(events []storedEvent) {
	slices.SortFunc(events, func(a, b storedEvent) int {
		if c := a.event.OccurredAt.Compare(b.event.OccurredAt); c != 0 {
			return c
		}
		return bytes.Compare(a.event.ID[:], b.event.ID[:])
	})
}
