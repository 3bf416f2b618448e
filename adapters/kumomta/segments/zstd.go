package segments

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

var errNoFrame = errors.New("no frame")

// decoders keeps decoders, for one holds a window of several MB.
type decoders struct{ pool sync.Pool }

// get returns a decoder. Without concurrency of its own it leaves nothing to be
// closed, reads not a byte beyond its block, and returns what it has before it
// reads on.
func (d *decoders) get() (*zstd.Decoder, error) {
	if kept, ok := d.pool.Get().(*zstd.Decoder); ok {
		return kept, nil
	}
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(largestWindow))
}

func (d *decoders) put(used *zstd.Decoder) {
	if used.Reset(nil) == nil {
		d.pool.Put(used)
	}
}

// unzstd reads frames into lines, and says what it passes over where they are
// broken. It returns io.ErrUnexpectedEOF where the source ends within a frame.
func unzstd(from *source, into *lines, with *decoders) error {
	decoder, err := with.get()
	if err != nil {
		return err
	}
	defer with.put(decoder)
	u := unpacking{from: from, into: into, decoder: decoder}
	for {
		if err := u.next(); err != nil {
			return u.end(err)
		}
	}
}

// unpacking is a file of frames being read.
type unpacking struct {
	from    *source
	into    *lines
	decoder *zstd.Decoder

	broken error // why there is a gap, nil without one
	gap    int64 // where it begins
	within int64 // a frame that begins before it was appended to one without an end
	short  bool  // it is only that the source ended there
}

// next reads one frame, or passes over what is none. io.EOF is the end.
func (u *unpacking) next() error {
	start, err := u.from.peek(4)
	switch {
	case len(start) == 0:
		return err
	case len(start) < 4 && !errors.Is(err, io.EOF):
		return err
	case len(start) < 4 && u.broken == nil && bytes.HasPrefix(zstdMagic, start):
		u.fault(io.ErrUnexpectedEOF, u.from.at, true)
		return err
	case bytes.Equal(start, zstdMagic):
		return u.frame()
	case len(start) == 4 && isSkippable(start) && u.broken == nil:
		return u.skippable()
	}
	u.fault(errNoFrame, u.from.at, false)
	return u.search()
}

func isSkippable(magic []byte) bool { return binary.LittleEndian.Uint32(magic)&^0xf == 0x184d2a50 }

func (u *unpacking) skippable() error {
	at := u.from.at
	start, err := u.from.peek(8)
	if len(start) == 8 {
		err = u.from.skip(8 + int64(binary.LittleEndian.Uint32(start[4:])))
	}
	if errors.Is(err, io.EOF) {
		u.fault(io.ErrUnexpectedEOF, at, true)
	}
	return err
}

// frame reads a frame. In a gap it is one only if something can be read.
func (u *unpacking) frame() error {
	f := &frame{from: u.from, at: u.from.at, begun: u.from.at}
	if err := u.decoder.Reset(f); err != nil {
		return err
	}
	var text io.Reader = u.decoder
	if u.broken != nil {
		var first [1]byte
		n, err := u.decoder.Read(first[:])
		if n == 0 && (!errors.Is(err, io.EOF) || f.part != frameEnd) {
			return u.frameFault(f, err)
		}
		u.closeGap(f.begun)
		text = io.MultiReader(bytes.NewReader(first[:n]), u.decoder)
	}
	err := u.into.readFrom(text)
	if err == nil && f.part != frameEnd {
		err = io.ErrUnexpectedEOF // the decoder takes a frame without any header for an end
	}
	if err != nil {
		return u.frameFault(f, err)
	}
	return nil
}

// frameFault goes on behind what of f cannot be read. Where a frame was never
// finished and another was appended, its last block seems to run over into that:
// so it looks from the block before on. Segments have no checksum, so such a
// block may be unpacked, into a line of garbage at most, before the fault shows.
func (u *unpacking) frameFault(f *frame, err error) error {
	switch {
	case u.into.stopped != nil:
		return u.into.stopped
	case u.from.failed != nil:
		return u.from.failed
	}
	if u.fault(err, f.at, f.short) {
		u.within = max(u.from.at, u.within)
	}
	f.giveBack()
	return u.search()
}

// fault begins a gap, if there is none.
func (u *unpacking) fault(why error, at int64, short bool) bool {
	if u.broken != nil {
		return false
	}
	u.broken, u.gap, u.within, u.short = why, at, at+1, short
	return true
}

// search goes to what looks like the next frame.
func (u *unpacking) search() error {
	for {
		here, err := u.from.here(len(zstdMagic))
		if i := bytes.Index(here, zstdMagic); i >= 0 {
			u.from.pass(i)
			return nil
		}
		if len(here) < len(zstdMagic) {
			u.from.pass(len(here))
			return err
		}
		u.from.pass(len(here) - len(zstdMagic) + 1)
	}
}

// closeGap tells of the gap that ends before to.
func (u *unpacking) closeGap(to int64) {
	why := u.broken.Error()
	if u.short || to < u.within {
		why = "a frame that was never finished"
	}
	u.into.cut()
	u.into.lose(fmt.Sprintf("bytes %d to %d: %s", min(u.gap, to), to, why))
	u.broken = nil
}

// end tells of what is left at the end of what can be read.
func (u *unpacking) end(err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case u.broken == nil:
		return nil
	case u.short:
		return io.ErrUnexpectedEOF
	}
	u.closeGap(u.from.at)
	return nil
}
