package sqlstore

import (
	"strings"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// eventColumns are what scanEvent reads, in its order, of email_event as e.
const eventColumns = `e.id, e.type, e.record_type, e.part, e.message_id, e.recipient, e.sender,
	e.occurred_at, e.received_at, e.node_id, e.code, e.enhanced_code, e.response,
	e.attempts, e.tenant, e.campaign, e.egress_source, e.chunk_id, e.chunk_pos`

// storedEvent is a row of email_event: what its columns say, and where its
// record is.
type storedEvent struct {
	event domain.EmailEvent
	chunk chunkID
	pos   int
}

// scanEvent reads eventColumns, and into more what the query selects behind
// them.
func scanEvent(row scanner, more ...any) (storedEvent, error) {
	var (
		id, chunk                                      []byte
		kind                                           string
		recordType, messageID, recipient, sender, node text
		enhanced, response, tenant, campaign, source   text
		code                                           integer
		occurred, received                             micros
		s                                              storedEvent
	)
	e := &s.event
	err := row.Scan(append([]any{
		&id, &kind, &recordType, &e.Part, &messageID, &recipient, &sender,
		&occurred, &received, &node, &code, &enhanced, &response,
		&e.Attempts, &tenant, &campaign, &source, &chunk, &s.pos,
	}, more...)...)
	if err != nil {
		return s, err
	}
	copy(e.ID[:], id)
	copy(s.chunk[:], chunk)
	e.Type, _ = domain.ParseEventType(kind)
	e.RecordType = string(recordType)
	e.MessageID, e.Recipient, e.Sender, e.NodeID = string(messageID), string(recipient), string(sender), string(node)
	e.OccurredAt, e.ReceivedAt = occurred.Time, received.Time
	e.Response = domain.Response{Code: int(code), Enhanced: parseEnhanced(string(enhanced)), Content: string(response)}
	e.Tenant, e.Campaign, e.EgressSource = string(tenant), string(campaign), string(source)
	return s, nil
}

// chunkSource returns the packed records of a chunk, errChunk if there is none.
type chunkSource func(chunkID) ([]byte, error)

// restorer makes events of rows by decoding their records again. It keeps what
// it unpacked and decoded last: rows come in the order of their records.
type restorer struct {
	decoder ports.RecordDecoder
	packer  *packer
	source  chunkSource

	chunk   chunkID
	records []string
	pos     int
	raw     string
	decoded []domain.EmailEvent
}

// restore returns the event with the id and the time of arrival that are
// stored: long texts of the record may have been cut since its id was derived.
// A record that this version decodes into something without that part is told
// by its columns. With errChunk it returns what the columns alone tell.
func (r *restorer) restore(s *storedEvent) (domain.EmailEvent, error) {
	if err := r.load(s); err != nil {
		return s.event, err
	}
	e := s.event
	for i := range r.decoded {
		if r.decoded[i].Part == s.event.Part {
			e = r.decoded[i]
			break
		}
	}
	e.ID, e.ReceivedAt, e.Raw = s.event.ID, s.event.ReceivedAt, r.raw
	return e, nil
}

// restoreMessage leaves out rows of other messages, whose ids may have the same
// 40 bits of hash.
func restoreMessage(restorer *restorer, stored []storedEvent, messageID string) ([]domain.EmailEvent, error) {
	var events []domain.EmailEvent
	for i := range stored {
		if domain.NormalizeMessageID(stored[i].event.MessageID) != messageID {
			continue
		}
		e, err := restorer.restore(&stored[i])
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, nil
}

func (r *restorer) load(s *storedEvent) error {
	if r.records == nil || r.chunk != s.chunk {
		if err := r.unpack(s.chunk); err != nil {
			return err
		}
	}
	if s.pos >= len(r.records) {
		return errChunk
	}
	if r.pos != s.pos {
		// A copy, else one event would keep the whole chunk in memory.
		r.pos, r.raw, r.decoded = s.pos, strings.Clone(r.records[s.pos]), nil
		for batch := range r.decoder.Decode(r.raw) {
			r.decoded = append(r.decoded, batch.Events...)
		}
	}
	return nil
}

func (r *restorer) unpack(id chunkID) error {
	r.records = nil
	packed, err := r.source(id)
	if err != nil {
		return err
	}
	text, err := r.packer.unpack(packed)
	if err != nil {
		return err
	}
	r.chunk, r.pos, r.decoded = id, -1, nil
	r.records, err = splitChunk(text)
	return err
}
