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
	packedTexts
	buf   []byte
	known map[packedTally]int32 // by its place in order
	order []countedTally
}

// packedTally are the places of a tally's texts, that of its kind last.
type packedTally struct {
	minute int64
	texts  [tallyTexts]uint32
}

// tallyTexts is how many texts a tally has, of which the last is its kind.
const tallyTexts = len(statsDimensions) + 1

type countedTally struct {
	packedTally
	n int64
}

func (p *tallyPacker) reset() {
	p.packedTexts.reset()
	if p.known == nil {
		p.known = map[packedTally]int32{}
	}
	clear(p.known)
	p.buf, p.order = p.buf[:0], p.order[:0]
}

func (p *tallyPacker) add(e *domain.EmailEvent) {
	if e.OccurredAt.IsZero() {
		return
	}
	key := packedTally{minute: minuteOf(e.OccurredAt.UnixMicro()), texts: p.places(dimsOfEvent(e), e.Type.String())}
	at, ok := p.known[key]
	if !ok {
		at = int32(len(p.order))
		p.known[key], p.order = at, append(p.order, countedTally{packedTally: key})
	}
	p.order[at].n++
}

// packed returns the tallies of what was added, nil if there is none. They are
// valid until the next reset.
func (p *tallyPacker) packed() []byte {
	if len(p.order) == 0 {
		return nil
	}
	b := p.appendTo(p.buf)
	for i := range p.order {
		key := &p.order[i]
		b = binary.AppendVarint(b, key.n)
		b = binary.AppendVarint(b, key.minute)
		b = appendPlaces(b, &key.texts)
	}
	p.buf = b
	return b
}

// packedTexts are texts, each once, by their places.
type packedTexts struct {
	texts []string
	at    map[string]uint32
	// What stood last at each place of a tally: neighbours have much in common.
	last   [tallyTexts]string
	lastAt [tallyTexts]uint32
}

func (p *packedTexts) reset() {
	if p.at == nil {
		p.at = map[string]uint32{}
	}
	clear(p.at)
	clear(p.texts)
	p.texts, p.last, p.lastAt = append(p.texts[:0], ""), [tallyTexts]string{}, [tallyTexts]uint32{}
	p.at[""] = 0
}

// places returns those of a tally's texts.
func (p *packedTexts) places(dims [len(statsDimensions)]string, kind string) (at [tallyTexts]uint32) {
	for i, text := range dims {
		at[i] = p.place(i, text)
	}
	at[len(dims)] = p.place(len(dims), kind)
	return at
}

func (p *packedTexts) place(i int, text string) uint32 {
	if text != p.last[i] {
		at, ok := p.at[text]
		if !ok {
			at = uint32(len(p.texts))
			p.at[text], p.texts = at, append(p.texts, text)
		}
		p.last[i], p.lastAt[i] = text, at
	}
	return p.lastAt[i]
}

func (p *packedTexts) appendTo(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(p.texts)))
	for _, text := range p.texts {
		b = appendText(b, text)
	}
	return b
}

func appendPlaces(b []byte, texts *[tallyTexts]uint32) []byte {
	for _, at := range texts {
		b = binary.AppendUvarint(b, uint64(at))
	}
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

var errPacked = errors.New("packed figures are damaged")

// unpackTallies calls visit with each tally that a tallyPacker has packed, which
// is valid until it returns. What is empty, or nil, has none.
func unpackTallies(b []byte, names *symbols, visit func(*tally)) error {
	if len(b) == 0 {
		return nil
	}
	r := unpacker{b: b}
	places := r.symbols(names)
	var t tally
	for len(r.b) > 0 && !r.damaged {
		t.n, t.minute = r.int(), r.int()
		if r.tallyTexts(&t, places, names); !r.damaged {
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

// symbols reads texts and returns them by their places.
func (r *unpacker) symbols(names *symbols) []symbol {
	places := make([]symbol, r.length())
	for i := range places {
		places[i] = names.addBytes(r.bytes())
	}
	return places
}

// tallyTexts reads a tally's texts.
func (r *unpacker) tallyTexts(t *tally, places []symbol, names *symbols) {
	next := func() symbol {
		if at := r.uint(); at < uint64(len(places)) {
			return places[at]
		}
		r.damaged = true
		return 0
	}
	for i := range t.dims {
		t.dims[i] = next()
	}
	t.kind = names.texts[next()]
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

func (r *unpacker) bytes() []byte { return r.take(r.length()) }

// take returns the next n bytes, none if there are fewer.
func (r *unpacker) take(n int) []byte {
	if n > len(r.b) {
		r.b, r.damaged = nil, true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}
