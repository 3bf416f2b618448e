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

// isFinished says whether the MTA is done with a file: then it takes away every
// right to write.
func isFinished(info fs.FileInfo) bool { return info.Mode().Perm()&0o222 == 0 }

// growing reads a file that may still grow. At what is its end for now it asks
// wait, which returns nil when there may be more, io.EOF when there will not.
type growing struct {
	ctx  context.Context //nolint:containedctx // an io.Reader has no other way to hear of it
	file *os.File
	wait func(fs.FileInfo) error
	at   int64
}

// Read implements io.Reader.
func (g *growing) Read(p []byte) (int, error) {
	for {
		if err := g.ctx.Err(); err != nil {
			return 0, err
		}
		n, err := g.file.Read(p)
		if g.at += int64(n); n > 0 || err != io.EOF {
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
	switch {
	case err != nil:
		return err
	case info.Size() > g.at:
		return nil
	case info.Size() < g.at:
		return errShrank
	case isFinished(info):
		return io.EOF
	}
	return g.wait(info)
}

// known says what is known of the file now.
func (g *growing) known() (size int64, finished bool) {
	info, err := g.file.Stat()
	if err != nil {
		return g.at, false
	}
	return info.Size(), isFinished(info)
}

// reading is one file being read.
type reading struct {
	name string
	from *source
	into *lines
	mark ports.Mark // where it goes on from
	stat func() (size int64, finished bool)
	send func(ports.Slice) error
}

// newReading reads r. stat says what is known of the file now.
func newReading(name string, r io.Reader, longest int, mark ports.Mark, stat func() (int64, bool), send func(ports.Slice) error) *reading {
	of := &reading{name: name, from: newSource(r), mark: mark, stat: stat, send: send}
	of.into = &lines{longest: longest, emit: of.emit}
	return of
}

// read reads to the end. Its error is that of the reader's, or of send.
func (r *reading) read() error {
	size, finished := r.stat()
	known, err := r.from.beginsWith(r.mark.Head)
	switch {
	case err != nil:
		return r.failed(err)
	case !known:
		r.mark = ports.Mark{}
	case r.mark.Done && finished && r.mark.Size == size:
		return r.pass("done before")
	}
	r.into.behind, r.into.next.first = r.mark.Lines, r.mark.Lines
	switch err := unpack(r.from, r.into); {
	case err == nil, err == io.ErrUnexpectedEOF:
		return r.last(err != nil)
	case err == errForeign:
		return r.pass("no log file: " + err.Error())
	default:
		return r.failed(err)
	}
}

// emit sends some lines.
func (r *reading) emit(p piece) error { return r.send(r.slice(p)) }

func (r *reading) slice(p piece) ports.Slice {
	size, _ := r.stat()
	return ports.Slice{
		File: r.name, Text: p.text, First: p.first, Lines: p.count, Skipped: p.skipped, Lost: p.lost,
		Read: r.from.at, Size: size,
		Mark: ports.Mark{Lines: p.first + p.count, Head: r.from.head.String()},
	}
}

// last sends what is left at the end.
func (r *reading) last(cut bool) error {
	size, finished := r.stat()
	if r.into.finish(finished) {
		cut = true
	}
	if missing := r.into.behind; missing > 0 {
		r.into.lose(fmt.Sprintf("%d of the lines that were read before", missing))
	}
	return r.sendLast(cut, size, finished)
}

func (r *reading) sendLast(cut bool, size int64, finished bool) error {
	p := r.into.rest()
	s := r.slice(p)
	s.Cut, s.Done = cut, finished
	s.Read, s.Size = max(s.Read, size), size
	// A stream has no size, so that its end cannot be told from another's.
	s.Mark.Done, s.Mark.Size = finished && size > 0, size
	return r.send(s)
}

// pass passes the file over.
func (r *reading) pass(why string) error {
	size, finished := r.stat()
	return r.send(ports.Slice{
		File: r.name, First: r.mark.Lines, Read: size, Size: size, Mark: r.mark, Passed: why, Done: finished,
	})
}

// failed says that the rest of the file cannot be read now.
func (r *reading) failed(err error) error {
	switch {
	case r.into.stopped != nil:
		return r.into.stopped
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	p := r.into.rest()
	s := r.slice(p)
	if s.Lost != "" {
		s.Lost += "; "
	}
	s.Lost += fmt.Sprintf("bytes from %d on: %v", r.from.at, reason(err))
	s.Read = max(s.Read, s.Size)
	return r.send(s)
}

// reason is an error of the file system without the path, which the slice has.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
