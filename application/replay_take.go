package application

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// pieceLines is how many lines are decoded together. A decoder gives up a text
// that is bad all over: then it is these lines that are looked at one by one.
const pieceLines = 1000

// taker takes the lines of one job.
type taker struct {
	*Replay
	unit     ports.Batch // what the next unit has so far
	restored []string    // records that log hooks lost
	counts   ReplayCounts
}

func (t *taker) take(ctx context.Context, slices []ports.Slice) error {
	for i := range slices {
		t.counts.Read += slices[i].Skipped
		t.counts.Skipped += slices[i].Skipped
		for piece := range pieces(slices[i].Text) {
			if err := t.decode(ctx, piece); err != nil {
				return err
			}
		}
	}
	return t.flush(ctx)
}

// pieces yields text in pieces of up to pieceLines lines.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			end := 0
			for n := 0; n < pieceLines && end < len(text); n++ {
				i := strings.IndexByte(text[end:], '\n')
				if i < 0 {
					end = len(text)
					break
				}
				end += i + 1
			}
			if !yield(text[:end]) {
				return
			}
			text = text[end:]
		}
	}
}

func (t *taker) decode(ctx context.Context, text string) error {
	for batch := range t.ingest.decoder.Decode(text) {
		if err := t.sort(ctx, batch); err != nil {
			return err
		}
		if len(t.unit.Events)+len(t.unit.Rejects) >= t.config.UnitEvents {
			if err := t.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// sort adds to the unit what of the batch belongs there.
func (t *taker) sort(ctx context.Context, b ports.Batch) error {
	t.counts.Read += int64(b.Records)
	t.unit.Records += b.Records
	for _, reject := range b.Rejects {
		switch {
		case strings.Contains(strings.TrimSpace(reject.Raw), "\n"):
			t.counts.Read--
			t.unit.Records--
			if err := t.apart(ctx, reject.Raw); err != nil {
				return err
			}
		case isForeign(reject.Raw):
			t.counts.Skipped++
			t.unit.Records--
		default:
			t.unit.Rejects = append(t.unit.Rejects, reject)
		}
	}
	t.addEvents(b.Events)
	return nil
}

// apart decodes lines one by one.
func (t *taker) apart(ctx context.Context, text string) error {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := t.decode(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

func (t *taker) addEvents(events []domain.EmailEvent) {
	first := 0
	for i := range events {
		if !t.leavesOut(&events[i]) {
			continue
		}
		t.unit.Events = append(t.unit.Events, events[first:i]...)
		first = i + 1
	}
	if first == 0 && len(t.unit.Events) == 0 {
		t.unit.Events = events
		return
	}
	t.unit.Events = append(t.unit.Events, events[first:]...)
}

// leavesOut says whether an event is not taken, and counts its record.
func (t *taker) leavesOut(e *domain.EmailEvent) bool {
	counts := &t.counts.Outside
	switch {
	case e.FromLogHook():
		counts = &t.counts.Hook
		if e.Part == 0 {
			t.lose(e)
		}
	case within(e.OccurredAt, t.config.Since, t.config.Until):
		return false
	}
	if e.Part == 0 {
		*counts++
		t.unit.Records--
	}
	return true
}

// within says whether at is in [since, until), a zero time being no bound.
func within(at, since, until time.Time) bool {
	return (since.IsZero() || !at.Before(since)) && (until.IsZero() || at.Before(until))
}

// flush commits the unit.
func (t *taker) flush(ctx context.Context) error {
	r, err := t.commit(ctx, t.unit)
	t.unit = ports.Batch{}
	if err != nil {
		return err
	}
	t.counts.Stored += int64(r.Stored)
	t.counts.Duplicates += int64(r.Duplicates)
	t.counts.Expired += int64(r.Expired)
	t.counts.Quarantined += int64(r.Quarantined)
	return t.restore(ctx)
}

// commit returns what became of the batch, or would in a dry run.
func (t *taker) commit(ctx context.Context, b ports.Batch) (sum Receipt, err error) {
	if len(b.Events)+len(b.Rejects) == 0 {
		return sum, nil
	}
	err = t.patiently(ctx, func(ctx context.Context) error {
		sum = Receipt{}
		switch {
		case t.config.DryRun:
			return t.guess(ctx, b, &sum)
		case t.config.Missing:
			if b, err = t.missing(ctx, b, &sum); err != nil {
				return err
			}
		}
		return t.ingest.take(ctx, b, &sum)
	})
	return sum, err
}

// Of what the store is asked for: how long an answer may take, and when it is
// asked again.
const (
	answerTime = 30 * time.Second
	firstWait  = 250 * time.Millisecond
	longWait   = 10 * time.Second
)

// patiently does something with the store, and waits for one that is away. What
// is under way is finished though ctx has ended.
func (t *taker) patiently(ctx context.Context, do func(context.Context) error) error {
	start := time.Now()
	for wait := firstWait; ; wait = min(2*wait, longWait) {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		err := do(limited)
		cancel()
		if !errors.Is(err, ports.ErrUnavailable) && !errors.Is(err, ports.ErrOverloaded) {
			return err
		}
		if t.config.Patience > 0 && time.Since(start)+wait > t.config.Patience {
			return fmt.Errorf("the store takes nothing for %v: %w", time.Since(start).Round(time.Second), err)
		}
		t.watcher.Waits(err, wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
