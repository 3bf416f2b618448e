package sqlstore

import (
	"cmp"
	"encoding/binary"
)

// placed is an id or a key, and the place of what has it. They are put in order
// apart from that, which is large, and as two numbers: a unit of some hundred
// compares each ten times and more.
type placed struct {
	high, low uint64
	at        int32
}

func placedAt(id [16]byte, at int) placed {
	return placed{binary.BigEndian.Uint64(id[:]), binary.BigEndian.Uint64(id[8:]), int32(at)}
}

// isAs says whether both have the same id.
func (p placed) isAs(o placed) bool { return p.high == o.high && p.low == o.low }

// compare orders by ids as their bytes do, those of one id by their places.
func (p placed) compare(o placed) int {
	if p.high != o.high { // as nearly always
		return cmp.Compare(p.high, o.high)
	}
	return cmp.Or(cmp.Compare(p.low, o.low), cmp.Compare(p.at, o.at))
}
