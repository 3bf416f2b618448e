package segments

import (
	"bytes"
	"errors"
	"io"
)

// Figures of the format (RFC 8878), and the largest window that the zstd tool
// takes unasked. That of KumoMTA's highest level is half of it.
const (
	largestBlock  = 128 << 10
	largestWindow = 128 << 20
	// emptyBlocks is how many blocks without content there may be in a row. A
	// file that a crash left full of zeros looks like nothing else.
	emptyBlocks = 16
)

var (
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
	errBlock  = errors.New("no block of a frame")
	errZeros  = errors.New("blocks without content")
)

// The parts of a frame.
const (
	frameHeader = iota
	frameBlock
	frameChecksum
	frameEnd
)

// frame reads the bytes of one frame, and knows where its blocks are.
type frame struct {
	from     *source
	part     int
	left     int // bytes of the part that are to be read
	checksum bool
	last     bool
	empty    int // blocks in a row

	// What was read of this block (header, checksum) and of the one before, for
	// whoever has to look at them again; and where this begins.
	block, before []byte
	at, begun     int64

	short bool // the source ended
}

// Read implements io.Reader.
func (f *frame) Read(p []byte) (int, error) {
	if f.left == 0 {
		if err := f.begin(); err != nil {
			return 0, f.fail(err)
		}
		if f.part == frameEnd {
			return 0, io.EOF
		}
	}
	n, err := f.from.Read(p[:min(len(p), f.left)])
	f.block = append(f.block, p[:n]...)
	f.left -= n
	if err != nil {
		return n, f.fail(err)
	}
	return n, nil
}

func (f *frame) fail(err error) error {
	if errors.Is(err, io.EOF) {
		f.short, err = true, io.ErrUnexpectedEOF
	}
	return err
}

// begin begins the next part.
func (f *frame) begin() error {
	f.block, f.before = f.before[:0], f.block
	f.at = f.from.at
	switch {
	case f.part == frameHeader && len(f.before) == 0:
		return f.header()
	case f.last && f.checksum:
		f.part, f.checksum, f.left = frameChecksum, false, 4
		return nil
	case f.last:
		f.part = frameEnd
		return nil
	}
	f.part = frameBlock
	return f.blockHeader()
}

// header begins the frame header, whose fifth byte says how long it is.
func (f *frame) header() error {
	start, err := f.from.peek(5)
	if len(start) < 5 {
		return err
	}
	descriptor := start[4]
	single := descriptor>>5&1 == 1
	f.checksum = descriptor>>2&1 == 1
	f.left = 5 + []int{0, 1, 2, 4}[descriptor&3]
	if !single {
		f.left++ // the window
	}
	if size := descriptor >> 6; size > 0 {
		f.left += 1 << size
	} else if single {
		f.left++
	}
	return nil
}

// blockHeader begins a block.
func (f *frame) blockHeader() error {
	const raw, rle, reserved = 0, 1, 3
	start, err := f.from.peek(3)
	if len(start) < 3 {
		return err
	}
	head := int(start[0]) | int(start[1])<<8 | int(start[2])<<16
	kind, size := head>>1&3, head>>3
	if kind == reserved || size > largestBlock {
		return errBlock
	}
	if f.last = head&1 == 1; size > 0 || f.last {
		f.empty = 0
	} else if f.empty++; f.empty > emptyBlocks {
		return errZeros
	}
	if f.left = 3 + size; kind == rle {
		f.left = 3 + 1
	}
	if kind == raw && f.hasMagic() {
		return errBlock
	}
	return nil
}

// hasMagic says whether a frame begins in the block. No text has its magic: it is
// not UTF-8. Of the kinds of blocks only one that is not packed could be read
// though it runs over into the next frame.
func (f *frame) hasMagic() bool {
	block, _ := f.from.peek(f.left) // as much as there is
	return bytes.Contains(block, zstdMagic)
}

// giveBack gives the last two parts back to the source, but for the first byte
// of the frame, by which it would be found again.
func (f *frame) giveBack() {
	f.from.unread(append(bytes.Clone(f.before), f.block...))
	if f.from.at == f.begun {
		f.from.pass(1)
	}
}
