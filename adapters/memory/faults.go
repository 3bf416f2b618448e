package memory

import (
	"fmt"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// faults is what commits have been told to do wrong.
type faults struct {
	fail   []error
	lose   int
	refuse func(*domain.EmailEvent) bool
}

// FailNext makes the next Commit store nothing and return err; calls add up,
// one failed Commit each.
func (s *Store) FailNext(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.fail = append(s.faults.fail, err)
}

// Lose makes the next n Commits store their units and lose the answer.
func (s *Store) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.lose = n
}

// Refuse makes every Commit refuse a unit with an event for which refuse is
// true; nil takes all again. It must not call the store.
func (s *Store) Refuse(refuse func(*domain.EmailEvent) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.refuse = refuse
}

// before is the error with which a unit fails that is not stored.
func (f *faults) before(u ports.Unit) error {
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return fmt.Errorf("commit %d events: %w", len(u.Events), err)
	}
	if f.refuse == nil {
		return nil
	}
	for i := range u.Events {
		if f.refuse(&u.Events[i]) {
			return fmt.Errorf("commit %d events: event %d: %w", len(u.Events), i, ports.ErrRefused)
		}
	}
	return nil
}

// after is the error of a unit that was stored.
func (f *faults) after() error {
	if f.lose == 0 {
		return nil
	}
	f.lose--
	return fmt.Errorf("commit: answer lost: %w", ports.ErrUnavailable)
}
