package ports

import (
	"context"
	"errors"
	"iter"
)

// ErrGone says that what should come next is no longer there, or that there
// never was what should have come before: whoever read until then has missed
// something and cannot read it any more.
var ErrGone = errors.New("gone")

// Message is something announced, as the bus has it.
type Message struct {
	// Sequence is its place on the bus. It grows from message to message, from 1
	// on; some numbers may be missing.
	Sequence uint64
	// Type is that of the event ("transient_failure"), and for what is no event
	// its subject without the first word ("suppression.added").
	Type string
	// Payload is JSON. It must not be changed.
	Payload []byte
}

// Span is what a bus has: the messages from First to Last. With none First is
// Last and 1.
type Span struct{ First, Last uint64 }

// Holds says whether all that came after a message is there still: false also
// where after is no message of this bus yet.
func (s Span) Holds(after uint64) bool { return after <= s.Last && after+1 >= s.First }

// Feed reads what was announced, in its order, by any number of readers. It
// holds up nobody who announces.
//
// Sequences end at their first error: ErrGone if what comes after the last
// message is not there, ErrUnavailable if the bus went away or ctx ended; then
// the same call with the sequence of the last message goes on where it ended.
type Feed interface {
	// Span says what the bus has now.
	Span(ctx context.Context) (Span, error)
	// Read returns the messages after the one with that sequence, and ends
	// without an error after the newest. It takes from the bus not much more
	// than its reader has taken.
	Read(ctx context.Context, after uint64) iter.Seq2[Message, error]
	// Follow returns the messages after the one with that sequence, and waits
	// for more. It never ends without an error.
	Follow(ctx context.Context, after uint64) iter.Seq2[Message, error]
}
