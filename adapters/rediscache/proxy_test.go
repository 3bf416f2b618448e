//go:build !embedded

package rediscache_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between a cache and its Redis. It can be slow and it can be cut.
type proxy struct {
	listener net.Listener
	target   string
	delay    atomic.Int64 // of every piece of an answer, a time.Duration
	sent     atomic.Int64 // pieces that came from the cache
	isCut    atomic.Bool

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	work  sync.WaitGroup
}

// through returns a proxy to target that is gone when the test ends.
func through(t *testing.T, target string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveProxy(t, l, target)
}

func serveProxy(t *testing.T, l net.Listener, target string) *proxy {
	p := &proxy{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	p.work.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.cut(true)
		p.work.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) url() string { return "redis://" + p.address() + "/0" }

// cut ends all connections and every one that comes, until it is undone.
func (p *proxy) cut(isCut bool) {
	p.isCut.Store(isCut)
	if !isCut {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = from.Close()
			continue
		}
		p.mu.Lock()
		p.conns[from], p.conns[to] = struct{}{}, struct{}{}
		p.mu.Unlock()
		if p.isCut.Load() {
			p.end(from, to)
			continue
		}
		p.work.Go(func() { p.pass(from, to, func() { p.sent.Add(1) }) })
		p.work.Go(func() {
			p.pass(to, from, func() {
				time.Sleep(time.Duration(p.delay.Load())) //nolint:forbidigo // the delay is what is tested
			})
		})
	}
}

// pass hands on what comes, piece by piece.
func (p *proxy) pass(from, to net.Conn, before func()) {
	defer p.end(from, to)
	piece := make([]byte, 64<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			before()
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) end(conns ...io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c.(net.Conn))
	}
}
