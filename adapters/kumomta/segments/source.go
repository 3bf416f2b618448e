package segments

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	readAhead = 256 << 10
	headSize  = 4096
)

// source is the bytes of a file from its start, with what was read given back.
type source struct {
	from   *bufio.Reader
	back   []byte // to be read before from
	at     int64  // place of the next byte
	head   header
	failed error // by which reading ended, if that is not the end
}

// newSource reads r, which must give io.EOF again once it did.
func newSource(r io.Reader) *source {
	s := &source{}
	s.from = bufio.NewReaderSize(io.TeeReader(r, &s.head), readAhead)
	return s
}

// peek returns the next n bytes without taking them, fewer with the error that
// ended them. n is at most readAhead.
func (s *source) peek(n int) ([]byte, error) {
	if len(s.back) >= n {
		return s.back[:n], nil
	}
	more, err := s.from.Peek(n - len(s.back))
	s.note(err)
	if len(s.back) == 0 {
		return more, err
	}
	return append(slices.Clip(s.back), more...), err
}

func (s *source) note(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
}

// here returns the bytes that can be had without reading, and reads some if
// there are fewer than least.
func (s *source) here(least int) ([]byte, error) {
	return s.peek(min(max(least, len(s.back)+s.from.Buffered()), readAhead))
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (n int, err error) {
	if len(s.back) > 0 {
		n = copy(p, s.back)
		s.back = s.back[n:]
	} else {
		n, err = s.from.Read(p)
		s.note(err)
	}
	s.at += int64(n)
	return n, err
}

// pass passes over n bytes that were peeked at.
func (s *source) pass(n int) {
	fromBack := min(n, len(s.back))
	s.back = s.back[fromBack:]
	skipped, _ := s.from.Discard(n - fromBack) // they are buffered
	s.at += int64(fromBack + skipped)
}

// skip passes over n bytes that may not be here yet.
func (s *source) skip(n int64) error {
	_, err := io.CopyN(io.Discard, s, n)
	return err
}

// unread gives back the last bytes that were read.
func (s *source) unread(p []byte) {
	s.back = append(slices.Clip(p), s.back...)
	s.at -= int64(len(p))
}

// header keeps the first bytes that are written to it, and makes of them what
// tells a file from another.
type header struct {
	bytes []byte
	text  string
}

// Write implements io.Writer.
func (h *header) Write(p []byte) (int, error) {
	if more := min(len(p), headSize-len(h.bytes)); more > 0 {
		h.bytes, h.text = append(h.bytes, p[:more]...), ""
	}
	return len(p), nil
}

func (h *header) String() string {
	if h.text == "" {
		h.text = headOf(h.bytes)
	}
	return h.text
}

// headOf is how many bytes were looked at and their hash: a file that grew has
// the same with as many.
func headOf(first []byte) string {
	sum := sha256.Sum256(first)
	return fmt.Sprintf("%d:%s", len(first), hex.EncodeToString(sum[:12]))
}

// beginsWith says whether the file begins as the one did that head is of.
func (s *source) beginsWith(head string) (bool, error) {
	if head == "" {
		return true, nil
	}
	digits, _, _ := strings.Cut(head, ":")
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || n > headSize {
		return false, nil //nolint:nilerr // what is no head is no file's
	}
	first, err := s.peek(int(n))
	if len(first) < int(n) {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return false, err
	}
	return headOf(first) == head, nil
}
