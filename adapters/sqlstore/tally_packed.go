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
	known  map[packedTally]int32 // by its place in order
	order  []countedTally
}

// packedTally are the places of a tally's texts, that of its kind last.
type packedTally struct {
	minute int64
	texts  [len(statsDimensions) + 1]uint32
}

type countedTally struct {
	packedTally
	n int64
}

func (p *tallyPacker) reset() {
	if p.places == nil {
		p.places, p.known = map[string]uint32{}, map[packedTally]int32{}
	}
	clear(p.places)
	clear(p.known)
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
	at, ok := p.known[key]
	if !ok {
		at = int32(len(p.order))
		p.known[key], p.order = at, append(p.order, countedTally{packedTally: key})
	}
	p.order[at].n++
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
		b = binary.AppendVarint(b, key.n)
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
func unpackTallies(b []byte, names *symbols, visit func(*tally)) error {
	r := unpacker{b: b}
	places := make([]symbol, r.length())
	for i := range places {
		places[i] = names.addBytes(r.bytes())
	}
	next := func() symbol {
		if at := r.uint(); at < uint64(len(places)) {
			return places[at]
		}
		r.damaged = true
		return 0
	}
	var t tally
	for len(r.b) > 0 && !r.damaged {
		t.n, t.minute = r.int(), r.int()
		for i := range t.dims {
			t.dims[i] = next()
		}
		if t.kind = names.texts[next()]; !r.damaged {
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
	if len(r.b) > 0 && r.b[0] < 0x80 { // most are small
		v := r.b[0]
		r.b = r.b[1:]
		return uint64(v)
	}
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

func (r *unpacker) text() string { return string(r.bytes()) }

func (r *unpacker) bytes() []byte {
	n := r.length()
	text := r.b[:n]
	r.b = r.b[n:]
	return text
}
