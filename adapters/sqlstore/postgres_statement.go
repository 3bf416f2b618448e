package sqlstore

import (
	"context"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Statements of a commit by the names under which each connection has them
// prepared, and that of a lookup.
const (
	stmtKnown       = "kumotrail_known"
	stmtEvents      = "kumotrail_events"
	stmtChunk       = "kumotrail_chunk"
	stmtTallies     = "kumotrail_tallies"
	stmtOutbox      = "kumotrail_outbox"
	stmtNewRare     = "kumotrail_new_rare"
	stmtLogs        = "kumotrail_logs"
	stmtLogsQuietly = "kumotrail_logs_quietly"
	stmtRejects     = "kumotrail_rejects"
	stmtSuppressed  = "kumotrail_suppressed"
)

// joined are the columns of email_log that a join takes one of two values for.
// LEAST and GREATEST pass over NULL in PostgreSQL, texts compare bytewise
// (COLLATE "C"), and true is greater than false.
var joined = []struct{ column, by string }{
	{"sender", "LEAST"}, {"tenant", "LEAST"}, {"campaign", "LEAST"}, {"application_id", "LEAST"},
	{"provider", "LEAST"}, {"egress_source", "LEAST"}, {"prior_id", "LEAST"}, {"next_id", "LEAST"},
	{"confirmed", "GREATEST"}, {"of_report", "GREATEST"}, {"size", "GREATEST"}, {"attempts", "GREATEST"},
	{"accepted_at", "LEAST"}, {"delivered_at", "LEAST"}, {"failed_at", "LEAST"},
	{"complained_at", "LEAST"}, {"received_at", "LEAST"}, {"decision", "GREATEST"},
}

// joinedDays is NULL where the log is of before: see eventDays.
const joinedDays = "l.days | excluded.days"

// decided are those that go with the decision.
var decided = []string{
	"status", "decided_at", "code", "enhanced_code", "response",
	"cause", "subcause", "permanence", "fault", "rule", "response_hash", "confidence",
}

// writtenLogColumns are those of email_log in the order in which they are written.
const writtenLogColumns = `key, accepted_at, received_at, size, confirmed, of_report, message_id, recipient,
	sender, tenant, campaign, application_id, prior_id, next_id, provider, egress_source,
	delivered_at, failed_at, complained_at, attempts, code, decided_at, status, enhanced_code,
	response, cause, subcause, permanence, fault, rule, response_hash, confidence, decision, days`

// copyLogs adds logs that were not there to their day.
func copyLogs(day int64) string {
	return "COPY " + partition{logTable, day}.name() + " (" + writtenLogColumns + ") FROM STDIN (FORMAT binary)"
}

// copyRare adds to email_log_rare what is rare of them.
const copyRare = `COPY email_log_rare (key, status, of_report, domain, tenant, campaign, provider, egress_source, cause)
	FROM STDIN (FORMAT binary)`

// joinLogsQuery joins logs as domain.EmailLog.Join does. A log is a single value
// of a composite type, an argument of all of them an array: an array for each
// column costs a fifth more.
func joinLogsQuery() string {
	var sets []string
	for _, j := range joined {
		sets = append(sets, j.column+" = "+j.by+"(l."+j.column+", excluded."+j.column+")")
	}
	sets = append(sets, "days = "+joinedDays)
	for _, d := range decided {
		sets = append(sets, d+" = CASE WHEN excluded.decision > l.decision THEN excluded."+d+" ELSE l."+d+" END")
	}
	const query = `INSERT INTO email_log AS l (` + writtenLogColumns + `)
	SELECT key, accepted_at, received_at, size, confirmed, of_report, message_id, recipient,
		sender, tenant, campaign, application_id, (transfer).prior_id, (transfer).next_id, provider, egress_source,
		delivered_at, failed_at, complained_at, attempts, code, decided_at, status, enhanced_code,
		response, (verdict).cause, (verdict).subcause, (verdict).permanence, (verdict).fault, (verdict).rule,
		(verdict).response_hash, (verdict).confidence, decision, days
	FROM unnest($1::email_log_row[])
	ON CONFLICT (key) DO UPDATE SET `
	return query + strings.Join(sets, ", ")
}

// changesLog is true where a join says something new: rows that stay the same
// are not written.
func changesLog() string {
	var news []string
	for _, j := range joined {
		news = append(news, "l."+j.column+" IS DISTINCT FROM "+j.by+"(l."+j.column+", excluded."+j.column+")")
	}
	news = append(news, "l.days IS DISTINCT FROM "+joinedDays)
	return strings.Join(news, " OR ")
}

var postgresStatements = []struct{ name, query string }{
	{stmtKnown, `SELECT id FROM email_event WHERE id = ANY($1::uuid[]) AND id BETWEEN $2::uuid AND $3::uuid`},
	{stmtEvents, copyEvents},
	{stmtChunk, `INSERT INTO record_chunk (id, records) VALUES ($1, $2)`},
	{stmtTallies, `INSERT INTO unit_tally (events, messages) VALUES ($1, $2)`},
	{stmtOutbox, `INSERT INTO outbox (events, held_until) VALUES ($1,
		CASE WHEN $2::bigint > 0 THEN clock_timestamp() + $2 * interval '1 microsecond' ELSE '-infinity' END)
		RETURNING id`},
	{stmtNewRare, copyRare},
	{stmtLogs, joinLogsQuery() + ` RETURNING key, CASE WHEN confirmed THEN get_byte(decision, 0) END`},
	{stmtLogsQuietly, joinLogsQuery() + ` WHERE ` + changesLog()},
	{stmtRejects, `INSERT INTO quarantine SELECT * FROM unnest($1::quarantine_row[]) ON CONFLICT (id) DO NOTHING`},
}

// statementSet prepares the statements and knows the types that their arguments
// have in this database.
type statementSet struct {
	mu                              sync.Mutex
	logRow, logTransfer, logVerdict uint32
	rejectRow                       uint32
}

// prepare makes sure that conn has the statements.
func (s *statementSet) prepare(ctx context.Context, conn *pgx.Conn) error {
	const key = "kumotrail"
	if conn.PgConn().CustomData()[key] != nil {
		return nil
	}
	for _, st := range postgresStatements {
		if _, err := conn.Prepare(ctx, st.name, st.query); err != nil {
			return err
		}
	}
	if err := s.findTypes(ctx, conn); err != nil {
		return err
	}
	conn.PgConn().CustomData()[key] = true
	return nil
}

func (s *statementSet) findTypes(ctx context.Context, conn *pgx.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logRow != 0 {
		return nil
	}
	return conn.QueryRow(ctx, `SELECT 'email_log_row'::regtype::oid, 'email_log_transfer'::regtype::oid,
		'email_log_verdict'::regtype::oid, 'quarantine_row'::regtype::oid`).
		Scan(&s.logRow, &s.logTransfer, &s.logVerdict, &s.rejectRow)
}
