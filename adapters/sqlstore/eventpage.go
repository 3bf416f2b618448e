package sqlstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// eventQuery is one statement's part of a page of events.
type eventQuery struct {
	ofMessage       bool
	least, greatest domain.LogKey // of the message
	recipient       string        // whose logs' events are wanted, "" for all; in SQLite
	types           []string
	within          uuidRange
	limit           int
}

// eventReader is what a database does of a page.
type eventReader interface {
	eventsWithin(ctx context.Context, q *eventQuery) ([]storedEvent, error)
	// eventsOfRecipient returns those of them that are of the recipient's logs.
	eventsOfRecipient(ctx context.Context, recipient string, q *eventQuery) ([]storedEvent, error)
}

func eventPage(ctx context.Context, s eventReader, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
	if !allCanBe(f.MessageID, f.Recipient) {
		return nil, ctx.Err()
	}
	q := &eventQuery{within: idRange(&f).until(uuid(before))}
	if f.MessageID != "" {
		q.ofMessage = true
		q.least, q.greatest = domain.KeysOfMessage(f.MessageID)
	}
	for _, t := range f.Types {
		q.types = append(q.types, t.String())
	}
	read := s.eventsWithin
	if f.Recipient != "" {
		recipient := domain.NormalizeRecipient(f.Recipient)
		read = func(ctx context.Context, q *eventQuery) ([]storedEvent, error) {
			return s.eventsOfRecipient(ctx, recipient, q)
		}
	}
	var page []ports.EventRow
	for q.limit = limit; q.limit > 0 && !q.within.isEmpty(); q.limit = limit - len(page) {
		stored, err := read(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range stored {
			if q.ofMessage && !isOfMessage(&stored[i], f.MessageID) {
				continue
			}
			page = append(page, stored[i].row())
		}
		if len(stored) < q.limit {
			break
		}
		q.within.below = uuid(stored[len(stored)-1].event.ID)
	}
	return page, nil
}

// idRange returns where the ids of what f chooses can be.
func idRange(f *ports.EventFilter) uuidRange {
	r := uuidRange{below: maxUUID}
	if !f.From.IsZero() {
		r.least = uuidAt(ceilMilli(f.From))
	}
	if !f.To.IsZero() {
		if f.From.IsZero() {
			r.least = firstDated
		}
		r.below = uuidAt(ceilMilli(f.To))
	}
	return r
}

// isOfMessage tells messages apart whose ids have the same 40 bits of hash; a
// report's tie is told by its time too.
func isOfMessage(s *storedEvent, messageID string) bool {
	id := domain.NormalizeMessageID(messageID)
	if domain.NormalizeMessageID(s.event.MessageID) == id {
		return true
	}
	least, greatest := domain.KeysOfMessage(id)
	return s.tie != nil && bytes.Compare(least[:], s.tie.key[:]) <= 0 && bytes.Compare(s.tie.key[:], greatest[:]) <= 0
}

// row returns what the columns say.
func (s *storedEvent) row() ports.EventRow {
	row := ports.EventRow{EmailEvent: s.event}
	if s.tie != nil {
		row.OriginalLog, row.TiedBy = s.tie.key, s.tie.by
	}
	return row
}

var errNoEvent = fmt.Errorf("read event: %w", ports.ErrNotFound)
