package kumomta

import (
	"slices"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// appendEvents appends the events of a settled record whose bytes are raw, one
// for each of its recipients, or one without.
func (r *record) appendEvents(events []domain.EmailEvent, id *domain.Digest, raw string) []domain.EmailEvent {
	first := len(events)
	events = append(events, r.event(raw))
	e := &events[first]
	if len(r.recipients) == 0 {
		e.ID = id.EventID("")
		return events
	}
	e.ID, e.Recipient = id.EventID(r.recipients[0]), cutName(r.recipients[0])
	if len(r.recipients) == 1 {
		return events
	}
	events = slices.Grow(events, len(r.recipients)-1)
	seen := make(map[string]bool, len(r.recipients))
	seen[r.recipients[0]] = true
	for _, recipient := range r.recipients[1:] {
		if seen[recipient] {
			continue
		}
		seen[recipient] = true
		part := events[first]
		part.Part = len(events) - first
		part.ID, part.Recipient = id.EventID(recipient), cutName(recipient)
		events = append(events, part)
	}
	return events
}

// event is what all events of the record share.
func (r *record) event(raw string) domain.EmailEvent {
	tenant, campaign := r.tenantAndCampaign()
	recordType := domain.EventTypeOfRecord(r.recordType)
	return domain.EmailEvent{
		Type:       recordType,
		RecordType: cutName(r.recordType),

		MessageID: cutName(normalID(r.id)),
		Sender:    cutName(r.sender),
		Queue:     cutName(r.queue),
		Site:      cutName(r.site),

		OccurredAt: r.occurredAt(),
		AcceptedAt: r.acceptedAt(),

		Attempts: int(r.attempts),
		Size:     r.size,
		Response: r.keptResponse(),

		Classification:    cutName(r.classification),
		PeerName:          cutName(r.peerName),
		PeerAddress:       cutName(r.peerAddress),
		EgressPool:        cutName(r.egressPool),
		EgressSource:      cutName(r.egressSource),
		SourceAddress:     cutName(r.sourceAddress),
		DeliveryProtocol:  cutName(r.deliveryProtocol),
		ReceptionProtocol: cutName(r.receptionProtocol),
		NodeID:            cutName(r.nodeID),
		SessionID:         cutName(r.sessionID),
		ProviderName:      cutName(r.providerName),

		Tenant:        tenant,
		Campaign:      campaign,
		ApplicationID: cutName(r.application()),
		TransferID:    cutName(r.transferID(recordType)),
		Report:        r.report(recordType),
		Meta:          r.meta,
		Raw:           raw,
	}
}

func (r *record) keptResponse() domain.Response {
	kept := r.response
	kept.Command = cutName(kept.Command)
	return kept
}

// normalID is an id in its normal spelling where it is a UUID.
func normalID(id string) string {
	if normal := domain.NormalizeMessageID(id); len(normal) == 32 {
		return normal
	}
	return id
}

// transferID is the message's id on the other node of a transfer (kumomta.md,
// section 2.1).
func (r *record) transferID(of domain.EventType) string {
	switch of {
	case domain.XferOut:
		return newID(r.response.Content)
	case domain.XferIn:
		id, _ := text(&scanner{text: r.priorID}) // whole JSON
		return normalID(id)
	}
	return ""
}

// newID reads "new id is ID", whatever follows; the id is 32 hexadecimal digits.
func newID(content string) string {
	rest, ok := strings.CutPrefix(content, "new id is ")
	if !ok {
		return ""
	}
	end := strings.IndexFunc(rest, func(c rune) bool { return c != '-' && (c > 'f' || hexDigit(byte(c)) < 0) })
	if end < 0 {
		end = len(rest)
	}
	if id := domain.NormalizeMessageID(rest[:end]); len(id) == 32 {
		return id
	}
	return ""
}

// tenantAndCampaign come from meta, else from the queue's name, so that all
// records of a message say the same, also those of a logger that lists no meta.
func (r *record) tenantAndCampaign() (tenant, campaign string) {
	tenant, campaign = r.tenant, r.campaign
	if tenant == "" || campaign == "" {
		q := domain.ParseQueue(r.queue)
		if tenant == "" {
			tenant = q.Tenant
		}
		if campaign == "" {
			campaign = q.Campaign
		}
	}
	return cutName(tenant), cutName(campaign)
}

// application is the application's id for the message, from where it is found
// first.
func (r *record) application() string {
	for _, id := range r.applicationID {
		if id != "" {
			return id
		}
	}
	return ""
}
