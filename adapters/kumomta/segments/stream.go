package segments

import (
	"context"
	"io"
	"os"

	"github.com/kumotrail/kumotrail/ports"
)

// stream reads what is no file.
func (r *run) stream(s stream) {
	in := r.Stdin
	if s.name != "-" {
		file, err := os.Open(s.name)
		if err != nil {
			_ = r.send(ports.Slice{File: s.name, Lost: "all of it: " + reason(err).Error()})
			return
		}
		defer file.Close()
		in = file
	}
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	from := newPlug(ctx, in)
	endless := func() (int64, bool) { return unknownSize, true }
	of := newReading(reading{name: s.name, mark: r.marks[s.name], stat: endless, send: r.send, with: &r.decoders}, from, r.LongestLine)
	from.idle = of.into.flush
	_ = of.read() // what fails is told or nobody reads on
}

// plug reads from a terminal or a pipe. Such a read cannot be ended, so a
// goroutine does it that nobody waits for, and that ends behind the read during
// which ctx does.
type plug struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has no other way to hear of it
	chunks chan []byte
	used   chan []byte
	failed error        // why there are no more chunks
	idle   func() error // called before more is waited for: what came until now may be used

	chunk, rest []byte
}

const chunkSize = 64 << 10 // what a pipe holds

func newPlug(ctx context.Context, in io.Reader) *plug {
	p := &plug{ctx: ctx, chunks: make(chan []byte, 1), used: make(chan []byte, 3)}
	for range cap(p.used) {
		p.used <- make([]byte, chunkSize)
	}
	go p.pump(in)
	return p
}

func (p *plug) pump(in io.Reader) {
	defer close(p.chunks)
	for {
		var chunk []byte
		select {
		case chunk = <-p.used:
		case <-p.ctx.Done():
			return
		}
		n, err := in.Read(chunk[:chunkSize])
		if n > 0 {
			select {
			case p.chunks <- chunk[:n]:
			case <-p.ctx.Done():
				return
			}
		} else {
			p.used <- chunk // there is room for all
		}
		if err != nil {
			p.failed = err
			return
		}
	}
}

// Read implements io.Reader.
func (p *plug) Read(b []byte) (int, error) {
	if len(p.rest) == 0 {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// next takes the next chunk.
func (p *plug) next() error {
	if p.chunk != nil {
		p.used <- p.chunk
		p.chunk = nil
	}
	var more bool
	select {
	case p.chunk, more = <-p.chunks:
	default:
		if err := p.idle(); err != nil {
			return err
		}
		select {
		case p.chunk, more = <-p.chunks:
		case <-p.ctx.Done():
		}
	}
	p.rest = p.chunk
	switch {
	case more:
		return nil
	case p.ctx.Err() != nil:
		return p.ctx.Err()
	}
	return p.failed
}
