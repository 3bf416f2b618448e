package application

import (
	"context"
	"errors"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// askAgainAfter is the pause of a listener that could not read what it missed.
const askAgainAfter = time.Second

// catchUp reads from the bus what the listener missed, until memory has the
// rest or the bus no more.
func (s *session) catchUp(ctx context.Context) error {
	if err := s.await(ctx, s.readers, nil); err != nil {
		return err
	}
	defer func() { s.readers <- struct{}{} }()
	failed, err := s.read(ctx)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(failed, ports.ErrGone):
		return s.lose(ctx)
	case failed != nil:
		return s.await(ctx, nil, time.After(askAgainAfter))
	}
	return nil
}

// read tells what the bus has. It failed if the bus did; err is of the end.
func (s *session) read(ctx context.Context) (failed, err error) {
	newest := s.head()
	at := s.position()
	for m, err := range s.feed.Read(ctx, at) {
		if err != nil {
			return err, s.settle(at)
		}
		at = m.Sequence
		if s.gather(&entry{Message: m}) || at%tellMessages == 0 {
			if err := s.settle(at); err != nil || s.isNear() {
				return nil, err
			}
		}
	}
	// What the follower had then was on the bus as well: the rest up to there was
	// taken out.
	return nil, s.settle(max(at, newest))
}

// settle tells what was gathered: all up to a message.
func (s *session) settle(at uint64) error {
	if !s.move(at) {
		s.drop()
		return nil
	}
	if err := s.flush(at); err != nil {
		return err
	}
	select {
	case <-s.beat.C:
		return s.say(Heard{Sequence: at})
	case <-s.stopping:
		return ErrStopping
	default:
		return nil
	}
}

// move puts the listener behind a message, unless it was put elsewhere for a
// loss.
func (s *session) move(at uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost {
		s.seen = at
	}
	return !s.lost
}

// head is how far the follower is.
func (s *session) head() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.following == nil {
		return 0
	}
	return s.following.tail.head
}

// isNear says whether there is no need to read on.
func (s *session) isNear() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lost || s.following != nil && s.seen >= s.following.tail.start
}

// lose puts the listener behind the newest message, and has the loss told.
func (s *session) lose(ctx context.Context) error {
	span, err := s.feed.Span(ctx)
	if err != nil {
		return s.await(ctx, nil, time.After(askAgainAfter))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.lost {
		s.seen, s.lost = span.Last, true
	}
	return nil
}
