package natsbus

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
)

const (
	// heartbeat is how often the server says that a consumer is there; after two
	// without it the consumer is lost, with a restarted server for example.
	heartbeat = time.Second
	// ahead is how many messages the server sends before they are taken.
	ahead = 256
	// forgetConsumer is when the server lets go of a consumer that nobody asks:
	// of a process that died, or of a reader that took its time. The latter goes
	// on with another one.
	forgetConsumer = time.Minute
	// answerWithin bounds one question to the server: an answer that was lost
	// with the connection never comes.
	answerWithin = 5 * time.Second
)

// Feed reads the stream. It implements ports.Feed.
//
// Each Read and each Follow has a consumer of its own for as long as it takes:
// in the server's memory, without acknowledgements, so that it costs the stream
// nothing. The client library's ordered consumer would do the same, but after a
// loss it goes on silently with whatever the stream has by then, and waits where
// the stream was made anew until it has grown to the old sequence.
type Feed struct {
	conn   *Conn
	js     jetstream.JetStream
	stream *stream
}

var _ ports.Feed = (*Feed)(nil)

// NewFeed returns a feed of the stream that p publishes on.
func NewFeed(p *Publisher) *Feed { return &Feed{conn: p.conn, js: p.js, stream: p.stream} }

// Span implements ports.Feed.
func (f *Feed) Span(ctx context.Context) (ports.Span, error) {
	if !f.conn.up.Load() {
		return ports.Span{}, fmt.Errorf("NATS: not connected: %w", ports.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	info, err := f.stream.ensure(ctx)
	if err != nil {
		return ports.Span{}, fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	state := info.State
	if state.Msgs == 0 {
		return ports.Span{First: state.LastSeq + 1, Last: state.LastSeq}, nil
	}
	return ports.Span{First: state.FirstSeq, Last: state.LastSeq}, nil
}

// Read implements ports.Feed.
func (f *Feed) Read(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		if err := f.consume(ctx, after, true, yield); err != nil {
			yield(ports.Message{}, fmt.Errorf("read the stream: %w", err))
		}
	}
}

// Follow implements ports.Feed.
func (f *Feed) Follow(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		if err := f.consume(ctx, after, false, yield); err != nil {
			yield(ports.Message{}, fmt.Errorf("follow the stream: %w", err))
		}
	}
}

// consume yields what comes after a message, to the newest one or without end.
func (f *Feed) consume(ctx context.Context, after uint64, toNewest bool, yield func(ports.Message, error) bool) error {
	if err := f.holds(ctx, after); err != nil {
		return err
	}
	consumer, err := f.newConsumer(ctx, after)
	if err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	info := consumer.CachedInfo()
	defer f.remove(ctx, info.Name)
	// Of a stream that was made anew just now the consumer would wait, in silence,
	// for what comes after a message that it never had.
	if err := f.holds(ctx, after); err != nil {
		return err
	}
	if toNewest && info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(ahead), jetstream.PullHeartbeat(heartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	defer messages.Stop()
	for delivered := uint64(1); ; delivered++ {
		m, meta, err := next(ctx, messages)
		if err != nil {
			return err
		}
		if meta.Sequence.Consumer != delivered {
			return fmt.Errorf("%w: message %d of the consumer came in place of %d", ports.ErrUnavailable,
				meta.Sequence.Consumer, delivered)
		}
		if m.Sequence != after+1 { // removed, one by one or by the stream's limits
			if err := f.holds(ctx, after); err != nil {
				return err
			}
		}
		if !yield(m, nil) || toNewest && meta.NumPending == 0 {
			return nil
		}
		after = m.Sequence
	}
}

// holds is nil if the stream has all that came after a message.
func (f *Feed) holds(ctx context.Context, after uint64) error {
	span, err := f.Span(ctx)
	if err == nil && !span.Holds(after) {
		err = fmt.Errorf("%w: what came after %d, there is %d to %d", ports.ErrGone, after, span.First, span.Last)
	}
	return err
}

func (f *Feed) newConsumer(ctx context.Context, after uint64) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return f.js.CreateConsumer(ctx, StreamName, jetstream.ConsumerConfig{
		Description:       "follows the announcements for listeners of kumotrail",
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       after + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		InactiveThreshold: forgetConsumer,
		MemoryStorage:     true,
		Replicas:          1,
	})
}

// remove takes a consumer away, if the server is there to hear of it.
func (f *Feed) remove(ctx context.Context, name string) {
	if !f.conn.up.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
	defer cancel()
	err := f.js.DeleteConsumer(ctx, StreamName, name)
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		f.conn.log.Debug("a consumer was not removed; the server will", "reason", err)
	}
}

func next(ctx context.Context, messages jetstream.MessagesContext) (ports.Message, *jetstream.MsgMetadata, error) {
	m, err := messages.Next(jetstream.NextContext(ctx))
	if err != nil {
		return ports.Message{}, nil, fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	meta, err := m.Metadata()
	if err != nil {
		return ports.Message{}, nil, fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	return ports.Message{Sequence: meta.Sequence.Stream, Type: typeOf(m.Subject()), Payload: m.Data()}, meta, nil
}

// typeOf is the inverse of subjectOf, and of other subjects all but the first
// word.
func typeOf(subject string) string {
	_, rest, _ := strings.Cut(subject, ".")
	return strings.TrimPrefix(rest, "event.")
}
