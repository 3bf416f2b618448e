package natsbus

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// feedHarness lets the suite take messages away.
type feedHarness struct {
	*Publisher
	*Feed
}

func (h feedHarness) Drop(t *testing.T, sequence uint64) {
	t.Helper()
	if err := streamOf(t, h.Publisher).Purge(t.Context(), jetstream.WithPurgeSequence(sequence+1)); err != nil {
		t.Fatal(err)
	}
}

func (h feedHarness) Renew(t *testing.T) {
	t.Helper()
	if err := h.Publisher.js.DeleteStream(t.Context(), StreamName); err != nil {
		t.Fatal(err)
	}
	// The server may refuse a new stream while it puts the old one's files away.
	eventually(t, func() error { return h.Ping(t.Context()) })
}

func streamOf(t testing.TB, pub *Publisher) jetstream.Stream {
	t.Helper()
	stream, err := pub.js.Stream(t.Context(), StreamName)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func openFeed(t *testing.T) contract.FeedHarness {
	pub := startBus(t, t.TempDir()).pub
	return feedHarness{pub, NewFeed(pub)}
}

func TestFeedKeepsTheContract(t *testing.T) { contract.TestFeed(t, openFeed) }

func TestFeedOfExternalServerKeepsTheContract(t *testing.T) {
	contract.TestFeed(t, func(t *testing.T) contract.FeedHarness {
		server := external(t, t.TempDir(), freeAddress(t))
		conn := connect(t, ConnConfig{URL: "nats://secret@" + server.Address(), Log: (&logs{}).logger()})
		pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
		eventually(t, func() error { return pub.Ping(t.Context()) })
		return feedHarness{pub, NewFeed(pub)}
	})
}

// renewing makes the stream anew before each consumer.
type renewing struct {
	jetstream.JetStream
	renew func()
}

func (r renewing) CreateConsumer(ctx context.Context, stream string, cfg jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	r.renew()
	return r.JetStream.CreateConsumer(ctx, stream, cfg)
}

// Each reader has a server of its own: one that is told to delete a stream a
// second time, while it still removes the files of the first, lets the next
// stream find the messages of the last.
func TestStreamMadeAnewBesideItsReaderIsGone(t *testing.T) {
	for name, read := range map[string]func(*Feed, context.Context, uint64) iter.Seq2[ports.Message, error]{
		"read": (*Feed).Read, "follow": (*Feed).Follow,
	} {
		t.Run(name, func(t *testing.T) {
			pub := startBus(t, t.TempDir()).pub
			feed := NewFeed(pub)
			feed.js = renewing{pub.js, func() {
				feedHarness{pub, feed}.Renew(t)
				publish(t, pub, newEvents(3))
			}}
			publish(t, pub, eventsFrom(100, 7))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var ended error
			for m, err := range read(feed, ctx, 7) {
				if ended = err; err == nil {
					t.Errorf("message %d of another stream", m.Sequence)
				}
			}
			if !errors.Is(ended, ports.ErrGone) {
				t.Errorf("%v, want what came after to be gone", ended)
			}
		})
	}
}

// followAll collects sequences until there are n, and goes on after errors as
// the use case does.
func followAll(ctx context.Context, feed *Feed, after uint64, n int, broke func(error)) []uint64 {
	var all []uint64
	for len(all) < n && ctx.Err() == nil {
		for m, err := range feed.Follow(ctx, after) {
			if err != nil {
				broke(err)
				break
			}
			after = m.Sequence
			if all = append(all, after); len(all) == n {
				break
			}
		}
	}
	return all
}

func TestFollowerGoesOnAfterRestartOfServer(t *testing.T) {
	address, dir, log := freeAddress(t), t.TempDir(), &logs{}
	server := external(t, dir, address)
	conn := connect(t, ConnConfig{URL: "nats://secret@" + address, Log: log.logger()})
	pub := newPublisher(t, conn, PublisherConfig{Stream: newLimits()})
	eventually(t, func() error { return pub.Ping(t.Context()) })
	publish(t, pub, newEvents(10))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got, half := make(chan []uint64), make(chan struct{})
	feed := NewFeed(pub)
	go func() {
		first := followAll(ctx, feed, 0, 10, func(err error) { t.Errorf("before the restart: %v", err) })
		close(half)
		got <- append(first, followAll(ctx, feed, 10, 20, func(err error) {
			if !errors.Is(err, ports.ErrUnavailable) {
				t.Errorf("%v, want the bus to be unavailable at most", err)
			}
		})...)
	}()
	<-half
	server.Close()
	external(t, dir, address)
	eventually(t, func() error { return pub.Ping(t.Context()) })
	publish(t, pub, eventsFrom(10, 20))
	all := <-got
	if len(all) != 30 {
		t.Errorf("%d messages, want 30", len(all))
	}
	for i, sequence := range all {
		if sequence != uint64(i+1) {
			t.Fatalf("message %d came as number %d", sequence, i+1)
		}
	}
}

func TestFollowerIsToldThatItsConsumerIsLost(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(3))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream := streamOf(t, b.pub)
	n := 0
	var last error
	for _, err := range NewFeed(b.pub).Follow(ctx, 0) {
		if last = err; err != nil {
			break
		}
		if n++; n == 3 {
			for name := range stream.ConsumerNames(ctx).Name() {
				if err := stream.DeleteConsumer(ctx, name); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if !errors.Is(last, ports.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("after %d messages: %v, want unavailable", n, last)
	}
}

func TestFeedLeavesNoConsumerBehind(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(600))
	feed := NewFeed(b.pub)
	for _, err := range feed.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range feed.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	for _, err := range feed.Follow(ctx, 599) {
		if err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		cancel()
	}
	cancel()
	if info := streamOf(t, b.pub).CachedInfo(); info.State.Consumers != 0 {
		t.Errorf("%d consumers are left", info.State.Consumers)
	}
}

func TestFeedPassesMessagesOnThatAreNoEvents(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(1))
	msg := &nats.Msg{Subject: "kumomta.suppression.added", Data: []byte(`{}`)}
	if _, err := b.pub.js.PublishMsg(t.Context(), msg); err != nil {
		t.Fatal(err)
	}
	var types []string
	for m, err := range NewFeed(b.pub).Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		types = append(types, m.Type)
	}
	if len(types) != 2 || types[0] != "delivery" || types[1] != "suppression.added" {
		t.Errorf("types %v", types)
	}
}

func TestFeedSkipsMessagesThatWereTakenOut(t *testing.T) {
	b := startBus(t, t.TempDir())
	publish(t, b.pub, newEvents(5))
	for _, sequence := range []uint64{2, 5} {
		if err := streamOf(t, b.pub).DeleteMsg(t.Context(), sequence); err != nil {
			t.Fatal(err)
		}
	}
	var got []uint64
	for m, err := range NewFeed(b.pub).Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.Sequence)
	}
	if len(got) != 3 || got[1] != 3 || got[2] != 4 {
		t.Errorf("sequences %v, want 1 3 4", got)
	}
}

func TestFeedIsUnavailableWhileServerIsAway(t *testing.T) {
	address := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // the start does not wait at all
	conn, err := Connect(ctx, ConnConfig{URL: "nats://" + address, Log: (&logs{}).logger()})
	if err != nil {
		t.Fatal(err)
	}
	defer closeConn(t, conn)
	feed := NewFeed(newPublisher(t, conn, PublisherConfig{Stream: newLimits()}))
	if _, err := feed.Span(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("span: %v", err)
	}
	for _, err := range feed.Follow(t.Context(), 0) {
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("follow: %v", err)
		}
	}
}
