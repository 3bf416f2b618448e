package sqlstore

import (
	"encoding/binary"
	"math"
)

// chunkRecords are the records of a chunk. A block is unpacked when one of its records
// is asked for, and they are found by walking there, from where the last one was if that
// is not behind.
type chunkRecords struct {
	packer *packer
	packed []byte // blocks, nil where all is text

	text       []byte
	first, end int // places of the records in text
	at, n      int // offset and place of a record there
}

// recordsOf returns the records of what packChunk has packed, or of what was packed
// before that, in one piece.
func (p *packer) recordsOf(packed []byte) (*chunkRecords, error) {
	c := &chunkRecords{packer: p}
	if len(packed) > 0 && packed[0] == isBlocks {
		c.packed = packed[1:]
		return c, nil
	}
	text, err := p.unpackTo(p.room(), packed)
	c.text, c.end = text, math.MaxInt
	return c, err
}

// record returns a copy of the nth record, which does not keep the chunk in memory.
func (c *chunkRecords) record(n int) (string, error) {
	if n < c.first || n >= c.end {
		if err := c.unpackFor(n); err != nil {
			return "", err
		}
	}
	if n < c.n {
		c.at, c.n = 0, c.first
	}
	for {
		size, w := binary.Uvarint(c.text[c.at:])
		from := c.at + w
		if w <= 0 || size > uint64(len(c.text)-from) {
			return "", errChunk
		}
		if c.n == n {
			return string(c.text[from : from+int(size)]), nil
		}
		c.at, c.n = from+int(size), c.n+1
	}
}

// unpackFor unpacks the block that has the nth record.
func (c *chunkRecords) unpackFor(n int) error {
	c.release()
	first := 0
	for left := c.packed; len(left) >= blockHead; {
		records, size := binary.BigEndian.Uint32(left), binary.BigEndian.Uint32(left[4:])
		left = left[blockHead:]
		if uint64(size) > uint64(len(left)) {
			break
		}
		if end := first + int(records); n >= first && n < end {
			text, err := appendS2(c.packer.room(), left[:size])
			if err != nil {
				return err
			}
			c.text, c.first, c.end, c.at, c.n = text, first, end, 0, first
			return nil
		}
		first, left = first+int(records), left[size:]
	}
	return errChunk
}

// release gives back the memory that records were unpacked to. Records that were
// returned have nothing of it.
func (c *chunkRecords) release() {
	c.packer.giveBack(c.text)
	c.text, c.first, c.end, c.at, c.n = nil, 0, 0, 0, 0
}
