package sqlstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

var errChunk = errors.New("raw records are damaged or gone")

// packer compresses. It is safe for concurrent use.
type packer struct {
	zstd *zstd.Decoder
	// rooms are buffers that blocks were unpacked to. A block is 128 KiB, or a
	// megabyte of before, and what it is unpacked for a few records of it.
	rooms sync.Pool // of *[]byte
}

// room returns an empty buffer.
func (p *packer) room() []byte {
	if room, ok := p.rooms.Get().(*[]byte); ok {
		return (*room)[:0]
	}
	return nil
}

// giveBack takes a buffer that nobody uses any more.
func (p *packer) giveBack(room []byte) {
	if cap(room) > 0 && cap(room) <= maxIdleBuffer {
		p.rooms.Put(&room)
	}
}

// What stands before what is packed: as a block of S2, or as blocks of a chunk's records,
// each behind the number of these and its size, of 4 bytes each. What was packed before
// that is a frame of zstd, which begins with another byte (RFC 8878, section 3.1.1).
//
// S2 makes of a unit's records twice the bytes that zstd makes at its fastest level, 85
// a record instead of 47 of 1,000, and takes a quarter of the time, 0.3 us a record:
// there zstd was more than half of what a commit costs the service.
const (
	isS2     = 0
	isBlocks = 1
)

const blockHead = 8

func newPacker() (*packer, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, fmt.Errorf("zstd decoder: %w", err)
	}
	return &packer{zstd: dec}, nil
}

// pack returns raw as one block.
func (p *packer) pack(raw []byte) []byte {
	packed := make([]byte, 1+s2.MaxEncodedLen(len(raw)))
	packed[0] = isS2
	return packed[:1+len(s2.Encode(packed[1:], raw))]
}

// packChunk appends the chunk's records to dst.
func (p *packer) packChunk(dst []byte, c *chunk) []byte {
	dst = append(dst, isBlocks)
	var from chunkPart
	for _, to := range append(c.blocks, chunkPart{c.n, len(c.buf)}) {
		if to == from {
			break
		}
		text := c.buf[from.bytes:to.bytes]
		dst = slices.Grow(dst, blockHead+s2.MaxEncodedLen(len(text)))
		head := dst[len(dst) : len(dst)+blockHead]
		block := s2.Encode(dst[len(dst)+blockHead:cap(dst)], text)
		binary.BigEndian.PutUint32(head, uint32(to.n-from.n))
		binary.BigEndian.PutUint32(head[4:], uint32(len(block)))
		dst, from = dst[:len(dst)+blockHead+len(block)], to
	}
	return dst
}

// unpack returns what pack was given.
func (p *packer) unpack(packed []byte) (string, error) {
	raw, err := p.unpackTo(nil, packed)
	return string(raw), err
}

// unpackTo appends to dst.
func (p *packer) unpackTo(dst, packed []byte) (raw []byte, err error) {
	if len(packed) > 0 && packed[0] == isS2 {
		return appendS2(dst, packed[1:])
	}
	raw, err = p.zstd.DecodeAll(packed, dst)
	if err != nil {
		return nil, damaged(packed, err)
	}
	return raw, nil
}

func damaged(packed []byte, err error) error {
	return fmt.Errorf("%w: %d bytes: %w", errChunk, len(packed), err)
}

// appendS2 appends what a block holds.
func appendS2(dst, block []byte) ([]byte, error) {
	n, err := s2.DecodedLen(block)
	if err != nil {
		return nil, damaged(block, err)
	}
	dst = slices.Grow(dst, n)
	raw, err := s2.Decode(dst[len(dst):len(dst)+n], block)
	if err != nil {
		return nil, damaged(block, err)
	}
	return dst[:len(dst)+len(raw)], nil
}

func (p *packer) close() { p.zstd.Close() }
