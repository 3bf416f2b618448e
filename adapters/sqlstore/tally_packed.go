package sqlstore

import (
	"encoding/binary"
	"errors"

	"github.com/kumotrail/kumotrail/domain"
)

// tallyPacker packs the tallies of new events: first the texts, each behind its
// length, then the tallies, each a count, a minute, and the places of its texts.
// All numbers are varints. A packer may be used again.
type tallyPacker struct {
	buf    []byte
	texts  []string
	places map[string]uint32
	counts map[packedTally]int64
	order  []packedTally
}

// packedTally are the places of a tally's texts, that of its kind last.
type packedTally struct {
	minute int64
	texts  [len(statsDimensions) + 1]uint32
}

func (p *tallyPacker) reset() {
	if p.places == nil {
		p.places, p.counts = map[string]uint32{}, map[packedTally]int64{}
	}
	clear(p.places)
	clear(p.counts)
	clear(p.texts)
	p.buf, p.texts, p.order = p.buf[:0], p.texts[:0], p.order[:0]
}

func (p *tallyPacker) add(e *domain.EmailEvent) {
	if e.OccurredAt.IsZero() {
		return
	}
	key := packedTally{minute: minuteOf(e.OccurredAt.UnixMicro())}
	for i, text := range dimsOfEvent(e) {
		key.texts[i] = p.place(text)
	}
	key.texts[len(statsDimensions)] = p.place(e.Type.String())
	if p.counts[key]++; p.counts[key] == 1 {
		p.order = append(p.order, key)
	}
}

func (p *tallyPacker) place(text string) uint32 {
	at, ok := p.places[text]
	if !ok {
		at = uint32(len(p.texts))
		p.places[text], p.texts = at, append(p.texts, text)
	}
	return at
}

// packed returns the tallies of what was added, nil if there is none. They are
// valid until the next reset.
func (p *tallyPacker) packed() []byte {
	if len(p.order) == 0 {
		return nil
	}
	b := binary.AppendUvarint(p.buf, uint64(len(p.texts)))
	for _, text := range p.texts {
		b = appendText(b, text)
	}
	for i := range p.order {
		key := &p.order[i]
		b = binary.AppendVarint(b, p.counts[*key])
		b = binary.AppendVarint(b, key.minute)
		for _, at := range key.texts {
			b = binary.AppendUvarint(b, uint64(at))
		}
	}
	p.buf = b
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

var errPacked = errors.New("packed figures are damaged")

// unpackTallies calls visit with each tally that a tallyPacker has packed, which
// is valid until it returns.
func unpackTallies(b []byte, visit func(*tally)) error {
	r := unpacker{b: b}
	texts := make([]string, r.length())
	for i := range texts {
		texts[i] = r.text()
	}
	text := func() string {
		if at := r.uint(); at < uint64(len(texts)) {
			return texts[at]
		}
		r.damaged = true
		return ""
	}
	var t tally
	for len(r.b) > 0 && !r.damaged {
		t.n, t.minute = r.int(), r.int()
		for i := range t.dims {
			t.dims[i] = text()
		}
		if t.kind = text(); !r.damaged {
			visit(&t)
		}
	}
	return r.err()
}

// unpacker reads what is packed. Behind what is damaged it reads zeros.
type unpacker struct {
	b       []byte
	damaged bool
}

func (r *unpacker) err() error {
	if r.damaged {
		return errPacked
	}
	return nil
}

func (r *unpacker) skip(n int) {
	if n <= 0 {
		r.b, r.damaged = nil, true
		return
	}
	r.b = r.b[n:]
}

func (r *unpacker) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.skip(n)
	return v
}

func (r *unpacker) int() int64 {
	v, n := binary.Varint(r.b)
	r.skip(n)
	return v
}

// length reads how many things follow, each of which takes a byte or more.
func (r *unpacker) length() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.b, r.damaged = nil, true
		return 0
	}
	return int(n)
}

func (r *unpacker) text() string {
	n := r.length()
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}
