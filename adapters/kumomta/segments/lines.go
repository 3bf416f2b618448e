package segments

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"
)

// Sizes of the buffer that lines are cut in. Its text is handed on as it is, so
// it is also about the size of a slice.
const (
	bufferSize = 1 << 20
	leastRead  = 32 << 10
)

// piece is some lines: count of them, skipped ones included.
type piece struct {
	text                  string
	first, count, skipped int64
	lost                  string
}

// lines cuts a text into lines and hands on those that may be records. The
// buffer holds, in this order: lines taken, from base to kept; what was skipped;
// the line that is not whole yet, from line to end; room.
type lines struct {
	emit    func(piece) error
	longest int   // bytes of a line that is taken
	behind  int64 // lines to pass over: they are done

	buffer                []byte
	base, kept, line, end int
	shared                bool  // some of the buffer is handed on, so it cannot be used again
	tooLong               int64 // bytes of the line that were let go of

	next    piece // without its text
	stopped error // what emit said
}

// readFrom takes all that r has. Its error is that of r or of emit.
func (l *lines) readFrom(r io.Reader) error {
	for {
		if err := l.room(); err != nil {
			return err
		}
		n, err := r.Read(l.buffer[l.end:])
		l.scan(n)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// room makes some at the buffer's end.
func (l *lines) room() error {
	if len(l.buffer)-l.end >= leastRead {
		return nil
	}
	if err := l.flush(); err != nil {
		return err
	}
	rest := l.buffer[l.line:l.end]
	size := bufferSize
	for size < 2*len(rest) {
		size *= 2
	}
	size = max(min(size, l.longest+bufferSize), len(rest)+2*leastRead)
	to := l.buffer
	if l.shared || len(to) < size || len(to) > 2*size {
		to, l.shared = make([]byte, size), false
	}
	l.base, l.kept, l.line, l.end = 0, 0, 0, copy(to, rest)
	l.buffer = to
	return nil
}

// scan takes the lines that end in the n bytes just read.
func (l *lines) scan(n int) {
	from := l.end
	l.end += n
	for {
		i := bytes.IndexByte(l.buffer[from:l.end], '\n')
		if i < 0 {
			break
		}
		l.take(from+i, from+i+1)
		from = l.line
	}
	if l.tooLong > 0 || l.end-l.line > l.longest {
		l.tooLong += int64(l.end - l.line)
		l.end = l.line
	}
}

// take takes the line up to its end at to; the next begins at next.
func (l *lines) take(to, next int) {
	text := l.buffer[l.line:next]
	size := l.tooLong + int64(to-l.line)
	l.tooLong = 0
	l.line = next
	if l.behind > 0 {
		l.behind--
		l.base, l.kept = next, next
		return
	}
	l.next.count++
	switch {
	case size > int64(l.longest):
		l.next.skipped++
		l.lose(fmt.Sprintf("line %d has %d bytes, more than the %d that are taken", l.next.first+l.next.count, size, l.longest))
	case mayBeRecord(text):
		if l.kept != next-len(text) {
			copy(l.buffer[l.kept:], text)
		}
		l.kept += len(text)
	case len(bytes.TrimSpace(text)) > 0:
		l.next.skipped++
	}
}

// lose says what cannot be read, unless that is within what is done: then it was
// said.
func (l *lines) lose(what string) {
	if l.behind > 0 {
		return
	}
	if l.next.lost != "" {
		what = l.next.lost + "; " + what
	}
	l.next.lost = what
}

// flush hands on what was taken. It leaves the line that is not whole where it
// is, so that it may be called while the rest of the buffer is being read into.
func (l *lines) flush() error {
	if l.next.count == 0 && l.next.lost == "" {
		return nil
	}
	l.stopped = l.emit(l.rest())
	return l.stopped
}

// rest returns what was taken and is not handed on yet.
func (l *lines) rest() piece {
	p := l.next
	if l.kept > l.base {
		p.text = unsafe.String(&l.buffer[l.base], l.kept-l.base)
		l.shared = true
	}
	l.base, l.kept = l.line, l.line
	l.next = piece{first: p.first + p.count}
	return p
}

// open says whether a line has begun.
func (l *lines) open() bool { return l.end > l.line || l.tooLong > 0 }

// cut ends a line that has no end, because what follows it cannot be read.
func (l *lines) cut() {
	if !l.open() {
		return
	}
	l.end = l.line
	if l.tooLong = 0; l.behind > 0 {
		l.behind--
		return
	}
	l.next.count++
	l.next.skipped++
}

// finish ends the file's last line if it has none, and says whether it was cut.
// One that is whole JSON is whole. Of a file that is not final the rest of a cut
// line may come, so that it does not count.
func (l *lines) finish(final bool) (cut bool) {
	if !l.open() {
		return false
	}
	if l.tooLong == 0 && json.Valid(l.buffer[l.line:l.end]) {
		l.take(l.end, l.end)
		return false
	}
	if final {
		l.cut()
	}
	return true
}

// accounting is how records of KumoMTA's accounting logs begin, which are told
// from those of mail by nothing else (its kumo-server-common, acct.rs).
var accounting = [][]byte{[]byte(`{"type":"Authentication",`), []byte(`{"type":"Authorization",`)}

// mayBeRecord tells a line that begins like a record, or an array of them, from
// those of templates, headers and accounting.
func mayBeRecord(line []byte) bool {
	line = bytes.TrimLeft(bytes.TrimPrefix(line, []byte("\uFEFF")), " \t\r")
	if len(line) < 2 || line[0] != '{' && line[0] != '[' {
		return false
	}
	rest := bytes.TrimLeft(line[1:], " \t")
	if len(rest) == 0 {
		return false
	}
	if line[0] == '[' {
		return rest[0] == '{' || rest[0] == ']'
	}
	return rest[0] == '}' || rest[0] == '"' && !bytes.HasPrefix(line, accounting[0]) && !bytes.HasPrefix(line, accounting[1])
}
