package application

import (
	"context"
	"errors"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// following is one time of following the bus.
type following struct {
	tail   tail
	cancel context.CancelFunc
}

// startFollowing follows the bus from after on; mu is held.
func (s *Stream) startFollowing(after uint64) {
	ctx, cancel := context.WithCancel(context.Background())
	f := &following{tail: tail{start: after, head: after}, cancel: cancel}
	s.following = f
	s.work.Go(func() { s.follow(ctx, f) })
}

// stopFollowing does nothing if nobody follows; mu is held.
func (s *Stream) stopFollowing() {
	if s.following != nil {
		s.following.cancel()
		s.following = nil
	}
}

// follow hands on what the bus has until ctx ends, whatever becomes of the bus.
func (s *Stream) follow(ctx context.Context, f *following) {
	const shortest, longest = 100 * time.Millisecond, 5 * time.Second
	wait, interrupted := shortest, false
	for {
		var failed error
		for m, err := range s.feed.Follow(ctx, f.tail.head) {
			if err != nil {
				failed = err
				break
			}
			s.handOn(f, &entry{Message: m})
			wait, interrupted = shortest, false
		}
		if errors.Is(failed, ports.ErrGone) {
			failed = s.beginAgain(ctx, f, failed)
		}
		if ctx.Err() != nil {
			return
		}
		if failed != nil && !interrupted {
			interrupted = true
			s.log.Warn("the live stream is interrupted, trying again", "error", failed)
		}
		sleep(ctx, wait)
		wait = min(2*wait, longest)
	}
}

// handOn puts a message where listeners find it, and wakes those who want it.
func (s *Stream) handOn(f *following, e *entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.following != f {
		return
	}
	dropped := f.tail.add(e, s.config.Messages, s.config.Bytes)
	for l := range s.listeners {
		if l.live && !l.due && e.Sequence > l.seen && l.filter.chooses(e) {
			l.seen, l.due = e.Sequence-1, true
			l.awake()
		}
		if dropped && l.live && l.due && l.seen < f.tail.start {
			l.slow, l.live = true, false
			l.awake()
		}
	}
}

// beginAgain goes on with the newest that the bus has, and lets all listeners
// know that they missed something.
func (s *Stream) beginAgain(ctx context.Context, f *following, why error) error {
	span, err := s.feed.Span(ctx)
	if err != nil {
		return err
	}
	s.log.Warn("the bus no longer has what listeners of the live stream should hear next, they are told so", "reason", why)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.tail = tail{start: span.Last, head: span.Last}
	for l := range s.listeners {
		l.seen, l.lost, l.due = span.Last, true, false
		l.awake()
	}
	return nil
}

func (l *listener) awake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}
