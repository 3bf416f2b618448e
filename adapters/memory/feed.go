package memory

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Feed = (*Bus)(nil)

// Span implements ports.Feed.
func (b *Bus) Span(ctx context.Context) (ports.Span, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.readable(ctx); err != nil {
		return ports.Span{}, fmt.Errorf("look at the bus: %w", err)
	}
	return b.span(), nil
}

func (b *Bus) span() ports.Span {
	last := uint64(len(b.arrived))
	return ports.Span{First: min(b.dropped, last) + 1, Last: last}
}

// readable is nil if the reader still waits and the bus is not away.
func (b *Bus) readable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	if b.away {
		return ports.ErrUnavailable
	}
	return nil
}

// Read implements ports.Feed.
func (b *Bus) Read(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return b.messages(ctx, after, false)
}

// Follow implements ports.Feed.
func (b *Bus) Follow(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return b.messages(ctx, after, true)
}

func (b *Bus) messages(ctx context.Context, after uint64, wait bool) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		for {
			m, changed, err := b.next(ctx, after)
			switch {
			case err != nil:
				yield(ports.Message{}, fmt.Errorf("read the bus: %w", err))
				return
			case changed == nil:
				if !yield(m, nil) {
					return
				}
				after = m.Sequence
			case !wait:
				return
			default:
				select {
				case <-changed:
				case <-ctx.Done():
				}
			}
		}
	}
}

// next returns the message after another, or what is closed when that may be
// there.
func (b *Bus) next(ctx context.Context, after uint64) (m ports.Message, changed <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.readable(ctx); err != nil {
		return m, nil, err
	}
	span := b.span()
	switch {
	case !span.Holds(after):
		return m, nil, fmt.Errorf("%w: what came after %d", ports.ErrGone, after)
	case after == span.Last:
		return m, b.changed, nil
	}
	a := b.arrived[after]
	return ports.Message{Sequence: after + 1, Type: a.Type(), Payload: payloadOf(a)}, nil, nil
}

// wake has followers look again.
func (b *Bus) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// Drop lets go of the messages up to one.
func (b *Bus) Drop(sequence uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropped = max(b.dropped, sequence)
	b.wake()
}

// Renew lets go of everything, as a bus does that was made anew.
func (b *Bus) Renew() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.arrived, b.dropped = nil, 0
	clear(b.known)
	b.wake()
}

// SetAway makes the bus unavailable to its readers, or brings it back.
func (b *Bus) SetAway(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
	b.wake()
}

// payloadOf has what a message is chosen by.
func payloadOf(a ports.Announced) []byte {
	if c := a.Change; c != nil {
		payload, _ := json.Marshal(map[string]any{"change_id": c.ID.String(), "type": c.Type(), "address": c.Address})
		return payload
	}
	e := a.Event
	fields := map[string]any{
		"event_id": e.ID.String(), "type": e.Type.String(), "message_id": e.MessageID, "recipient": e.Recipient,
		"tenant": e.Tenant, "campaign": e.Campaign, "provider": e.Provider, "cause": string(e.Verdict.Cause),
	}
	if a.HasLog && !e.Type.IsReport() {
		fields["status"] = a.Status.String()
	}
	if o := e.Original; o != nil && e.Type.IsReport() {
		original := map[string]any{"message_id": o.MessageID}
		if len(o.Recipients) > 0 {
			original["recipient"] = o.Recipients[0]
		}
		if a.HasLog {
			original["status"] = a.Status.String()
		}
		fields["original"] = original
	}
	for name, value := range fields {
		if value == "" {
			fields[name] = nil
		}
	}
	payload, _ := json.Marshal(fields) // plain texts always can
	return payload
}
