package sqlstore

import (
	"github.com/kumotrail/kumotrail/domain"
)

// appendEvent appends the columns of email_event up to chunk_id.
func appendEvent(args []any, e *domain.EmailEvent) []any {
	var key, recordType any
	if e.MessageID != "" {
		k := domain.NewLogKey(e.MessageID, e.Recipient)
		key = k[:]
	}
	if e.Type == domain.Unknown {
		recordType = textValue(e.RecordType)
	}
	return append(args, e.ID[:], key, e.Type.String(), recordType, int64(e.Part),
		textValue(e.MessageID), textValue(e.Recipient), textValue(e.Sender),
		microsValue(e.OccurredAt), microsValue(e.ReceivedAt), textValue(e.NodeID),
		intValue(int64(e.Response.Code)), textValue(e.Response.Enhanced.String()),
		textValue(e.Response.Content), int64(e.Attempts),
		textValue(e.Tenant), textValue(e.Campaign), textValue(e.EgressSource))
}

// appendLog appends the columns of email_log up to decision.
func appendLog(args []any, l *domain.EmailLog) []any {
	d := &l.Decision
	rank := d.Precedence()
	return append(args, l.Key[:], l.MessageID, l.Recipient, textValue(l.Sender),
		textValue(l.Tenant), textValue(l.Campaign), textValue(l.ApplicationID),
		textValue(l.Provider), textValue(l.EgressSource), intValue(l.Size), int64(l.Attempts),
		microsValue(l.AcceptedAt), microsValue(l.DeliveredAt), microsValue(l.FailedAt),
		microsValue(l.ComplainedAt), d.Status.String(), microsValue(d.At),
		intValue(int64(d.Code)), textValue(d.Enhanced.String()), textValue(d.Response), rank[:])
}

// logColumns are what scanLog reads, in its order.
const logColumns = `key, message_id, recipient, sender, tenant, campaign, application_id,
	provider, egress_source, size, attempts, accepted_at, delivered_at, failed_at,
	complained_at, decided_at, code, enhanced_code, response, decision`

type scanner interface{ Scan(dest ...any) error }

func scanLog(row scanner) (domain.EmailLog, error) {
	var (
		key, decision                                                       []byte
		sender, tenant, campaign, app, provider, source, enhanced, response text
		size, code                                                          integer
		accepted, delivered, failed, complained, decided                    micros
		l                                                                   domain.EmailLog
	)
	err := row.Scan(&key, &l.MessageID, &l.Recipient, &sender, &tenant, &campaign, &app,
		&provider, &source, &size, &l.Attempts, &accepted, &delivered, &failed,
		&complained, &decided, &code, &enhanced, &response, &decision)
	if err != nil {
		return l, err
	}
	copy(l.Key[:], key)
	l.Sender, l.Tenant, l.Campaign, l.ApplicationID = string(sender), string(tenant), string(campaign), string(app)
	l.Provider, l.EgressSource, l.Size = string(provider), string(source), int64(size)
	l.AcceptedAt, l.DeliveredAt, l.FailedAt, l.ComplainedAt = accepted.Time, delivered.Time, failed.Time, complained.Time
	l.Decision = decisionOf(decision)
	l.Decision.At, l.Decision.Code = decided.Time, int(code)
	l.Decision.Enhanced, l.Decision.Response = parseEnhanced(string(enhanced)), string(response)
	return l, nil
}

// decisionOf returns what the bytes of a domain.Precedence hold as they are.
func decisionOf(b []byte) domain.Decision {
	var d domain.Decision
	if len(b) == len(domain.Precedence{}) {
		d.Status = domain.Status(b[0])
		copy(d.EventID[:], b[9:])
	}
	return d
}
