package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unsafe"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kumotrail/kumotrail/application"
)

var (
	errTooLarge = errors.New("body over the limit")
	errCutOff   = errors.New("body cut off")
)

// unknownEncodingError: a Content-Encoding that cannot be undone here.
type unknownEncodingError struct{ encoding string }

func (e *unknownEncodingError) Error() string { return "unknown content encoding" }

// encodingError: bytes that are not what their Content-Encoding says.
type encodingError struct {
	encoding string
	err      error
}

func (e *encodingError) Error() string {
	return fmt.Sprintf("the body is not whole %s: %v", e.encoding, e.err)
}

// bodies reads request bodies within a limit for each and a budget for all.
type bodies struct {
	budget *application.Budget
	limit  int64
}

// body is a request body, decompressed. taken is what it holds of the budget.
type body struct {
	text  string
	taken int64
}

// read reads a request's body. The caller gives body.taken back also after an
// error. With an encodingError text is what was sent.
func (b *bodies) read(r *http.Request) (body, error) {
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	decompress, ok := decompressors[encoding]
	if !ok || len(r.Header.Values("Content-Encoding")) > 1 {
		return body{}, &unknownEncodingError{encoding}
	}
	if r.ContentLength > b.limit {
		return body{}, errTooLarge
	}
	sent := buffer{bodies: b}
	if err := sent.fill(r.Body, r.ContentLength); err != nil || decompress == nil || len(sent.bytes) == 0 {
		return sent.body(), err // nothing is nothing in every encoding
	}
	reader, err := decompress(bytes.NewReader(sent.bytes))
	if err != nil {
		return sent.body(), &encodingError{encoding, err}
	}
	defer reader.Close()
	plain := buffer{bodies: b, taken: sent.taken}
	err = plain.fill(reader, -1)
	if errors.Is(err, errCutOff) || tooMuchWindow(err) {
		sent.taken = plain.taken
		return sent.body(), &encodingError{encoding, err}
	}
	return plain.body(), err
}

// knownEncodings are those to choose from.
const knownEncodings = "gzip, zstd"

// decompressors by Content-Encoding; nil for none.
var decompressors = map[string]func(io.Reader) (io.ReadCloser, error){
	"":         nil,
	"identity": nil,
	"gzip":     func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	"x-gzip":   func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) },
	"zstd": func(r io.Reader) (io.ReadCloser, error) {
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	},
}

// maxWindow is what a zstd frame may ask us to remember, that of level 19.
const maxWindow = 8 << 20

func tooMuchWindow(err error) bool {
	return errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded)
}

// buffer grows within the budget, by what it took before it reads.
type buffer struct {
	*bodies
	bytes []byte
	taken int64
}

// firstBytes is the room for a body of unknown length.
const firstBytes = 64 << 10

// fill reads all of r, whose length is expected if that is not negative.
func (b *buffer) fill(r io.Reader, expected int64) error {
	if expected < 0 {
		expected = firstBytes
	}
	if err := b.grow(expected); err != nil {
		return err
	}
	for {
		if len(b.bytes) == cap(b.bytes) {
			// One byte more tells a body that just fits from one that goes on.
			var one [1]byte
			if n, err := io.ReadFull(r, one[:]); n == 0 {
				return ended(err)
			}
			if err := b.grow(int64(max(cap(b.bytes), firstBytes))); err != nil {
				return err
			}
			b.bytes = append(b.bytes, one[0])
		}
		n, err := r.Read(b.bytes[len(b.bytes):cap(b.bytes)])
		b.bytes = b.bytes[:len(b.bytes)+n]
		if err != nil {
			return ended(err)
		}
	}
}

// grow makes room for n bytes more, at most up to the limit.
func (b *buffer) grow(n int64) error {
	size := int64(len(b.bytes))
	if size >= b.limit && n > 0 {
		return errTooLarge
	}
	n = min(n, b.limit-size)
	if err := b.budget.Take(n); err != nil {
		return err
	}
	b.taken += n
	larger := make([]byte, size, size+n)
	copy(larger, b.bytes)
	b.bytes = larger
	return nil
}

func ended(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("%w: %w", errCutOff, err)
}

// body hands the bytes over as text. Nothing writes to them from here on, so
// that events can share them.
func (b *buffer) body() body {
	return body{text: unsafe.String(unsafe.SliceData(b.bytes), len(b.bytes)), taken: b.taken}
}
