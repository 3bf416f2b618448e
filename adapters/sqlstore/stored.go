package sqlstore

import (
	"errors"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// eventColumns are what scanEvent reads, in its order, of email_event as e.
const eventColumns = `e.id, e.type, e.record_type, e.part, e.message_id, e.recipient, e.sender,
	e.occurred_at, e.received_at, e.node_id, e.code, e.enhanced_code, e.response,
	e.attempts, e.tenant, e.campaign, e.egress_source, e.provider, e.classification,
	e.cause, e.subcause, e.permanence, e.fault, e.rule, e.response_hash,
	e.original_key, e.tied_by, e.chunk_id, e.chunk_pos`

// storedEvent is a row of email_event: what its columns say, and where its
// record is.
type storedEvent struct {
	event domain.EmailEvent // but for Original
	tie   *storedTie        // nil for none
	chunk chunkID
	pos   int
}

// storedTie is what the columns say of an event's Original.
type storedTie struct {
	key domain.LogKey
	by  domain.Tie
}

// scanEvent reads eventColumns, and into more what the query selects behind
// them.
func scanEvent(row scanner, more ...any) (storedEvent, error) {
	var (
		id, chunk, original                            []byte
		kind                                           string
		recordType, messageID, recipient, sender, node text
		enhanced, response, tenant, campaign, source   text
		provider, class, tiedBy                        text
		code                                           integer
		occurred, received                             micros
		meaning                                        verdictColumns
		s                                              storedEvent
	)
	e := &s.event
	dest := append([]any{
		&id, &kind, &recordType, &e.Part, &messageID, &recipient, &sender,
		&occurred, &received, &node, &code, &enhanced, &response,
		&e.Attempts, &tenant, &campaign, &source, &provider, &class,
	}, meaning.dest()...)
	dest = append(append(dest, &original, &tiedBy, &chunk, &s.pos), more...)
	if err := row.Scan(dest...); err != nil {
		return s, err
	}
	if len(original) > 0 {
		s.tie = &storedTie{domain.LogKey(original), domain.Tie(tiedBy)}
	}
	copy(e.ID[:], id)
	copy(s.chunk[:], chunk)
	e.Type, _ = domain.ParseEventType(kind)
	e.RecordType = string(recordType)
	e.MessageID, e.Recipient, e.Sender, e.NodeID = string(messageID), string(recipient), string(sender), string(node)
	e.OccurredAt, e.ReceivedAt = occurred.Time, received.Time
	e.Response = domain.Response{Code: int(code), Enhanced: parseEnhanced(string(enhanced)), Content: string(response)}
	e.Tenant, e.Campaign, e.EgressSource = string(tenant), string(campaign), string(source)
	e.Provider, e.Classification = string(provider), string(class)
	e.Verdict, e.ResponseHash = meaning.verdict(), uint64(meaning.hash)
	return s, nil
}

// restorer makes events of rows by decoding their records again. It keeps what
// it unpacked and decoded last: rows come in the order of their records.
type restorer struct {
	decoder ports.RecordDecoder
	packer  *packer
	// chunkOf returns the packed records of a chunk, errChunk if there is none.
	chunkOf func(chunkID) ([]byte, error)
	// nameOf returns whose log that is, "" if it is not there.
	nameOf func(domain.LogKey) (messageID, recipient string, err error)

	chunk   chunkID
	records *chunkRecords // nil for none
	pos     int
	raw     string
	decoded []domain.EmailEvent
}

// restore returns the event with the id and the time of arrival that are
// stored: long texts of the record may have been cut since its id was derived.
// So it is with what the record was taken to mean, which the rules of this
// version might say otherwise, and the log does not. A record that this version
// decodes into something without that part is told by its columns. With errChunk
// it returns what the columns alone tell.
func (r *restorer) restore(s *storedEvent) (domain.EmailEvent, error) {
	e := s.event
	loadErr := r.load(s)
	for i := range r.decoded {
		if loadErr == nil && r.decoded[i].Part == s.event.Part {
			e = r.decoded[i]
			break
		}
	}
	if loadErr == nil {
		e.Raw = r.raw
	}
	e.ID, e.ReceivedAt = s.event.ID, s.event.ReceivedAt
	e.Provider, e.Verdict, e.ResponseHash = s.event.Provider, s.event.Verdict, s.event.ResponseHash
	var err error
	e.Original, err = r.original(s.tie, e.Original)
	return e, errors.Join(loadErr, err)
}

// original returns what the record says of the message that it is about, if the
// event was tied to that, else what is known of the one that it was tied to.
func (r *restorer) original(tie *storedTie, decoded *domain.Original) (*domain.Original, error) {
	switch {
	case tie == nil:
		return nil, nil
	case decoded != nil && decoded.Key() == tie.key:
		return &domain.Original{MessageID: decoded.MessageID, Recipients: decoded.Recipients, By: tie.by}, nil
	}
	messageID, recipient, err := r.nameOf(tie.key)
	if messageID == "" || err != nil {
		return nil, err
	}
	return &domain.Original{MessageID: messageID, Recipients: []string{recipient}, By: tie.by}, nil
}

// restoreMessage leaves out rows of no log, and of other messages, whose ids may
// have the same 40 bits of hash.
func restoreMessage(restorer *restorer, stored []storedEvent, messageID string) ([]domain.EmailEvent, error) {
	defer restorer.release()
	var events []domain.EmailEvent
	for i := range stored {
		e, err := restorer.restore(&stored[i])
		if err != nil {
			return nil, err
		}
		if e.ConcernsMessage(messageID) {
			events = append(events, e)
		}
	}
	return events, nil
}

func (r *restorer) load(s *storedEvent) error {
	if r.records == nil || r.chunk != s.chunk {
		if err := r.unpack(s.chunk); err != nil {
			return err
		}
	}
	if r.pos == s.pos {
		return nil
	}
	raw, err := r.records.record(s.pos)
	if err != nil {
		return err
	}
	r.pos, r.raw, r.decoded = s.pos, raw, nil
	for batch := range r.decoder.Decode(raw) {
		r.decoded = append(r.decoded, batch.Events...)
	}
	return nil
}

// release gives back the memory that records were unpacked to.
func (r *restorer) release() {
	if r.records != nil {
		r.records.release()
		r.records = nil
	}
}

func (r *restorer) unpack(id chunkID) error {
	r.release()
	packed, err := r.chunkOf(id)
	if err != nil {
		return err
	}
	records, err := r.packer.recordsOf(packed)
	if err != nil {
		return err
	}
	r.records, r.chunk, r.pos, r.decoded = records, id, -1, nil
	return nil
}
