package application

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// StreamConfig tunes a Stream; zero fields take the defaults.
type StreamConfig struct {
	Listeners int // at once, 1,000
	// Readers is how many of them may read from the bus what they missed, each
	// for itself, 64. Others wait for their turn.
	Readers int
	// Messages and Bytes are how much of what came last is kept in memory, 4,096
	// and 16 MiB. A listener that is further behind is dropped.
	Messages, Bytes int
	// Pace is how often a listener is told of messages at most, 25 ms. What comes
	// in between comes together; waking 1,000 listeners for each message would
	// take all there is of the processor.
	Pace   time.Duration
	Beat   time.Duration // after which a listener is told that nothing came, 15 s
	Linger time.Duration // how long the bus is followed with nobody listening, 30 s
}

func (c StreamConfig) withDefaults() StreamConfig {
	count := func(n *int, value int) {
		if *n <= 0 {
			*n = value
		}
	}
	count(&c.Listeners, 1000)
	count(&c.Readers, 64)
	count(&c.Messages, 4096)
	count(&c.Bytes, 16<<20)
	length := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	length(&c.Pace, 25*time.Millisecond)
	length(&c.Beat, 15*time.Second)
	length(&c.Linger, 30*time.Second)
	return c
}

// Why a listener hears no more, though it still listens.
var (
	ErrTooSlow  = errors.New("listener is too slow")
	ErrStopping = errors.New("the stream is stopping")
)

// Heard is what a listener is told next. One without messages is a sign of life.
type Heard struct {
	// Messages are those that its filter chooses, in their order, each once.
	Messages []ports.Message
	// Sequence is how far it has been told all: who listens again from there
	// misses nothing.
	Sequence uint64
	// Reset says that what came before Sequence and was not told cannot be told
	// any more; there are no messages with it. The first that is told may say so.
	Reset bool
}

// Stream tells many listeners of what is announced, while it is. It follows the
// bus once for all of them, and not at all while nobody listens.
//
// Who resumes first reads from the bus what it missed, until it is so near that
// the rest is in the memory that all share; from there on it hears with the
// others.
type Stream struct {
	feed    ports.Feed
	log     *slog.Logger
	config  StreamConfig
	readers chan struct{} // has a token for each who may read for itself

	mu        sync.RWMutex
	listeners map[*listener]struct{}
	following *following // nil while nobody does
	linger    *time.Timer

	stop     sync.Once
	stopping chan struct{}
	work     sync.WaitGroup // the follower and all listeners
}

// listener is one of those who listen. The stream's mu guards all but its
// filter; its own fields it may also change under a read lock.
type listener struct {
	filter chooser
	wake   chan struct{} // has a token when there is something to take

	seen uint64 // it was told all that it wants up to this message
	live bool   // it hears with the others
	due  bool   // there may be something for it after seen; if not, it has all
	lost bool   // and cannot be told what came before seen
	slow bool
}

// NewStream returns a stream of feed. It must be closed.
func NewStream(feed ports.Feed, log *slog.Logger, config StreamConfig) *Stream {
	config = config.withDefaults()
	s := &Stream{
		feed: feed, log: log, config: config, readers: make(chan struct{}, config.Readers),
		listeners: map[*listener]struct{}{}, stopping: make(chan struct{}),
	}
	for range config.Readers {
		s.readers <- struct{}{}
	}
	return s
}

// Listen tells of messages that filter chooses, from now on or, with resume, of
// those after that sequence first. It calls tell at once to say that it listens,
// and then whenever there is something to tell, or nothing was for a Beat. What
// tell is given is valid until it returns.
//
// Listen returns tell's error, ctx's, ErrTooSlow or ErrStopping. Before the first
// tell it may return ErrOverloaded for too many listeners, or ErrUnavailable for
// a bus that is away; later it waits for the bus to come back.
func (s *Stream) Listen(ctx context.Context, filter StreamFilter, resume *uint64, tell func(Heard) error) error {
	l := &listener{filter: newChooser(filter), wake: make(chan struct{}, 1)}
	if err := s.enter(l); err != nil {
		return err
	}
	defer s.leave(l)
	span, err := s.feed.Span(ctx)
	if err != nil {
		return fmt.Errorf("listen to the stream: %w", err)
	}
	s.place(l, span, resume)
	return newSession(s, l, tell).run(ctx)
}

func (s *Stream) enter(l *listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isStopping() {
		return ErrStopping
	}
	if n := len(s.listeners); n >= s.config.Listeners {
		return fmt.Errorf("listen to the stream: %d listen already: %w", n, ports.ErrOverloaded)
	}
	s.listeners[l] = struct{}{}
	s.work.Add(1)
	if s.linger != nil {
		s.linger.Stop()
	}
	return nil
}

// place puts l behind the message that it heard last, or the newest.
func (s *Stream) place(l *listener, span ports.Span, resume *uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.seen = span.Last
	if resume != nil {
		if l.lost = !span.Holds(*resume); !l.lost {
			l.seen = *resume
		}
	}
	if s.following == nil && !s.isStopping() {
		s.startFollowing(span.Last)
	}
}

func (s *Stream) leave(l *listener) {
	defer s.work.Done()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	if len(s.listeners) == 0 && s.following != nil && !s.isStopping() {
		s.linger = time.AfterFunc(s.config.Linger, s.rest)
	}
}

// rest stops following if nobody listens.
func (s *Stream) rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.listeners) == 0 {
		s.stopFollowing()
	}
}

func (s *Stream) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

// Listeners returns how many listen.
func (s *Stream) Listeners() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.listeners)
}

// Stop ends every Listen, and does not wait for that.
func (s *Stream) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop.Do(func() { close(s.stopping) })
	s.stopFollowing()
	if s.linger != nil {
		s.linger.Stop()
	}
}

// Close ends every Listen and waits until all have returned: as long as their
// tells take.
func (s *Stream) Close() {
	s.Stop()
	s.work.Wait()
}
