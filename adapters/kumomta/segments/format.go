package segments

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// errForeign says that a file is no log file.
var errForeign = errors.New("neither text nor zstd nor gzip")

// unpack reads what the source has into lines, whatever it is packed in.
func unpack(from *source, into *lines, with *decoders) error {
	start, err := from.peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch {
	case len(start) == 4 && (bytes.Equal(start, zstdMagic) || isSkippable(start)):
		return unzstd(from, into, with)
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		return ungzip(from, into)
	case len(start) > 0 && len(start) < 4 && bytes.HasPrefix(zstdMagic, start):
		return io.ErrUnexpectedEOF
	}
	if start, err = from.here(len(start)); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !isText(start[:min(len(start), headSize)]) {
		return errForeign
	}
	return into.readFrom(from)
}

// isText tells lines of any encoding that has ASCII in it from other content.
func isText(start []byte) bool {
	return bytes.IndexFunc(start, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != '\x1b'
	}) < 0
}

// ungzip reads the members of a gzip file into lines. What is behind a broken
// one is lost.
func ungzip(from *source, into *lines) error {
	buffered := bufio.NewReaderSize(from, 64<<10)
	packed, err := gzip.NewReader(buffered)
	if err == nil {
		err = into.readFrom(packed)
	}
	switch {
	case into.stopped != nil:
		return into.stopped
	case from.failed != nil:
		return from.failed
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	into.cut()
	into.lose(fmt.Sprintf("bytes from about %d on: %s", from.at-int64(buffered.Buffered()), err))
	return nil
}
