package application

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Platform keeps the sending platform's own table up to date with what became of
// its messages. It follows what is announced, so it costs neither commits nor
// announcements anything, and goes on after a crash where it was: the position
// is kept with the rows.
//
// Of several instances on one table one is at work; the others look now and then
// whether it still is.
type Platform struct {
	table ports.PlatformTable
	feed  ports.Feed
	logs  ports.LogReader
	log   *slog.Logger
}

// NewPlatform tells table what feed announces and what, where the bus has lost
// it, logs have.
func NewPlatform(table ports.PlatformTable, feed ports.Feed, logs ports.LogReader, log *slog.Logger) *Platform {
	return &Platform{table, feed, logs, log}
}

// Pauses of the platform's worker.
const (
	platformFirstWait = 100 * time.Millisecond // after a failure, each twice the one before
	platformLastWait  = 30 * time.Second
	platformStandby   = 5 * time.Second // while another instance is at work
)

// Run works until ctx ends. A failure is logged once and tried again until it
// passes.
func (p *Platform) Run(ctx context.Context) {
	wait, failing := platformFirstWait, false
	for {
		err := p.work(ctx, func() {
			if failing {
				p.log.Info("the platform's table is told again what becomes of messages")
			}
			wait, failing = platformFirstWait, false
		})
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ports.ErrMoved):
			sleep(ctx, platformStandby)
			continue
		case !failing:
			failing = true
			p.log.Warn("the platform's table cannot be told what becomes of messages, trying again", "error", err)
		}
		sleep(ctx, wait)
		wait = min(2*wait, platformLastWait)
	}
}

// work goes on from where the table is until something fails. progress is called
// each time that the position was moved.
func (p *Platform) work(ctx context.Context, progress func()) error {
	at, err := p.table.Position(ctx)
	if err != nil {
		return err
	}
	if at, err = p.resume(ctx, at); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	messages := make(chan ports.Message, platformBatch)
	failed := make(chan error, 1)
	go func() {
		defer close(messages)
		failed <- p.follow(ctx, at.Sequence, messages)
	}()
	defer func() {
		cancel()
		for range messages { // until the follower has ended
		}
	}()
	for m := range messages {
		if at, err = p.tell(ctx, at, gatherMessages(m, messages)); err != nil {
			return err
		}
		progress()
	}
	return <-failed
}

// follow sends what the bus has after a message until it fails or ctx ends.
func (p *Platform) follow(ctx context.Context, after uint64, messages chan<- ports.Message) error {
	for m, err := range p.feed.Follow(ctx, after) {
		if err != nil {
			return err
		}
		select {
		case messages <- m:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// platformBatch is how many messages are told together.
const platformBatch = 500

// gatherMessages returns a message and what waits behind it by now.
func gatherMessages(m ports.Message, messages <-chan ports.Message) []ports.Message {
	batch := []ports.Message{m}
	for len(batch) < platformBatch {
		select {
		case m, ok := <-messages:
			if !ok {
				return batch
			}
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// tell tells the table of messages, and returns the position behind them.
func (p *Platform) tell(ctx context.Context, from ports.PlatformPosition, batch []ports.Message) (ports.PlatformPosition, error) {
	last := batch[len(batch)-1]
	to := ports.PlatformPosition{Sequence: last.Sequence, Digest: digestOf(last)}
	return to, p.update(ctx, messagesOf(batch), from, to)
}

// messagesOf returns the ids of the messages that are spoken of and of which a
// platform wants to know.
func messagesOf(batch []ports.Message) []string {
	ids := make(map[string]struct{}, len(batch))
	for i := range batch {
		f := (&entry{Message: batch[i]}).facts()
		for _, a := range []*about{&f.about, f.Original} {
			if a != nil && a.MessageID != "" && isSettled(a.Status) {
				ids[a.MessageID] = struct{}{}
			}
		}
	}
	return sortedKeys(ids)
}

// isSettled says whether a message of that status is no longer on its way.
func isSettled(status string) bool {
	found := domain.ParseStatuses(status)
	return len(found) > 0 && found[0] > domain.Transferred
}

// update updates the table. What it refuses is tried in halves, down to the
// message that it does not take, which is left out: it holds up no other.
func (p *Platform) update(ctx context.Context, ids []string, from, to ports.PlatformPosition) error {
	_, err := p.table.Update(ctx, ids, from, to)
	if !errors.Is(err, ports.ErrRefused) || len(ids) == 0 {
		return err
	}
	if len(ids) == 1 {
		p.log.Warn("the platform's table does not take what became of a message, it is left out", "message_id", ids[0], "error", err)
		return p.update(ctx, nil, from, to)
	}
	half := len(ids) / 2
	if err := p.update(ctx, ids[:half], from, from); err != nil {
		return err
	}
	return p.update(ctx, ids[half:], from, to)
}

// digestOf tells a message from others in its place.
func digestOf(m ports.Message) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s", m.Type, m.Payload))
	return hex.EncodeToString(sum[:16])
}
