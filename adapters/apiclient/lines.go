package apiclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// maxLine bounds a line, and so what is held of an answer that comes in lines:
// more than any record that the service takes.
const maxLine = 128 << 20

// lines returns the lines of r without their ends, each to be used until the next.
// The last must have an end too, or the error is io.ErrUnexpectedEOF.
func lines(r io.Reader, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in, long := bufio.NewReaderSize(r, 64<<10), []byte(nil)
		for {
			line, err := in.ReadSlice('\n')
			if errors.Is(err, bufio.ErrBufferFull) && len(long) < maxLine {
				long = append(long, line...)
				continue
			}
			if len(long) > 0 {
				line = append(long, line...)
				long = line[:0]
			}
			switch {
			case errors.Is(err, io.EOF) && len(line) == 0:
				return
			case errors.Is(err, io.EOF):
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				yield(nil, fmt.Errorf("%s: read the answer: %w", name, err))
				return
			}
			if !yield(bytes.TrimRight(line, "\r\n"), nil) {
				return
			}
		}
	}
}
