package application

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// patience waits for a store that is away.
type patience struct {
	limit time.Duration // 0 for ever
	waits func(err error, again time.Duration)
}

// Of what the store is asked for: how long an answer may take, and when it is
// asked again.
const (
	answerTime = 30 * time.Second
	firstWait  = 250 * time.Millisecond
	longWait   = 10 * time.Second
)

// do does something with the store until that is there. What is under way is
// finished though ctx has ended.
func (p patience) do(ctx context.Context, something func(context.Context) error) error {
	start := time.Now()
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		err := something(limited)
		cancel()
		if !isPassing(err) {
			return err
		}
		if err := p.wait(ctx, err, start, wait); err != nil {
			return err
		}
	}
}

func isPassing(err error) bool {
	return errors.Is(err, ports.ErrUnavailable) || errors.Is(err, ports.ErrOverloaded)
}

// wait waits after an error, or says why not.
func (p patience) wait(ctx context.Context, err error, start time.Time, wait time.Duration) error {
	if p.limit > 0 && time.Since(start)+wait > p.limit {
		return fmt.Errorf("the store is away for %v: %w", time.Since(start).Round(time.Second), err)
	}
	p.waits(err, wait)
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
}
