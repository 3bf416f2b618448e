package sqlstore

import (
	"encoding/binary"

	"github.com/kumotrail/kumotrail/domain"
)

// messagePacker packs the tallies of messages whose logs are new: first the texts, as
// a tallyPacker does, then of each message the places of its texts, the minute it was
// accepted in, how it came through, and its key. A packer may be used again.
type messagePacker struct {
	packedTexts
	list []byte
	buf  []byte
}

// Bits of what is packed of a message. The time that it took follows the minute if it
// was delivered.
const (
	packedUncounted = 1 << iota
	packedTried
	packedDeferred
	packedDelivered
	packedAtFirst
)

func (p *messagePacker) reset() {
	p.packedTexts.reset()
	p.list, p.buf = p.list[:0], p.buf[:0]
}

// add adds a message that is confirmed.
func (p *messagePacker) add(l *domain.EmailLog) {
	status := l.Decision.Status.String()
	var minute int64
	var through passage
	uncounted := l.OfReport || l.AcceptedAt.IsZero()
	if !uncounted {
		accepted := l.AcceptedAt.UnixMicro()
		minute = minuteOf(accepted)
		through = passageOf(status, int64(l.Attempts), accepted, l.DeliveredAt.UnixMicro(), !l.DeliveredAt.IsZero())
	}
	texts := p.places(dimsOfLog(l), status)
	b := appendPlaces(p.list, &texts)
	b = append(b, byte(boolValue(uncounted)*packedUncounted|boolValue(through.tried)*packedTried|
		boolValue(through.deferred)*packedDeferred|boolValue(through.delivered)*packedDelivered|
		boolValue(through.atFirst)*packedAtFirst))
	b = binary.AppendVarint(b, minute)
	if through.delivered {
		b = binary.AppendVarint(b, int64(through.took))
	}
	p.list = append(b, l.Key[:]...)
}

// dimsOfLog are those by which a message counts.
func dimsOfLog(l *domain.EmailLog) [len(statsDimensions)]string {
	return [...]string{l.Provider, domainOf(l.Recipient), l.Tenant, l.Campaign, l.EgressSource, string(l.Decision.Verdict.Cause)}
}

// packed returns the tallies of what was added, nil if there is none. They are
// valid until the next reset.
func (p *messagePacker) packed() []byte {
	if len(p.list) == 0 {
		return nil
	}
	p.buf = append(p.appendTo(p.buf), p.list...)
	return p.buf
}

// unpackMessages calls visit with each tally that a messagePacker has packed, which
// is valid until it returns. What is empty, or nil, has none.
func unpackMessages(b []byte, names *symbols, visit func(*tally)) error {
	if len(b) == 0 {
		return nil
	}
	r := unpacker{b: b}
	places := r.symbols(names)
	t := tally{n: 1}
	for len(r.b) > 0 && !r.damaged {
		r.tallyTexts(&t, places, names)
		r.passage(&t)
		if copy(t.key[:], r.take(len(t.key))); !r.damaged {
			visit(&t)
		}
	}
	return r.err()
}

// passage reads what is packed of how a message came through.
func (r *unpacker) passage(t *tally) {
	bits := r.uint()
	t.uncounted = bits&packedUncounted != 0
	t.minute = r.int()
	t.passage = passage{
		tried: bits&packedTried != 0, deferred: bits&packedDeferred != 0,
		delivered: bits&packedDelivered != 0, atFirst: bits&packedAtFirst != 0,
	}
	if t.delivered {
		t.took = int32(r.int())
	}
}
