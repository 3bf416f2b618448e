package sqlstore

import (
	"github.com/kumotrail/kumotrail/domain"
)

// appendEvent appends the columns of email_event up to chunk_id. messageKey is nil
// for an event without a message.
func appendEvent(args []any, e *domain.EmailEvent, messageKey any) []any {
	var recordType any
	if e.Type == domain.Unknown {
		recordType = textValue(e.RecordType)
	}
	args = append(args, e.ID[:], messageKey, e.Type.String(), recordType, int64(e.Part),
		textValue(e.MessageID), textValue(e.Recipient), textValue(e.Sender),
		microsValue(e.OccurredAt), microsValue(e.ReceivedAt), textValue(e.NodeID),
		intValue(int64(e.Response.Code)), textValue(e.Response.Enhanced.String()),
		textValue(e.Response.Content), int64(e.Attempts),
		textValue(e.Tenant), textValue(e.Campaign), textValue(e.EgressSource),
		textValue(e.Provider), textValue(classification(e)))
	args = appendTie(appendVerdict(args, &e.Verdict, e.ResponseHash), e.Original)
	return append(args, textValue(reported(e)))
}

// unclassified is what KumoMTA says of an event that none of its own rules
// knows, or if it has none (kumomta.md, section 2.1).
const unclassified = "Uncategorized"

func classification(e *domain.EmailEvent) string {
	if e.Classification == unclassified {
		return ""
	}
	return e.Classification
}

func appendVerdict(args []any, v *domain.Verdict, responseHash uint64) []any {
	return append(args, textValue(string(v.Cause)), textValue(string(v.Subcause)), textValue(string(v.Permanence)),
		textValue(string(v.Fault)), textValue(v.Rule), intValue(int64(responseHash)))
}

func appendTie(args []any, o *domain.Original) []any {
	if o == nil {
		return append(args, nil, nil, nil)
	}
	key := o.Key()
	return append(args, key[:], textValue(string(o.By)), textValue(string(o.By.Confidence())))
}

// appendLog appends the columns of email_log up to decision.
func appendLog(args []any, l *domain.EmailLog) []any {
	d := &l.Decision
	args = append(args, l.Key[:], l.MessageID, l.Recipient, textValue(l.Sender),
		textValue(l.Tenant), textValue(l.Campaign), textValue(l.ApplicationID),
		textValue(l.Provider), textValue(l.EgressSource), textValue(l.PriorID), textValue(l.NextID),
		boolValue(l.Confirmed), boolValue(l.OfReport), intValue(l.Size), int64(l.Attempts),
		microsValue(l.AcceptedAt), microsValue(l.DeliveredAt), microsValue(l.FailedAt),
		microsValue(l.ComplainedAt), d.Status.String(), microsValue(d.At),
		intValue(int64(d.Code)), textValue(d.Enhanced.String()), textValue(d.Response))
	return append(appendVerdict(args, &d.Verdict, d.ResponseHash), textValue(string(d.Confidence)), appendDecision(nil, d))
}

// logColumns are what scanLog reads, in its order.
const logColumns = `key, message_id, recipient, sender, tenant, campaign, application_id,
	provider, egress_source, prior_id, next_id, confirmed, of_report, size, attempts,
	accepted_at, delivered_at, failed_at, complained_at, decided_at, code, enhanced_code, response,
	cause, subcause, permanence, fault, rule, response_hash, confidence, decision`

type scanner interface{ Scan(dest ...any) error }

func scanLog(row scanner) (domain.EmailLog, error) { return newLogScan().scan(row) }

// logScan scans one row after another into the same places.
type logScan struct {
	key, decision                                                       []byte
	sender, tenant, campaign, app, provider, source, enhanced, response text
	prior, next, confidence                                             text
	size, code                                                          integer
	accepted, delivered, failed, complained, decided                    micros
	meaning                                                             verdictColumns

	log  domain.EmailLog
	dest []any // of logColumns
}

func newLogScan() *logScan {
	s := new(logScan)
	l := &s.log
	s.dest = append([]any{&s.key, &l.MessageID, &l.Recipient, &s.sender, &s.tenant, &s.campaign, &s.app,
		&s.provider, &s.source, &s.prior, &s.next, &l.Confirmed, &l.OfReport, &s.size, &l.Attempts,
		&s.accepted, &s.delivered, &s.failed, &s.complained, &s.decided, &s.code, &s.enhanced, &s.response}, s.meaning.dest()...)
	s.dest = append(s.dest, &s.confidence, &s.decision)
	return s
}

func (s *logScan) scan(row scanner) (domain.EmailLog, error) {
	if err := row.Scan(s.dest...); err != nil {
		return domain.EmailLog{}, err
	}
	l := &s.log
	copy(l.Key[:], s.key)
	l.Sender, l.Tenant, l.Campaign, l.ApplicationID = string(s.sender), string(s.tenant), string(s.campaign), string(s.app)
	l.Provider, l.EgressSource, l.Size = string(s.provider), string(s.source), int64(s.size)
	l.PriorID, l.NextID = string(s.prior), string(s.next)
	l.AcceptedAt, l.DeliveredAt, l.FailedAt, l.ComplainedAt = s.accepted.Time, s.delivered.Time, s.failed.Time, s.complained.Time
	l.Decision = decisionOf(s.decision)
	d := &l.Decision
	d.At, d.Code = s.decided.Time, int(s.code)
	d.Enhanced, d.Response = parseEnhanced(string(s.enhanced)), string(s.response)
	d.Verdict, d.ResponseHash, d.Confidence = s.meaning.verdict(), uint64(s.meaning.hash), domain.Confidence(s.confidence)
	return *l, nil
}

// verdictColumns are the columns from cause to response_hash.
type verdictColumns struct {
	cause, subcause, permanence, fault, rule text
	hash                                     integer
}

func (c *verdictColumns) dest() []any {
	return []any{&c.cause, &c.subcause, &c.permanence, &c.fault, &c.rule, &c.hash}
}

func (c *verdictColumns) verdict() domain.Verdict {
	return domain.Verdict{
		Cause: domain.Cause(c.cause), Subcause: domain.Subcause(c.subcause),
		Permanence: domain.Permanence(c.permanence), Fault: domain.Fault(c.fault), Rule: string(c.rule),
	}
}

// untold is the length of a domain.Precedence without what tells copies of one
// event apart: rank, time and event id.
const untold = 1 + 8 + len(domain.EventID{})

// appendDecision appends d's Precedence, cut behind the event's id where only
// zeros follow, as for most: it compares the same, and is written twice for each
// message.
func appendDecision(b []byte, d *domain.Decision) []byte {
	p := d.Precedence()
	for _, told := range p[untold:] {
		if told != 0 {
			return append(b, p[:]...)
		}
	}
	return append(b, p[:untold]...)
}

// decisionOf returns what appendDecision has appended as it is.
func decisionOf(b []byte) domain.Decision {
	var d domain.Decision
	if len(b) >= untold {
		d.Status = domain.Status(b[0])
		copy(d.EventID[:], b[9:])
	}
	return d
}
