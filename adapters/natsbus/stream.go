package natsbus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// StreamName is the stream of all that is announced.
const StreamName = "KUMOMTA_EVENTS"

// dedupWindow is how long the stream knows a message id again. The relay
// publishes anew what a crash or a lost ack left open within seconds of being
// back, 15 s of hold and 15 s of back-off at most. Not longer than need be: the
// server holds every id of the window in about 190 bytes of memory (measured:
// 127 MB with 600,000 ids), and reads the window's messages when it starts.
const dedupWindow = time.Minute

// StreamConfig has the limits of the stream; beyond them its oldest messages go.
type StreamConfig struct {
	MaxAge   time.Duration // 0 for none
	MaxBytes int64         // 0 for none
}

func (c StreamConfig) full() jetstream.StreamConfig {
	maxBytes := c.MaxBytes
	if maxBytes == 0 {
		maxBytes = -1
	}
	return jetstream.StreamConfig{
		Name:        StreamName,
		Description: "What KumoMTA's log records say, one message an event, and suppression changes.",
		Subjects:    []string{"kumomta.event.*", "kumomta.suppression.*"},
		Retention:   jetstream.LimitsPolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		MaxAge:      c.MaxAge,
		MaxBytes:    maxBytes,
		MaxMsgs:     -1,
		MaxMsgSize:  -1,
		Duplicates:  dedupWindow,
	}
}

// stream makes sure that the stream is there. An owner of the server who set it
// up otherwise had a reason: then the difference is reported and left.
type stream struct {
	js   jetstream.JetStream
	want jetstream.StreamConfig
	log  *slog.Logger

	turn     chan struct{} // has one token, for who looks now
	reported string        // the difference last reported; turn guards it
}

func newStream(js jetstream.JetStream, cfg StreamConfig, log *slog.Logger) *stream {
	s := &stream{js: js, want: cfg.full(), log: log, turn: make(chan struct{}, 1)}
	s.turn <- struct{}{}
	return s
}

// ensure makes the stream when it is absent, and returns its settings and state.
func (s *stream) ensure(ctx context.Context) (*jetstream.StreamInfo, error) {
	select {
	case <-s.turn:
		defer func() { s.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, fmt.Errorf("look for stream %s: %w", StreamName, ctx.Err())
	}
	found, err := s.js.Stream(ctx, StreamName)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		found, err = s.create(ctx)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // made by another instance just now
		found, err = s.js.Stream(ctx, StreamName)
	}
	if err != nil {
		return nil, fmt.Errorf("look for stream %s: %w", StreamName, err)
	}
	info := found.CachedInfo()
	s.report(&info.Config)
	return info, nil
}

// create makes the stream, with batches where the server knows them: those that
// do not refuse the setting, or pass over it.
func (s *stream) create(ctx context.Context) (jetstream.Stream, error) {
	cfg := s.want
	if account, err := s.js.AccountInfo(ctx); err == nil {
		cfg.AllowBatchPublish = account.API.Level >= fastLevel
	}
	return s.js.CreateStream(ctx, cfg)
}

func (s *stream) report(have *jetstream.StreamConfig) {
	d := strings.Join(differences(have, &s.want), ", ")
	if d != "" && d != s.reported {
		s.log.Warn("stream has other settings than configured and is left as it is",
			"stream", StreamName, "differences", d)
	}
	s.reported = d
}

// differences names the settings in which have is not as want, of those that
// this service cares for: replicas and placement are the cluster's business.
func differences(have, want *jetstream.StreamConfig) []string {
	var d []string
	note := func(name string, have, want any) {
		if have != want {
			d = append(d, fmt.Sprintf("%s is %v, not %v", name, have, want))
		}
	}
	note("subjects", subjects(have), subjects(want))
	note("retention", have.Retention, want.Retention)
	note("storage", have.Storage, want.Storage)
	note("discard", have.Discard, want.Discard)
	note("max_age", have.MaxAge, want.MaxAge)
	note("max_bytes", have.MaxBytes, want.MaxBytes)
	note("max_msgs", have.MaxMsgs, want.MaxMsgs)
	note("max_msg_size", have.MaxMsgSize, want.MaxMsgSize)
	note("duplicate_window", have.Duplicates, want.Duplicates)
	note("no_ack", have.NoAck, want.NoAck)
	note("sealed", have.Sealed, want.Sealed)
	return d
}

func subjects(c *jetstream.StreamConfig) string {
	return strings.Join(slices.Sorted(slices.Values(c.Subjects)), " ")
}
