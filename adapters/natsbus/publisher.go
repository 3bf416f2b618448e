package natsbus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
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
	acks   *acks
	stream *stream
	legacy *legacy // nil if off

	// limit is the greatest message that the stream takes, 0 while nobody has
	// looked whether it is there.
	limit atomic.Int64
	// fast is whether the stream takes batches, and did when last tried.
	fast atomic.Bool
	// encoders holds *encoder.
	encoders sync.Pool
}

// NewPublisher returns a publisher on conn. The stream is made at the first
// Publish or Ping that reaches the server.
func NewPublisher(conn *Conn, cfg PublisherConfig) (*Publisher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn.nc)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	acks, err := newAcks(conn.nc)
	if err != nil {
		return nil, err
	}
	p := &Publisher{conn: conn, js: js, acks: acks, stream: newStream(js, cfg.Stream, conn.log)}
	p.encoders.New = func() any { return newEncoder() }
	if cfg.LegacySubject != "" {
		p.legacy = &legacy{conn: conn, subject: cfg.LegacySubject}
	}
	return p, nil
}

// Ping is nil if the server answers and the stream is there. An embedded server
// also has to be able to write it.
func (p *Publisher) Ping(ctx context.Context) error {
	if !p.conn.up.Load() {
		return fmt.Errorf("NATS: not connected: %w", ports.ErrUnavailable)
	}
	if s := p.conn.server; s != nil && s.healer.broken.Load() {
		return fmt.Errorf("NATS: the stream cannot be written: %w", ports.ErrUnavailable)
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
	p.fast.Store(info.Config.AllowBatchPublish)
	p.limit.Store(limit)
	return nil
}

// Publish implements ports.Publisher. An event whose payload is larger than the
// server takes is announced without its meta and with its texts cut, and says
// so.
func (p *Publisher) Publish(ctx context.Context, events []ports.Announced) ([]bool, error) {
	if len(events) == 0 {
		return nil, nil
	}
	if err := p.ready(ctx); err != nil {
		return make([]bool, len(events)), fmt.Errorf("publish %d events: %w", len(events), err)
	}
	connected, cancel := p.conn.whileConnected(ctx)
	defer cancel()
	b := p.acks.begin(len(events))
	if p.fast.Load() && len(events) >= fastLeast {
		p.sendFast(connected, b, events)
	}
	p.send(connected, b, events)
	acked, why := b.wait(connected)
	if p.legacy != nil {
		p.legacy.publish(events, acked)
	}
	if why.stale || errors.Is(context.Cause(connected), nats.ErrDisconnected) {
		p.limit.Store(0) // the next connection may be to another server
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

// send publishes the events that are not acknowledged, in their order.
func (p *Publisher) send(ctx context.Context, b *batch, events []ports.Announced) {
	enc := p.encoders.Get().(*encoder)
	defer p.encoders.Put(enc)
	limit := p.limit.Load()
	for i := range events {
		if b.acked[i] {
			continue
		}
		msg := enc.encode(&events[i], limit)
		if size := int64(enc.size()); size > limit {
			b.fail(i, fmt.Errorf("%w: message of %d bytes, limit %d", ports.ErrRefused, size, limit))
			continue
		}
		if err := p.sendOne(ctx, b, i, msg); err != nil {
			b.fail(i, err)
			return // the connection's fault, and the rest comes in its order later
		}
	}
}

func (p *Publisher) sendOne(ctx context.Context, b *batch, i int, msg *nats.Msg) (err error) {
	if msg.Reply, err = b.expect(ctx, i); err != nil {
		return err
	}
	return p.conn.nc.PublishMsg(msg)
}
