package application

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// What is told at once, so that a listener that gets it slowly is not cut off.
const (
	tellMessages = 256
	tellBytes    = 256 << 10
)

// session is one Listen.
type session struct {
	*Stream
	*listener
	tell  func(Heard) error
	beat  *time.Timer
	batch []ports.Message
	bytes int
}

func newSession(s *Stream, l *listener, tell func(Heard) error) *session {
	return &session{Stream: s, listener: l, tell: tell, beat: time.NewTimer(s.config.Beat)}
}

func (s *session) run(ctx context.Context) error {
	defer s.beat.Stop()
	err := s.say(s.sign())
	for err == nil {
		switch {
		case s.isStopping():
			err = ErrStopping
		case s.isLost():
			err = s.say(s.sign())
		case s.join():
			err = s.hear(ctx)
		default:
			err = s.catchUp(ctx)
		}
	}
	return err
}

// say tells something, and counts the beat from there.
func (s *session) say(h Heard) error {
	err := s.tell(h)
	s.beat.Reset(s.config.Beat)
	return err
}

// position is how far the listener has been told all.
func (s *session) position() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.told()
}

// told is position with mu held.
func (s *session) told() uint64 {
	if f := s.following; s.live && !s.due && f != nil {
		return max(s.seen, f.tail.head)
	}
	return s.seen
}

// sign is a sign of life. It tells a loss, if there is one to be told, for who was
// given a place behind it, and then was cut off, would never hear of it.
func (s *session) sign() Heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := Heard{Sequence: s.told(), Reset: s.lost}
	s.lost = false
	return h
}

func (s *session) isLost() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lost
}

// join lets the listener hear with the others if all that it missed is in
// memory.
func (s *session) join() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.following == nil || s.seen < s.following.tail.start {
		return s.slow // then hear says so
	}
	s.live, s.due = true, true
	return true
}

// hear tells what comes, until there is an error or a loss.
func (s *session) hear(ctx context.Context) error {
	for {
		more, upTo, err := s.take()
		if err != nil {
			return err
		}
		wake, pause := s.wake, (<-chan time.Time)(nil)
		if len(s.batch) > 0 {
			if err := s.flush(upTo); err != nil {
				return err
			}
			wake, pause = nil, time.After(s.config.Pace)
		}
		if !more {
			if err := s.await(ctx, wake, pause); err != nil {
				return err
			}
		}
		if s.isLost() {
			return nil
		}
	}
}

// take gathers what there is for the listener, and says whether there may be
// more at once and how far that is all.
func (s *session) take() (more bool, upTo uint64, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch f := s.following; {
	case s.slow:
		return false, 0, ErrTooSlow
	case f == nil:
		return false, 0, ErrStopping
	case s.due && !s.lost:
		for _, e := range f.tail.after(s.seen) {
			s.seen = e.Sequence
			if s.gather(e) {
				return true, s.seen, nil
			}
		}
		s.due = false
	}
	return false, s.told(), nil
}

// gather adds a message if the filter chooses it, and says whether that is
// enough to be told.
func (s *session) gather(e *entry) bool {
	if !s.filter.chooses(e) {
		return false
	}
	s.batch = append(s.batch, e.Message)
	s.bytes += len(e.Payload)
	return len(s.batch) >= tellMessages || s.bytes >= tellBytes
}

// flush tells what was gathered: all that there is up to a message.
func (s *session) flush(upTo uint64) error {
	if len(s.batch) == 0 {
		return nil
	}
	defer s.drop()
	return s.say(Heard{Messages: s.batch, Sequence: upTo})
}

func (s *session) drop() {
	clear(s.batch) // they hold payloads
	s.batch, s.bytes = s.batch[:0], 0
}

// await waits for one of two things, and tells on every beat that the listener
// still listens. Its errors are of the end.
func (s *session) await(ctx context.Context, wake <-chan struct{}, pause <-chan time.Time) error {
	for {
		select {
		case <-wake:
			return nil
		case <-pause:
			return nil
		case <-s.beat.C:
			if err := s.say(s.sign()); err != nil {
				return err
			}
		case <-s.stopping:
			return ErrStopping
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
