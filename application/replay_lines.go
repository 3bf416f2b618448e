package application

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// pieceLines is how many lines are decoded together. A decoder gives up a text
// that is bad all over: then it is these lines that are looked at one by one.
const pieceLines = 1000

// lineTaker decodes lines of log files and sorts out what is not wanted of them.
type lineTaker struct {
	decoder      ports.RecordDecoder
	since, until time.Time
	full         int                         // events that a unit may have, about
	flush        func(context.Context) error // takes unit and lost, and empties them

	unit   ports.Batch
	lost   []string // records that log hooks lost, copied from theirs
	counts ReplayCounts
}

func (t *lineTaker) take(ctx context.Context, slices []ports.Slice) error {
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

func (t *lineTaker) decode(ctx context.Context, text string) error {
	for batch := range t.decoder.Decode(text) {
		if err := t.sort(ctx, batch); err != nil {
			return err
		}
		if len(t.unit.Events)+len(t.unit.Rejects) >= t.full {
			if err := t.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// sort adds to the unit what of the batch belongs there.
func (t *lineTaker) sort(ctx context.Context, b ports.Batch) error {
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
func (t *lineTaker) apart(ctx context.Context, text string) error {
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

func (t *lineTaker) addEvents(events []domain.EmailEvent) {
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
func (t *lineTaker) leavesOut(e *domain.EmailEvent) bool {
	counts := &t.counts.Outside
	switch {
	case e.FromLogHook():
		counts = &t.counts.Hook
		if e.Part == 0 {
			t.lose(e)
		}
	case within(e.OccurredAt, t.since, t.until):
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
