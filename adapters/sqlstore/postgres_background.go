package sqlstore

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

var errStarting = errors.New("server has not answered yet")

// postgresState says why the store cannot work.
type postgresState struct {
	mu     sync.Mutex
	opened bool
	reason error
}

func (s *postgresState) set(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened, s.reason = reason == nil, reason
}

// err is nil once the schema was found to be the right one. Whether the server
// still answers is known by asking it.
func (s *postgresState) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.opened && s.reason == nil {
		return errStarting
	}
	return s.reason
}

// dayCheck is how often the days ahead are looked at.
const dayCheck = time.Hour

// background prepares the schema as soon as the server lets it, says to tried
// how the first try ended, and then makes days ahead until ctx ends.
func (s *Postgres) background(ctx context.Context, tried chan<- error) {
	defer close(s.ended)
	if !s.prepare(ctx, tried) {
		return
	}
	tick := time.NewTicker(dayCheck)
	defer tick.Stop()
	for {
		if err := s.makeDaysAhead(ctx, time.Now()); err != nil && ctx.Err() == nil {
			// No harm yet: a day that is missing is made when something comes
			// for it.
			s.cfg.Log.Warn("could not make the days ahead", slog.Any("error", err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Pauses between tries to reach the server, each twice the one before.
const (
	firstWait = 100 * time.Millisecond
	lastWait  = 5 * time.Second
)

// prepare tries until the schema is ready, and returns false if ctx ended
// first.
func (s *Postgres) prepare(ctx context.Context, tried chan<- error) bool {
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		err := preparePostgresSchema(ctx, s.conn, s.cfg)
		s.state.set(err)
		select {
		case tried <- err:
		default: // nobody waits for it any more
		}
		if err == nil {
			return true
		}
		s.cfg.Log.Warn("store is not ready", slog.Any("error", err))
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
}
