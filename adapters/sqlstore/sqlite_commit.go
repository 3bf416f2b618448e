package sqlstore

import (
	"context"
	"database/sql/driver"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Commit implements ports.Journal in one transaction. The number of its
// statements does not depend on the unit but for the rows that one can take.
func (s *SQLite) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	c := sqliteCommit{packer: s.packer, unit: newUnit(u), now: time.Now()}
	defer c.release()
	if err := s.writer.write(ctx, c.run); err != nil {
		return ports.Committed{}, sqliteError("commit", err)
	}
	return c.committed(), nil
}

// sqliteCommit is a unit on its way.
type sqliteCommit struct {
	*unit
	packer *packer
	now    time.Time

	isNew     []bool
	added     []int32    // new events in order of their ids
	standings []standing // of the logs
	outboxID  int64
}

func (c *sqliteCommit) committed() ports.Committed {
	done := ports.Committed{New: c.isNew}
	if c.outboxID != 0 {
		done.Announcement.ID = ports.AnnouncementID(c.outboxID)
		done.Announcement.Events = c.announced(c.isNew, len(c.added), c.standings)
	}
	return done
}

func (c *sqliteCommit) run(t *sqliteTx) error {
	for _, step := range []func(*sqliteTx) error{
		c.findNew, c.addEvents, c.joinLogs, c.announce, c.quarantine,
	} {
		if err := step(t); err != nil {
			return err
		}
	}
	return nil
}

// sqliteIDs makes rows of the 16-byte ids that ?1 holds one after another.
const sqliteIDs = `WITH RECURSIVE
	place(i) AS (SELECT 1 WHERE length(?1) > 0 UNION ALL SELECT i + 16 FROM place WHERE i + 16 < length(?1)),
	ids(id) AS (SELECT substr(?1, i, 16) FROM place) `

func (c *sqliteCommit) findNew(t *sqliteTx) error {
	known := map[domain.EventID]bool{}
	err := t.query(sqliteIDs+`SELECT id FROM email_event WHERE id IN (SELECT id FROM ids)`,
		func(row []driver.Value) error {
			known[domain.EventID(row[0].([]byte))] = true
			return nil
		}, c.ids())
	c.isNew, c.added = c.newOf(known)
	return err
}

// OR FAIL, for a unit that fails is rolled back whole: SQLite need not keep what
// would take back one statement alone.
var sqliteEvents = newSQLiteBulk(`INSERT OR FAIL INTO email_event (
	id, message_key, type, record_type, part, message_id, recipient, sender,
	occurred_at, received_at, node_id, code, enhanced_code, response, attempts,
	tenant, campaign, egress_source, provider, classification, cause, subcause,
	permanence, fault, rule, response_hash, original_key, tied_by, confidence,
	reported, chunk_id, chunk_pos)`, 32, "")

func (c *sqliteCommit) addEvents(t *sqliteTx) error {
	var set chunkSet
	set.gather(c.now, c.Events, c.isNew)
	err := sqliteEvents.insert(t, len(c.added), func(args []any, i int) []any {
		at := c.added[i]
		return append(appendEvent(args, &c.Events[at], c.messageKeyValue(at)), set.places[at].chunk.id[:], int64(set.places[at].at))
	}, nil)
	if err != nil {
		return err
	}
	for _, ch := range set.chunks {
		const query = `INSERT INTO record_chunk (id, records) VALUES (?, ?)`
		if _, err := t.exec(query, ch.id[:], c.packer.packChunk(nil, ch)); err != nil {
			return err
		}
	}
	return nil
}

func (c *sqliteCommit) messageKeyValue(event int32) any {
	if key, ok := c.messageKey(event); ok {
		return key[:]
	}
	return nil
}

// sqliteJoined are the columns of email_log that a join takes the least or the
// greatest value for, that of decision last.
var sqliteJoined = []struct{ by, columns string }{
	{"min", `sender provider egress_source prior_id next_id`},
	{"max", `size attempts confirmed of_report`},
	{"min", `accepted_at delivered_at failed_at complained_at received_at`},
	{"max", `decision`},
}

// sqliteLogs joins logs as domain.EmailLog.Join does. The scalar min and max
// are NULL when one side is, hence coalesce; texts compare bytewise (BINARY).
// Of no log that is not confirmed the status is returned.
//
// What has an index is joined apart, where it changes: SQLite takes a row's
// entries out of the index of each column that is set, and puts them back as
// they were.
var sqliteLogs = newSQLiteBulk(`INSERT INTO email_log (
	key, message_id, recipient, sender, tenant, campaign, application_id,
	provider, egress_source, prior_id, next_id, confirmed, of_report, size, attempts,
	accepted_at, delivered_at, failed_at, complained_at, status, decided_at, code,
	enhanced_code, response, cause, subcause, permanence, fault, rule, response_hash,
	confidence, decision, received_at)`, 33, `ON CONFLICT (key) DO UPDATE SET `+sqliteSets()+`
	RETURNING key, CASE WHEN confirmed THEN substr(decision, 1, 1) END, tenant, campaign, application_id`)

func sqliteSets() string {
	var sets []string
	for _, d := range decided {
		sets = append(sets, d+" = CASE WHEN excluded.decision > decision THEN excluded."+d+" ELSE "+d+" END")
	}
	for _, j := range sqliteJoined {
		for c := range strings.FieldsSeq(j.columns) {
			sets = append(sets, sqliteSet(c, j.by, "excluded."+c))
		}
	}
	return strings.Join(sets, ", ")
}

// sqliteSet gives the column the least or the greatest of what it has and a value.
func sqliteSet(column, by, value string) string {
	return column + " = " + by + "(coalesce(" + column + ", " + value + "), coalesce(" + value + ", " + column + "))"
}

func (c *sqliteCommit) joinLogs(t *sqliteTx) error {
	c.standings = make([]standing, len(c.logs))
	var differ []*domain.EmailLog
	err := sqliteLogs.insert(t, len(c.logs), func(args []any, i int) []any {
		return append(appendLog(args, c.logs[i]), microsValue(c.heardOf(i)))
	}, func(row []driver.Value) error {
		at, _ := c.logAt(domain.LogKey(row[0].([]byte)))
		if status, ok := row[1].([]byte); ok {
			c.standings[at] = standing{true, domain.Status(status[0])}
		}
		if l := c.logs[at]; isLess(l.Tenant, row[2]) || isLess(l.Campaign, row[3]) || isLess(l.ApplicationID, row[4]) {
			differ = append(differ, l)
		}
		return nil
	})
	for _, l := range differ {
		if err == nil {
			_, err = t.exec(sqliteIndexed, textValue(l.Tenant), textValue(l.Campaign), textValue(l.ApplicationID), l.Key[:])
		}
	}
	return err
}

// isLess says whether a text is what its join with a stored one, NULL if it is
// not known, gives instead of that.
func isLess(text string, stored driver.Value) bool {
	known, ok := stored.(string)
	return text != "" && (!ok || text < known)
}

// sqliteIndexed joins the columns of email_log that are joined apart.
var sqliteIndexed = `UPDATE email_log SET ` + sqliteSet("tenant", "min", "?1") + `, ` +
	sqliteSet("campaign", "min", "?2") + `, ` + sqliteSet("application_id", "min", "?3") + ` WHERE key = ?4`

func (c *sqliteCommit) announce(t *sqliteTx) error {
	if len(c.added) == 0 {
		return nil
	}
	var ids []byte
	for i := range c.Events {
		if c.isNew[i] {
			ids = append(ids, c.Events[i].ID[:]...)
		}
	}
	until := int64(0)
	if c.Hold > 0 {
		until = c.now.Add(c.Hold).UnixMicro()
	}
	r, err := t.exec(`INSERT INTO outbox (events, held_until) VALUES (?, ?)`, ids, until)
	if err != nil {
		return err
	}
	c.outboxID, err = r.LastInsertId()
	return err
}

var sqliteRejects = newSQLiteBulk(`INSERT INTO quarantine (id, reason, raw, size, received_at)`,
	5, `ON CONFLICT (id) DO NOTHING`)

func (c *sqliteCommit) quarantine(t *sqliteTx) error {
	return sqliteRejects.insert(t, len(c.Rejects), func(args []any, i int) []any {
		r := &c.Rejects[i]
		id := r.ID()
		return append(args, id[:], r.Reason, c.packer.pack([]byte(r.Raw)),
			int64(len(r.Raw)), r.ReceivedAt.UnixMicro())
	}, nil)
}
