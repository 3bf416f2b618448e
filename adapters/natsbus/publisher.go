package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
)

const (
	// maxPending bounds what is sent and not acknowledged, over all callers.
	// The server drops what comes while 10,000 messages wait in it.
	maxPending = 4096
	// ackTimeout frees the place of a message whose ack never comes: a server
	// that lets us connect but not publish answers nothing.
	ackTimeout = 10 * time.Second
)

// PublisherConfig says what is published beside the stream, and its limits.
type PublisherConfig struct {
	Stream StreamConfig
	// LegacySubject gets the raw record of each event as well, once a record and
	// by core NATS, which keeps nothing for those who do not listen. "" is off.
	LegacySubject string
}

// Validate names every fault.
func (c *PublisherConfig) Validate() error {
	var faults []error
	if c.Stream.MaxAge < 0 || c.Stream.MaxBytes < 0 {
		faults = append(faults, errors.New("stream: limits must not be negative"))
	}
	if c.Stream.MaxAge > 0 && c.Stream.MaxAge < dedupWindow {
		faults = append(faults, fmt.Errorf("stream: max age %v: want at least %v", c.Stream.MaxAge, dedupWindow))
	}
	if s := c.LegacySubject; s != "" && !isPlainSubject(s) {
		faults = append(faults, fmt.Errorf("legacy subject %q: want words with dots between", s))
	}
	for _, own := range []string{"kumomta.event.", "kumomta.suppression."} {
		if strings.HasPrefix(c.LegacySubject, own) {
			faults = append(faults, fmt.Errorf("legacy subject %q: %s* is the stream's", c.LegacySubject, own))
		}
	}
	return errors.Join(faults...)
}

func isPlainSubject(s string) bool {
	if strings.ContainsAny(s, "*> \t\r\n") {
		return false
	}
	for token := range strings.SplitSeq(s, ".") {
		if token == "" {
			return false
		}
	}
	return true
}

// Publisher announces events on the stream. It implements ports.Publisher and
// ports.Health.
type Publisher struct {
	conn   *Conn
	js     jetstream.JetStream
	stream *stream
	legacy *legacy // nil if off

	// limit is the greatest message that the stream takes, 0 while nobody has
	// looked whether it is there.
	limit atomic.Int64
	// encoders holds *encoder.
	encoders sync.Pool
}

// NewPublisher returns a publisher on conn. The stream is made at the first
// Publish or Ping that reaches the server.
func NewPublisher(conn *Conn, cfg PublisherConfig) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn.nc,
		jetstream.WithPublishAsyncMaxPending(maxPending),
		jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	p := &Publisher{conn: conn, js: js, stream: newStream(js, cfg.Stream, conn.log)}
	p.encoders.New = func() any { return newEncoder() }
	if cfg.LegacySubject != "" {
		p.legacy = &legacy{conn: conn, subject: cfg.LegacySubject}
	}
	return p, nil
}

// Ping is nil if the server answers and the stream is there.
func (p *Publisher) Ping(ctx context.Context) error {
	if !p.conn.up.Load() {
		return fmt.Errorf("NATS: not connected: %w", ports.ErrUnavailable)
	}
	return p.look(ctx)
}

// look makes sure of the stream and learns its limit.
func (p *Publisher) look(ctx context.Context) error {
	info, err := p.stream.ensure(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	limit := p.conn.nc.MaxPayload()
	if most := info.Config.MaxMsgSize; most > 0 {
		limit = min(limit, int64(most))
	}
	p.limit.Store(limit)
	return nil
}

// Publish implements ports.Publisher. An event whose payload is larger than the
// server takes is announced without its meta and with its texts cut, and says
// so.
func (p *Publisher) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	acked := make([]bool, len(events))
	if len(events) == 0 {
		return acked, nil
	}
	if err := p.ready(ctx); err != nil {
		return acked, fmt.Errorf("publish %d events: %w", len(events), err)
	}
	futures, why := p.send(ctx, events)
	for i, f := range futures {
		if f == nil {
			continue
		}
		if err := await(ctx, f); err != nil {
			why.add(err)
			continue
		}
		acked[i] = true
	}
	if p.legacy != nil {
		p.legacy.publish(events, acked)
	}
	if why.stale {
		p.limit.Store(0)
	}
	if err := why.err(); err != nil {
		return acked, fmt.Errorf("publish %d events: %w", len(events), err)
	}
	return acked, nil
}

func (p *Publisher) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ports.ErrUnavailable, err)
	}
	if !p.conn.up.Load() {
		return fmt.Errorf("%w: not connected to NATS", ports.ErrUnavailable)
	}
	if p.limit.Load() == 0 {
		return p.look(ctx)
	}
	return nil
}

// send publishes the events in their order. A future is nil where the event
// was not sent; the faults say why.
func (p *Publisher) send(ctx context.Context, events []ports.Announced) ([]jetstream.PubAckFuture, *faults) {
	enc := p.encoders.Get().(*encoder)
	defer p.encoders.Put(enc)
	why := &faults{}
	futures := make([]jetstream.PubAckFuture, len(events))
	limit := p.limit.Load()
	for i := range events {
		msg := enc.encode(&events[i], limit)
		if size := int64(enc.size()); size > limit {
			why.add(fmt.Errorf("%w: message of %d bytes, limit %d", ports.ErrRefused, size, limit))
			continue
		}
		f, err := p.sendOne(ctx, msg)
		if err != nil {
			why.add(err)
			break // the connection's fault, and the rest comes in its order later
		}
		futures[i] = f
	}
	return futures, why
}

// noRetry turns the client's own retries off: they come out of order, and read
// the message later, when its memory holds another one.
var noRetry = jetstream.WithRetryAttempts(0)

// sendOne waits for a place among those pending until ctx ends.
func (p *Publisher) sendOne(ctx context.Context, msg *nats.Msg) (jetstream.PubAckFuture, error) {
	for {
		f, err := p.js.PublishMsgAsync(msg, noRetry)
		if !errors.Is(err, jetstream.ErrTooManyStalledMsgs) {
			return f, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

// await returns why f is not acknowledged, nil if it is. An ack that is there
// counts also after the end of ctx; one that says duplicate counts as well.
func await(ctx context.Context, f jetstream.PubAckFuture) error {
	ok := f.Ok()
	select {
	case <-ok:
		return nil
	default:
	}
	select {
	case <-ok:
		return nil
	case err := <-f.Err():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
