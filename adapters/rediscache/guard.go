package rediscache

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"github.com/sony/gobreaker/v2"
)

// guard lets calls through to Redis while it answers. The first that it does
// not answer in time is the last, until a probe behind the scenes succeeds: no
// caller waits to find out whether Redis is back.
type guard struct {
	config   Config
	log      *slog.Logger
	ping     func(context.Context) error
	distrust func(context.Context) error
	breaker  *gobreaker.CircuitBreaker[struct{}]
	isDown   atomic.Bool // and the log knows

	// forgets that were lost, and how many of those are made good.
	lostForgets, madeGood atomic.Int64

	background context.Context //nolint:containedctx // of probes; ends with Close
	end        context.CancelFunc
	mu         sync.Mutex
	probing    bool
	closed     bool
	probes     sync.WaitGroup
}

var (
	errClosed = errors.New("cache is closed")
	// errGone says that it was the caller who gave up.
	errGone = errors.New("caller is gone")
)

func newGuard(config Config, ping, distrust func(context.Context) error) *guard {
	g := &guard{config: config, log: config.Log, ping: ping, distrust: distrust}
	g.background, g.end = context.WithCancel(context.Background())
	g.breaker = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:     config.RetryAfter,
		ReadyToTrip: func(gobreaker.Counts) bool { return true },
		IsExcluded:  func(err error) bool { return errors.Is(err, errGone) },
	})
	return g
}

// do runs call within the timeout, or not at all. Any error means that Redis may
// have done it or not.
func (g *guard) do(ctx context.Context, call func(context.Context) error) error {
	if g.background.Err() != nil {
		return errClosed
	}
	switch g.breaker.State() {
	case gobreaker.StateHalfOpen:
		g.probe()
		return gobreaker.ErrOpenState
	case gobreaker.StateOpen:
		return gobreaker.ErrOpenState
	}
	return g.try(func() error {
		limited, cancel := context.WithTimeout(ctx, g.config.Timeout)
		defer cancel()
		err := g.makeGood(limited)
		if err == nil {
			err = call(limited)
		}
		if err != nil && (ctx.Err() != nil || isTimeout(err) && endsWith(limited, ctx)) {
			return errGone
		}
		return err
	})
}

// endsWith says whether it is outer that ends inner in time. The connection has
// the same deadline and may notice it first.
func endsWith(inner, outer context.Context) bool {
	end, _ := inner.Deadline()
	outerEnd, ok := outer.Deadline()
	return ok && !outerEnd.After(end)
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err) // context.DeadlineExceeded is one too
	return ok && timeout.Timeout()
}

// try runs call through the breaker and tells the log when the state of Redis
// changes.
func (g *guard) try(call func() error) error {
	_, err := g.breaker.Execute(func() (struct{}, error) { return struct{}{}, call() })
	switch {
	case errors.Is(err, errGone), errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
	case err != nil && g.isDown.CompareAndSwap(false, true):
		g.log.Warn("redis does not answer; lookups read the store until it does", "error", err)
	case err == nil && g.breaker.State() == gobreaker.StateClosed && g.isDown.CompareAndSwap(true, false):
		g.log.Info("redis answers again")
	}
	return err
}

// lost notes a forget that Redis may not have done.
func (g *guard) lost() { g.lostForgets.Add(1) }

// makeGood distrusts all that is kept if forgets were lost since it was last
// done.
func (g *guard) makeGood(ctx context.Context) error {
	lost := g.lostForgets.Load()
	good := g.madeGood.Load()
	if good >= lost {
		return nil
	}
	if err := g.distrust(ctx); err != nil {
		return err
	}
	for good < lost && !g.madeGood.CompareAndSwap(good, lost) {
		good = g.madeGood.Load()
	}
	return nil
}

// probe finds out in the background whether Redis answers, unless that is under
// way.
func (g *guard) probe() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.probing || g.closed {
		return
	}
	g.probing = true
	g.probes.Go(func() {
		ctx, cancel := context.WithTimeout(g.background, connectWithin)
		defer cancel()
		// How it ended is for the breaker to know.
		_ = g.try(func() error { return g.answers(ctx) })
		g.mu.Lock()
		defer g.mu.Unlock()
		g.probing = false
	})
}

// answers is nil if Redis answers as fast as a call needs it to, over a
// connection that may have taken longer.
func (g *guard) answers(ctx context.Context) error {
	if err := g.ping(ctx); err != nil {
		if g.background.Err() != nil {
			return errGone
		}
		return err
	}
	limited, cancel := context.WithTimeout(ctx, g.config.Timeout)
	defer cancel()
	if err := g.ping(limited); err != nil {
		return err
	}
	return g.makeGood(ctx)
}

// close waits for the probe.
func (g *guard) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.end()
	g.probes.Wait()
}
