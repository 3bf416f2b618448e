package segments

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/kumotrail/kumotrail/ports"
)

// Why a reading of a file ends that could go on.
var (
	errShrank = errors.New("the file became shorter while it was read")
	errLetGo  = errors.New("let go of")
)

// unknownSize is that of a stream.
const unknownSize = -1

// isFinished says whether the MTA is done with a file: then it takes away every
// right to write.
func isFinished(info fs.FileInfo) bool { return info.Mode().Perm()&0o222 == 0 }

// growing reads a file that may still grow. At what is its end for now it asks
// wait, which returns nil when there may be more, io.EOF when the file is gone.
// Without wait it ends there.
type growing struct {
	ctx  context.Context //nolint:containedctx // an io.Reader has no other way to hear of it
	file *os.File
	wait func(fs.FileInfo) error
	at   int64
	last fs.FileInfo // as the file was when it was looked at last
	gone bool
}

// Read implements io.Reader.
func (g *growing) Read(p []byte) (int, error) {
	for {
		if err := g.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := g.file.Read(p)
		if g.at += int64(n); n > 0 || !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := g.end(); err != nil {
			return 0, err
		}
	}
}

// end says whether the file ends here. Mode and size are of one moment, so a
// finished file of this size has no more.
func (g *growing) end() error {
	info, err := g.file.Stat()
	if err != nil {
		return err
	}
	g.last = info
	switch {
	case info.Size() > g.at:
		return nil
	case info.Size() < g.at:
		return errShrank
	case isFinished(info) || g.wait == nil:
		return io.EOF
	}
	err = g.wait(info)
	g.gone = errors.Is(err, io.EOF)
	return err
}

// known says what is known of the file now.
func (g *growing) known() (size int64, finished bool) {
	info, err := g.file.Stat()
	if err != nil {
		return g.at, false
	}
	return info.Size(), g.gone || isFinished(info)
}

// reading is one file being read.
type reading struct {
	name string
	mark ports.Mark // where it goes on from
	stat func() (size int64, finished bool)
	send func(ports.Slice) error
	with *decoders

	from *source
	into *lines
}

// newReading begins to read from in as r says.
func newReading(r reading, in io.Reader, longest int) *reading {
	r.from = newSource(in)
	r.into = &lines{longest: longest, emit: r.emit}
	return &r
}

// read reads to the end. Its error is that of ctx, or errLetGo, or errShrank.
func (r *reading) read() error {
	if done, err := r.resume(); done || err != nil {
		return err
	}
	err := unpack(r.from, r.into, r.with)
	switch {
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		return r.last(err != nil)
	case errors.Is(err, errForeign):
		return r.pass("no log file: " + err.Error())
	default:
		return r.failed(err)
	}
}

// resume goes to the mark if it is of this file. It says whether all was done.
func (r *reading) resume() (done bool, err error) {
	size, finished := r.stat()
	known := size == unknownSize || size >= r.mark.Size
	if known {
		if known, err = r.from.beginsWith(r.mark.Head); err != nil {
			return false, r.failed(err)
		}
	}
	if !known {
		r.mark = ports.Mark{}
	}
	if r.mark.Done && finished && r.mark.Size == size {
		return true, r.pass("done before")
	}
	r.into.behind, r.into.next.first = r.mark.Lines, r.mark.Lines
	return false, nil
}

// emit sends some lines.
func (r *reading) emit(p piece) error { return r.send(r.slice(p)) }

func (r *reading) slice(p piece) ports.Slice {
	size, _ := r.stat()
	size = max(size, 0)
	return ports.Slice{
		File: r.name, Text: p.text, First: p.first, Lines: p.count, Skipped: p.skipped, Lost: p.lost,
		Read: r.from.at, Size: size,
		Mark: ports.Mark{Lines: p.first + p.count, Size: min(r.from.at, size), Head: r.from.head.String()},
	}
}

// last sends what is left at the end.
func (r *reading) last(cut bool) error {
	size, finished := r.stat()
	if r.into.finish(finished) {
		cut = true
	}
	if missing := r.into.behind; missing > 0 {
		r.into.behind = 0
		r.into.lose(fmt.Sprintf("%d of the lines that were read before", missing))
	}
	s := r.slice(r.into.rest())
	s.Cut, s.Done = cut, finished
	if size != unknownSize {
		s.Read, s.Size = size, size
		s.Mark.Done, s.Mark.Size = finished, size
	}
	return r.send(s)
}

// pass passes the file over.
func (r *reading) pass(why string) error {
	size, finished := r.stat()
	size = max(size, 0)
	return r.send(ports.Slice{
		File: r.name, First: r.mark.Lines, Read: size, Size: size, Mark: r.mark, Passed: why, Done: finished,
	})
}

// failed says that the rest of the file cannot be read now.
func (r *reading) failed(err error) error {
	switch {
	case r.into.stopped != nil:
		return r.into.stopped
	case errors.Is(err, errLetGo), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	s := r.slice(r.into.rest())
	if s.Lost != "" {
		s.Lost += "; "
	}
	s.Lost += fmt.Sprintf("bytes from %d on: %v", r.from.at, reason(err))
	s.Read = max(s.Read, s.Size)
	if sent := r.send(s); sent != nil || !errors.Is(err, errShrank) {
		return sent
	}
	return errShrank
}

// reason is an error of the file system without the path, which the slice has.
func reason(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
