package sqlstore

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/domain"
)

// fewDays are asked one by one: each costs a tenth of a millisecond, all together
// three. A day is asked by its own name. Of the whole table a kept plan would have
// to be told the ids of the day, and looks for events among all of these.
const fewDays = 16

// daysOfMessage returns the days that have events of a message, the latest first, and
// false for too many or if its logs do not tell.
func (s *Postgres) daysOfMessage(ctx context.Context, least, greatest domain.LogKey) ([]int64, bool, error) {
	var days *int64
	err := s.pages.QueryRow(ctx, daysQuery, [16]byte(least), [16]byte(greatest)).Scan(&days)
	list, ok := daysFrom(days).days(least, fewDays)
	return list, ok, err
}

const daysQuery = `SELECT CASE WHEN count(*) = count(days) THEN bit_or(days) END
	FROM email_log WHERE key BETWEEN $1 AND $2`

// eventsOfMessage returns the events of a message in no order, and others whose
// message ids have the same hash.
func (s *Postgres) eventsOfMessage(ctx context.Context, least, greatest domain.LogKey) ([]storedEvent, error) {
	days, ok, events, err := s.firstDayOfMessage(ctx, least, greatest)
	if err != nil {
		return nil, err
	}
	if !ok {
		return s.scanEvents(ctx, `SELECT `+postgresEventColumns+` FROM email_event e
			WHERE e.message_key BETWEEN $1 AND $2 OR e.original_key BETWEEN $1 AND $2`, [16]byte(least), [16]byte(greatest))
	}
	for _, day := range days {
		found, err := s.eventsOfDay(ctx, day, isOfMessageKey, [16]byte(least), [16]byte(greatest))
		if err != nil {
			return nil, err
		}
		events = append(events, found...)
	}
	return events, nil
}

const isOfMessageKey = "BETWEEN $1 AND $2"

// firstDayOfMessage returns the events of the day in a message's id, and the other
// days as daysOfMessage does. Most messages have all their events on that day, so it
// is asked together with the days, in one round trip.
func (s *Postgres) firstDayOfMessage(ctx context.Context, least, greatest domain.LogKey) (others []int64, ok bool, events []storedEvent, err error) {
	first, bounds := dayOf(domain.EventID(least)), []any{[16]byte(least), [16]byte(greatest)}
	var days *int64
	asked := &pgx.Batch{}
	asked.Queue(daysQuery, bounds...).QueryRow(func(row pgx.Row) error { return row.Scan(&days) })
	asked.Queue(eventsOfDay(first, isOfMessageKey), bounds...).Query(func(rows pgx.Rows) (err error) {
		events, err = collectEvents(rows)
		return err
	})
	err = s.pages.SendBatch(ctx, asked).Close()
	if pgCode(err) == pgNoTable { // the day is pruned, and with it both questions failed
		others, ok, err = s.daysOfMessage(ctx, least, greatest)
		return others, ok, nil, err
	}
	others, ok = daysFrom(days).days(least, fewDays)
	return slices.DeleteFunc(others, func(day int64) bool { return day == first }), ok, events, err
}

// pageOfMessage returns a page of what eventsOfMessage does, without reading more: a
// message may have very many.
func (s *Postgres) pageOfMessage(ctx context.Context, q *eventQuery) ([]storedEvent, error) {
	days, ok, err := s.daysOfMessage(ctx, q.least, q.greatest)
	if err != nil {
		return nil, err
	}
	if !ok {
		return s.pageOfMessageIn(ctx, eventTable, q, q.limit)
	}
	var page []storedEvent
	for _, day := range days {
		if len(page) == q.limit {
			break
		}
		if !q.within.hasDay(day) {
			continue
		}
		found, err := s.pageOfMessageIn(ctx, partition{eventTable, day}.name(), q, q.limit-len(page))
		if err != nil && pgCode(err) != pgNoTable { // one that has just been dropped
			return nil, err
		}
		page = append(page, found...)
	}
	return page, nil
}

// pageOfMessageIn looks for ids alone among all days: whatever else is asked would be
// made ready for each. OFFSET 0 keeps it from being asked there: of the ids of a range
// the planner thinks that they are few, and reads them.
func (s *Postgres) pageOfMessageIn(ctx context.Context, table string, q *eventQuery, limit int) ([]storedEvent, error) {
	c := &conditions{numbered: true}
	between := " BETWEEN " + c.placeholder([16]byte(q.least)) + " AND " + c.placeholder([16]byte(q.greatest))
	return s.pageOfEvents(ctx, c, `(SELECT id FROM `+table+` WHERE message_key`+between+`
			UNION SELECT id FROM `+table+` WHERE original_key`+between+` OFFSET 0) k
		CROSS JOIN LATERAL (SELECT * FROM `+table+` WHERE id = k.id LIMIT 1) e`, q, q.within, limit)
}

// pageOfMessageTo returns a page of the events of a message that are of one of the
// recipient's logs. That of a report may have another message.
func (s *Postgres) pageOfMessageTo(ctx context.Context, recipient string, q *eventQuery) ([]storedEvent, error) {
	events, err := s.eventsOfMessage(ctx, q.least, q.greatest)
	if err != nil {
		return nil, err
	}
	hash, known := recipientHash(recipient), map[domain.LogKey]bool{}
	isHis := func(key domain.LogKey) bool {
		if !bytes.Equal(key[11:], hash) || err != nil {
			return false
		}
		his, ok := known[key]
		if !ok {
			const query = `SELECT count(*) > 0 FROM email_log WHERE key = $1 AND recipient = $2`
			err = s.pages.QueryRow(ctx, query, [16]byte(key), recipient).Scan(&his)
			known[key] = his
		}
		return his
	}
	events = slices.DeleteFunc(events, func(e storedEvent) bool {
		ofMessage := e.event.MessageID != "" && isHis(domain.NewLogKey(e.event.MessageID, e.event.Recipient))
		return !q.chooses(&e) || !ofMessage && (e.tie == nil || !isHis(e.tie.key))
	})
	return latest(events, q.limit), err
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
	found, err := s.scanEvents(ctx, eventsOfDay(day, is), args...)
	if pgCode(err) == pgNoTable {
		return nil, nil
	}
	return found, err
}

func eventsOfDay(day int64, is string) string {
	name := partition{eventTable, day}.name()
	return `SELECT ` + postgresEventColumns + ` FROM ` + name + ` e WHERE e.message_key ` + is + `
		UNION ALL
		SELECT ` + postgresEventColumns + ` FROM ` + name + ` e
		WHERE e.original_key ` + is + ` AND (e.message_key ` + is + `) IS NOT TRUE`
}

func (s *Postgres) scanEvents(ctx context.Context, query string, args ...any) ([]storedEvent, error) {
	rows, err := s.pages.Query(ctx, query, append([]any{binaryValues}, args...)...)
	if err != nil {
		return nil, err
	}
	return collectEvents(rows)
}

// collectEvents reads the rows of postgresEventColumns, asked for as binaryValues,
// and closes them.
func collectEvents(rows pgx.Rows) ([]storedEvent, error) {
	defer rows.Close()
	var row binaryRow
	var events []storedEvent
	for rows.Next() {
		row.values = rows.RawValues()
		e, err := scanEvent(&row)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

// logDays is where to look for the events of a log.
type logDays struct {
	key  domain.LogKey
	days eventDays
}

// logsOfRecipient returns up to limit of the recipient's logs.
func (s *Postgres) logsOfRecipient(ctx context.Context, recipient string, limit int) ([]logDays, error) {
	rows, err := s.pages.Query(ctx, `SELECT uuid_send(key), days FROM email_log
		WHERE hashtext(recipient) = hashtext($1) AND recipient = $1 LIMIT $2`, recipient, int64(limit))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (logDays, error) {
		var key []byte
		var days *int64
		if err := row.Scan(&key, &days); err != nil {
			return logDays{}, err
		}
		return logDays{domain.LogKey(key), daysFrom(days)}, nil
	})
}

// eventsOfLogs returns a page of the events of the recipient's logs: day by day,
// the latest first, and of logs that do not tell their days from all.
func (s *Postgres) eventsOfLogs(ctx context.Context, recipient string, logs []logDays, q *eventQuery) ([]storedEvent, error) {
	on, untold := daysOfLogs(logs)
	var page []storedEvent
	for _, day := range slices.Backward(slices.Sorted(maps.Keys(on))) {
		if len(page) >= q.limit {
			break
		}
		if !q.within.hasDay(day) {
			continue
		}
		found, err := s.eventsOfDay(ctx, day, "= ANY($1)", on[day])
		if err != nil {
			return nil, err
		}
		page = append(page, slices.DeleteFunc(found, func(e storedEvent) bool { return !q.chooses(&e) })...)
	}
	if untold {
		// Both mean that there may be events on any day.
		found, err := s.lookUp(ctx, recipient, " AND (l.days IS NULL OR l.days < 0)", q, q.within, q.limit)
		if err != nil {
			return nil, err
		}
		page = append(page, found...)
	}
	return latest(page, q.limit), nil
}

// daysOfLogs returns the keys of the logs that have events on a day, and whether
// there are logs that do not tell.
func daysOfLogs(logs []logDays) (on map[int64][][16]byte, untold bool) {
	on = map[int64][][16]byte{}
	for _, l := range logs {
		days, told := l.days.days(l.key, daysTold+1)
		untold = untold || !told
		for _, day := range days {
			on[day] = append(on[day], l.key)
		}
	}
	return on, untold
}

// hasDay says whether the range has some of a day, or of what has no time if that
// is 0.
func (r uuidRange) hasDay(day int64) bool {
	of := uuidRange{uuidAt(day), uuidAt(day + dayLength)}
	if day == 0 {
		of = uuidRange{below: firstDated}
	}
	return bytes.Compare(r.least[:], of.below[:]) < 0 && bytes.Compare(of.least[:], r.below[:]) < 0
}

// chooses says whether an event is of the types and in the range.
func (q *eventQuery) chooses(s *storedEvent) bool {
	id := s.event.ID
	return bytes.Compare(id[:], q.within.least[:]) >= 0 && bytes.Compare(id[:], q.within.below[:]) < 0 &&
		(len(q.types) == 0 || slices.Contains(q.types, s.event.Type.String()))
}

// latest returns up to limit events, the greatest id first, each once.
func latest(events []storedEvent, limit int) []storedEvent {
	slices.SortFunc(events, func(a, b storedEvent) int { return bytes.Compare(b.event.ID[:], a.event.ID[:]) })
	events = slices.CompactFunc(events, func(a, b storedEvent) bool { return a.event.ID == b.event.ID })
	return events[:min(limit, len(events))]
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
