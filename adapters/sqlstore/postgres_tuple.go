package sqlstore

import (
	"encoding/binary"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/kumotrail/kumotrail/domain"
)

// pgTuples is rows in PostgreSQL's binary format, as COPY takes them or as an
// array of a composite type has them.
type pgTuples struct {
	buf []byte
	// typed puts its type before each value, as composites have it.
	typed bool
}

// copyHead starts binary COPY: signature, flags and length of an extension
// (PostgreSQL's manual, COPY, "Binary Format").
const copyHead = "PGCOPY\n\xff\r\n\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x00"

// startCopy starts rows for COPY.
func (t *pgTuples) startCopy() {
	t.typed = false
	t.buf = append(t.buf[:0], copyHead...)
}

func (t *pgTuples) copyRow(columns int) { t.int16(int16(columns)) }

func (t *pgTuples) endCopy() { t.int16(-1) }

// startArray starts an array of n values of the type.
func (t *pgTuples) startArray(n int, oid uint32) {
	t.typed = false
	t.buf = t.buf[:0]
	t.arrayHead(n, oid)
}

// arrayHead appends what stands before the n values of an array.
func (t *pgTuples) arrayHead(n int, oid uint32) {
	if n == 0 {
		t.int32(0) // dimensions
		t.int32(0)
		t.oid(oid)
		return
	}
	t.int32(1) // dimension
	t.int32(0) // has no nulls
	t.oid(oid)
	t.int32(int32(n))
	t.int32(1) // least index
}

// arrayRow appends a composite value, which f fills.
func (t *pgTuples) arrayRow(columns int, f func()) {
	t.typed = true
	t.sized(columns, f)
}

// composite appends a composite value within another.
func (t *pgTuples) composite(oid uint32, columns int, f func()) {
	t.oid(oid)
	t.sized(columns, f)
}

func (t *pgTuples) sized(columns int, f func()) {
	at := len(t.buf)
	t.int32(0)
	t.int32(int32(columns))
	f()
	binary.BigEndian.PutUint32(t.buf[at:], uint32(len(t.buf)-at-4))
}

func (t *pgTuples) int16(n int16) { t.buf = binary.BigEndian.AppendUint16(t.buf, uint16(n)) }
func (t *pgTuples) int32(n int32) { t.buf = binary.BigEndian.AppendUint32(t.buf, uint32(n)) }
func (t *pgTuples) oid(n uint32)  { t.buf = binary.BigEndian.AppendUint32(t.buf, n) }

func (t *pgTuples) value(oid uint32, size int) {
	if t.typed {
		t.oid(oid)
	}
	t.int32(int32(size))
}

func (t *pgTuples) null(oid uint32) { t.value(oid, -1) }

func (t *pgTuples) uuid(b [16]byte) {
	t.value(pgtype.UUIDOID, len(b))
	t.buf = append(t.buf, b[:]...)
}

func (t *pgTuples) bytes(b []byte) {
	t.value(pgtype.ByteaOID, len(b))
	t.buf = append(t.buf, b...)
}

// text appends a text, NULL for "".
func (t *pgTuples) text(s string) {
	if s == "" {
		t.null(pgtype.TextOID)
		return
	}
	t.value(pgtype.TextOID, len(s))
	t.buf = append(t.buf, s...)
}

func (t *pgTuples) texts(list ...string) {
	for _, s := range list {
		t.text(s)
	}
}

// label appends a text that is never NULL.
func (t *pgTuples) label(s string) {
	t.value(pgtype.TextOID, len(s))
	t.buf = append(t.buf, s...)
}

func (t *pgTuples) bool(b bool) {
	t.value(pgtype.BoolOID, 1)
	t.buf = append(t.buf, byte(boolValue(b)))
}

// count appends a number that is never NULL. No MTA counts to where it ends.
func (t *pgTuples) count(n int) {
	t.value(pgtype.Int4OID, 4)
	t.int32(int32(max(math.MinInt32, min(n, math.MaxInt32))))
}

// code appends a number, NULL for 0.
func (t *pgTuples) code(n int) {
	if n == 0 {
		t.null(pgtype.Int4OID)
		return
	}
	t.count(n)
}

// size appends a number, NULL for 0.
func (t *pgTuples) size(n int64) {
	if n == 0 {
		t.null(pgtype.Int8OID)
		return
	}
	t.value(pgtype.Int8OID, 8)
	t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(n))
}

// time appends an instant, NULL for the zero time.
func (t *pgTuples) time(at time.Time) {
	if at.IsZero() {
		t.null(pgtype.TimestamptzOID)
		return
	}
	t.value(pgtype.TimestamptzOID, 8)
	t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(at.UnixMicro()-postgresEpoch))
}

const copyEvents = `COPY email_event (id, message_key, chunk_id, occurred_at, received_at,
	chunk_pos, part, attempts, code, type, record_type, message_id, recipient, sender,
	node_id, enhanced_code, response, tenant, campaign, egress_source, provider, classification,
	cause, subcause, permanence, fault, rule, response_hash, original_key, tied_by, confidence, reported)
	FROM STDIN (FORMAT binary)`

// event appends a row of copyEvents.
func (t *pgTuples) event(e *domain.EmailEvent, key domain.LogKey, hasKey bool, chunk chunkID, pos int) {
	t.copyRow(32)
	t.uuid(e.ID)
	if hasKey {
		t.uuid(key)
	} else {
		t.null(pgtype.UUIDOID)
	}
	t.uuid(chunk)
	t.time(e.OccurredAt)
	t.time(e.ReceivedAt)
	t.count(pos)
	t.count(e.Part)
	t.count(e.Attempts)
	t.code(e.Response.Code)
	t.label(e.Type.String())
	if e.Type == domain.Unknown {
		t.text(e.RecordType)
	} else {
		t.null(pgtype.TextOID)
	}
	v := &e.Verdict
	t.texts(e.MessageID, e.Recipient, e.Sender, e.NodeID, e.Response.Enhanced.String(),
		e.Response.Content, e.Tenant, e.Campaign, e.EgressSource, e.Provider, classification(e),
		string(v.Cause), string(v.Subcause), string(v.Permanence), string(v.Fault), v.Rule)
	t.size(int64(e.ResponseHash))
	t.tie(e.Original)
	t.text(reported(e))
}

func (t *pgTuples) tie(o *domain.Original) {
	if o == nil {
		t.null(pgtype.UUIDOID)
		t.texts("", "")
		return
	}
	t.uuid(o.Key())
	t.texts(string(o.By), string(o.By.Confidence()))
}

// log appends a row of the type email_log_row, or of copyLogs.
func (t *pgTuples) log(l *domain.EmailLog, heard time.Time, days eventDays, types *statementSet) {
	d := &l.Decision
	t.uuid(l.Key)
	t.time(l.AcceptedAt)
	t.time(heard)
	t.size(l.Size)
	t.bool(l.Confirmed)
	t.bool(l.OfReport)
	t.label(l.MessageID)
	t.label(l.Recipient)
	t.texts(l.Sender, l.Tenant, l.Campaign, l.ApplicationID)
	t.transfer(l, types.logTransfer)
	t.texts(l.Provider, l.EgressSource)
	t.time(l.DeliveredAt)
	t.time(l.FailedAt)
	t.time(l.ComplainedAt)
	t.count(l.Attempts)
	t.code(d.Code)
	t.time(d.At)
	t.label(d.Status.String())
	t.texts(d.Enhanced.String(), d.Response)
	t.verdict(d, types.logVerdict)
	var decision [len(domain.Precedence{})]byte
	t.bytes(appendDecision(decision[:0], d))
	t.size(int64(days))
}

// transfer appends what rarely is there: in a composite value as one column.
func (t *pgTuples) transfer(l *domain.EmailLog, oid uint32) {
	write := func() { t.texts(l.PriorID, l.NextID) }
	switch {
	case !t.typed:
		write()
	case l.PriorID == "" && l.NextID == "":
		t.null(oid)
	default:
		t.composite(oid, 2, write)
	}
}

// verdict is as transfer.
func (t *pgTuples) verdict(d *domain.Decision, oid uint32) {
	v := &d.Verdict
	write := func() {
		t.texts(string(v.Cause), string(v.Subcause), string(v.Permanence), string(v.Fault), v.Rule)
		t.size(int64(d.ResponseHash))
		t.text(string(d.Confidence))
	}
	switch {
	case !t.typed:
		write()
	case *v == (domain.Verdict{}) && d.ResponseHash == 0 && d.Confidence == "":
		t.null(oid)
	default:
		t.composite(oid, 7, write)
	}
}

// rare appends a row of copyRare.
func (t *pgTuples) rare(l *domain.EmailLog) {
	t.copyRow(9)
	t.uuid(l.Key)
	t.label(l.Decision.Status.String())
	t.bool(l.OfReport)
	t.texts(domainOf(l.Recipient), l.Tenant, l.Campaign, l.Provider, l.EgressSource, string(l.Decision.Verdict.Cause))
}

// reject appends a row of the type quarantine_row.
func (t *pgTuples) reject(r *domain.Reject, packed []byte) {
	t.arrayRow(5, func() {
		t.uuid(r.ID())
		t.value(pgtype.TimestamptzOID, 8)
		t.buf = binary.BigEndian.AppendUint64(t.buf, uint64(r.ReceivedAt.UnixMicro()-postgresEpoch))
		t.count(len(r.Raw))
		t.label(cleanText(r.Reason))
		t.bytes(packed)
	})
}

// cleanText returns s as a text column takes it.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
