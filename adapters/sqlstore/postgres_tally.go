package sqlstore

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// tallyColumns is how many columns the type tally has.
const tallyColumns = 12

// unpackRows calls visit with each tally of an array of the type tally in
// PostgreSQL's binary format, valid until it returns; of messages passages too. An
// empty one may be nil.
func unpackRows(b []byte, names *symbols, ofMessages bool, visit func(*tally)) error {
	if len(b) == 0 {
		return nil
	}
	r := wireReader{b: b}
	var t tally
	for range r.arrayHead() {
		r.int32() // bytes of the row
		if columns := r.int32(); columns != tallyColumns {
			return fmt.Errorf("%w: a tally of %d columns", errPacked, columns)
		}
		t = r.tally(names, ofMessages)
		if r.damaged {
			return errPacked
		}
		visit(&t)
	}
	return r.err()
}

// wireReader reads PostgreSQL's binary format. Behind what is damaged it reads
// zeros.
type wireReader struct {
	b       []byte
	damaged bool
}

func (r *wireReader) err() error {
	if r.damaged {
		return errPacked
	}
	return nil
}

func (r *wireReader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.b, r.damaged = nil, true
		return make([]byte, 8)
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

// arrayHead reads what stands before an array's values and returns how many there
// are.
func (r *wireReader) arrayHead() int32 {
	dimensions := r.int32()
	r.int32() // has nulls
	r.int32() // type
	if dimensions == 0 {
		return 0
	}
	n := r.int32()
	r.int32() // least index
	return n
}

func (r *wireReader) int32() int32 { return int32(binary.BigEndian.Uint32(r.take(4))) }

// column returns the bytes of a row's next column, nil for NULL.
func (r *wireReader) column() []byte {
	r.int32() // type
	n := r.int32()
	if n < 0 {
		return nil
	}
	return r.take(int(n))
}

func (r *wireReader) int64Column() int64 {
	if b := r.column(); len(b) == 8 {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// tally reads the columns of a row.
func (r *wireReader) tally(names *symbols, ofMessages bool) tally {
	t := tally{n: r.int64Column()}
	accepted := r.column()
	var at int64
	if t.uncounted = len(accepted) != 8; !t.uncounted {
		at = int64(binary.BigEndian.Uint64(accepted)) + postgresEpoch
	}
	t.minute = minuteOf(at)
	t.dims[0] = names.addBytes(r.column())
	t.dims[domainPlace] = names.addDomain(r.column())
	for i := domainPlace + 1; i < len(t.dims); i++ {
		t.dims[i] = names.addBytes(r.column())
	}
	t.kind = names.texts[names.addBytes(r.column())]
	var attempts int64
	if b := r.column(); len(b) == 4 {
		attempts = int64(int32(binary.BigEndian.Uint32(b)))
	}
	delivered := r.column()
	copy(t.key[:], r.column())
	if ofMessages {
		p := int64(0)
		if len(delivered) == 8 {
			p = int64(binary.BigEndian.Uint64(delivered)) + postgresEpoch
		}
		t.passage = passageOf(t.kind, attempts, at, p, len(delivered) == 8)
	}
	return t
}

// addDomain is add for domainOf.
func (s *symbols) addDomain(recipient []byte) symbol {
	of := recipient[bytes.LastIndexByte(recipient, '@')+1:]
	switch {
	case len(of) == len(recipient): // no @
		return 0
	case slices.ContainsFunc(of, func(c byte) bool { return 'A' <= c && c <= 'Z' }):
		return s.add(lowerASCII(string(of)))
	}
	return s.addBytes(of)
}
