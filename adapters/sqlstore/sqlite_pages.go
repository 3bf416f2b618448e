package sqlstore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var (
	_ ports.LogPages   = (*SQLite)(nil)
	_ ports.EventPages = (*SQLite)(nil)
)

// sqliteDomain is what stands behind the last @ of the recipient.
const sqliteDomain = "replace(recipient, rtrim(recipient, replace(recipient, '@', '')), '')"

var sqliteDialect = dialect{
	indexed: map[field]string{
		byApplication: "application_id = ? AND application_id = ?",
		byRecipient:   "substr(key, 12, 5) = ? AND recipient = ?",
		byCampaign:    "campaign = ? AND campaign = ?",
		byTenant:      "tenant = ? AND tenant = ?",
		byDomain:      sqliteDomain + " = ?",
	},
	recipient: func(recipient string) any { return recipientHash(recipient) },
	unindexed: "+",
	rank:      "hex(substr(decision, 1, 1)) IN (SELECT value FROM json_each(?))",
	ending:    "substr(recipient, -?) = ?",
	ranks: func(statuses []domain.Status) any {
		ranks := make([]string, len(statuses))
		for i, s := range statuses {
			ranks[i] = hex.EncodeToString([]byte{byte(s)})
		}
		return jsonText(ranks)
	},
	instant: func(t time.Time) any { return ceilMicro(t) },
}

// sqliteIndexes names the index that serves a field, so that no other is taken
// whatever SQLite knows of the table.
var sqliteIndexes = map[field]string{
	byApplication: " INDEXED BY email_log_application",
	byRecipient:   " INDEXED BY email_log_recipient",
	byCampaign:    " INDEXED BY email_log_campaign",
	byTenant:      " INDEXED BY email_log_tenant",
	byDomain:      " INDEXED BY email_log_domain",
}

var sqliteRareIndexes = map[field]string{
	byCampaign: " INDEXED BY email_log_rare_campaign",
	byTenant:   " INDEXED BY email_log_rare_tenant",
}

// jsonText returns the array that json_each makes rows of.
func jsonText(list []string) string {
	b, _ := json.Marshal(list) // plain texts always can
	return string(b)
}

// LogPage implements ports.LogPages.
func (s *SQLite) LogPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
	logs, err := s.logPage(ctx, &f, before, limit, false)
	return logs, sqliteError("read page of logs", err)
}

// logPage reads a page, of mail and reports if both is set.
func (s *SQLite) logPage(ctx context.Context, f *ports.LogFilter, before domain.LogKey, limit int, both bool) ([]domain.EmailLog, error) {
	if choosesNothing(f) {
		return nil, ctx.Err()
	}
	return pageOf(keyRanges(f, before), limit, func(r uuidRange, limit int) ([]domain.EmailLog, error) {
		return s.logsWithin(ctx, f, r, limit, both)
	})
}

func (s *SQLite) logsWithin(ctx context.Context, f *ports.LogFilter, r uuidRange, limit int, both bool) ([]domain.EmailLog, error) {
	query, args := sqliteLogQuery(f, r, limit, both)
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	scan := newLogScan()
	return collect(rows, func() (domain.EmailLog, error) { return scan.scan(rows) })
}

func sqliteLogQuery(f *ports.LogFilter, r uuidRange, limit int, both bool) (query string, args []any) {
	if isRare(f) && !both {
		return sqliteRareQuery(f, r, limit)
	}
	c := sqliteDialect.conditions(f)
	if !both {
		c.add("of_report = ?", boolValue(f.Reports))
	}
	c.add("key >= ? AND key < ?", r.least[:], r.below[:])
	query = `SELECT ` + logColumns + ` FROM email_log` + sqliteIndexes[indexOf(f)] +
		` WHERE ` + c.String() + ` ORDER BY key DESC LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// sqliteRareQuery walks the lists of f's statuses side by side and looks each log
// up. CROSS JOIN keeps SQLite from doing it in another order.
func sqliteRareQuery(f *ports.LogFilter, r uuidRange, limit int) (query string, args []any) {
	c := &conditions{}
	var lists []string
	for _, status := range statusNames(f.Statuses) {
		c.texts = nil
		sqliteDialect.ofRare(c, f, status)
		c.add("of_report = ?", boolValue(f.Reports))
		c.add("key >= ? AND key < ?", r.least[:], r.below[:])
		lists = append(lists, "SELECT key AS listed FROM email_log_rare"+sqliteRareIndexes[rareIndexOf(f)]+" WHERE "+c.String())
	}
	c.texts = nil
	c.add("key = r.listed")
	sqliteDialect.unlisted(c, f)
	query = `SELECT ` + logColumns + ` FROM (` + strings.Join(lists, " UNION ALL ") + `) r CROSS JOIN email_log
		WHERE ` + c.String() + ` ORDER BY r.listed DESC LIMIT ` + c.placeholder(int64(limit))
	return query, c.args
}

// EventPage implements ports.EventPages.
func (s *SQLite) EventPage(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
	rows, err := eventPage(ctx, s, f, before, limit)
	return rows, sqliteError("read page of events", err)
}

func (s *SQLite) eventsWithin(ctx context.Context, q *eventQuery) ([]storedEvent, error) {
	query, args := sqliteEventQuery(q)
	rows, err := s.read.DB.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, func() (storedEvent, error) { return scanEvent(rows) })
}

func sqliteEventQuery(q *eventQuery) (query string, args []any) {
	c := &conditions{}
	// Of a union each half has its index, and of few ids none is looked for among
	// all.
	if q.ofMessage {
		c.add(`e.id IN (SELECT id FROM email_event WHERE message_key BETWEEN ? AND ?
			UNION SELECT id FROM email_event WHERE original_key BETWEEN ? AND ?)`,
			q.least[:], q.greatest[:], q.least[:], q.greatest[:])
	}
	if q.recipient != "" {
		const his = `(SELECT key FROM email_log INDEXED BY email_log_recipient WHERE substr(key, 12, 5) = ? AND recipient = ?)`
		hash := recipientHash(q.recipient)
		c.add(`e.id IN (SELECT id FROM email_event WHERE message_key IN `+his+`
			UNION SELECT id FROM email_event WHERE original_key IN `+his+`)`, hash, q.recipient, hash, q.recipient)
	}
	if len(q.types) > 0 {
		c.add("e.type IN (SELECT value FROM json_each(?))", jsonText(q.types))
	}
	c.add("e.id >= ? AND e.id < ?", q.within.least[:], q.within.below[:])
	query = `SELECT ` + eventColumns + ` FROM email_event e WHERE ` + c.String() +
		` ORDER BY e.id DESC LIMIT ` + c.placeholder(int64(q.limit))
	return query, c.args
}

// eventsOfRecipient asks by the keys of all logs of the recipient: each is looked
// up in an index, however many they are.
func (s *SQLite) eventsOfRecipient(ctx context.Context, recipient string, q *eventQuery) ([]storedEvent, error) {
	his := *q
	his.recipient = recipient
	return s.eventsWithin(ctx, &his)
}

// Event implements ports.EventPages.
func (s *SQLite) Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
	const operation = "read event"
	rows, err := s.read.DB.QueryContext(ctx, `SELECT `+eventColumns+` FROM email_event e WHERE e.id = ?`, id[:])
	if err != nil {
		return domain.EmailEvent{}, sqliteError(operation, err)
	}
	stored, err := collect(rows, func() (storedEvent, error) { return scanEvent(rows) })
	if err != nil {
		return domain.EmailEvent{}, sqliteError(operation, err)
	}
	if len(stored) == 0 {
		return domain.EmailEvent{}, errNoEvent
	}
	e, err := s.restorer(ctx).restore(&stored[0])
	return e, sqliteError(operation, err)
}
