package contract_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// feed is one that may be broken.
type feed struct {
	*memory.Bus
	span         func(context.Context) (ports.Span, error)
	read, follow func(context.Context, uint64) iter.Seq2[ports.Message, error]
}

func soundFeed() *feed {
	b := memory.NewBus()
	return &feed{Bus: b, span: b.Span, read: b.Read, follow: b.Follow}
}

func (f *feed) Span(ctx context.Context) (ports.Span, error) { return f.span(ctx) }

func (f *feed) Read(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return f.read(ctx, after)
}

func (f *feed) Follow(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
	return f.follow(ctx, after)
}

func (f *feed) Drop(_ *testing.T, sequence uint64) { f.Bus.Drop(sequence) }
func (f *feed) Renew(*testing.T)                   { f.Bus.Renew() }

// each has every message and error of a sequence pass through change, which says
// whether it is there at all.
func each(messages iter.Seq2[ports.Message, error], change func(*ports.Message, *error) bool) iter.Seq2[ports.Message, error] {
	return func(yield func(ports.Message, error) bool) {
		for m, err := range messages {
			if change(&m, &err) && !yield(m, err) {
				return
			}
		}
	}
}

var feedFaults = []struct {
	fault, story string
	breaks       func(*feed)
}{
	{"spans from 0", "Feed/SpansNothingAtFirst", func(f *feed) {
		f.span = func(context.Context) (ports.Span, error) { return ports.Span{}, nil }
	}},
	{"spans what is dropped", "Feed/SpansWhatIsThere", func(f *feed) {
		f.span = func(ctx context.Context) (ports.Span, error) {
			s, err := f.Bus.Span(ctx)
			return ports.Span{First: 1, Last: s.Last}, err
		}
	}},
	{"reads the first again", "Feed/ReadsToTheNewest", func(f *feed) {
		f.read = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return f.Bus.Read(ctx, max(after, 1)-1)
		}
	}},
	{"ends after a thousand", "Feed/ReadsMoreThanItHolds", func(f *feed) {
		f.read = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Read(ctx, after), func(m *ports.Message, _ *error) bool { return m.Sequence <= 1000 })
		}
	}},
	{"waits for more when it reads", "Feed/ReadsNothingAfterTheNewest", func(f *feed) { f.read = f.Bus.Follow }},
	{"does not wait when it follows", "Feed/HearsWhatIsPublishedMeanwhile", func(f *feed) { f.follow = f.Bus.Read }},
	{"skips a message", "Feed/FollowsFromAPlace", func(f *feed) {
		f.follow = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Follow(ctx, after), func(m *ports.Message, _ *error) bool { return m.Sequence != 77 })
		}
	}},
	{"tells no type", "Feed/TellsTypesAndWhatIsFilteredBy", func(f *feed) {
		f.read = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Read(ctx, after), func(m *ports.Message, _ *error) bool { m.Type = ""; return true })
		}
	}},
	{"goes on with what is there", "Feed/SaysWhatIsGone", func(f *feed) {
		f.follow = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			span, _ := f.Bus.Span(ctx)
			return f.Bus.Follow(ctx, max(after, span.First-1))
		}
	}},
	{"waits for what is not there yet", "Feed/SaysThatAPlaceIsNotThereYet", func(f *feed) {
		f.read = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			span, _ := f.Bus.Span(ctx)
			return f.Bus.Read(ctx, min(after, span.Last))
		}
	}},
	{"calls gone what was read", "Feed/GoesOnWhereOnlyWhatWasReadIsDropped", func(f *feed) {
		f.follow = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Follow(ctx, after), func(m *ports.Message, err *error) bool {
				if span, _ := f.Bus.Span(ctx); span.First > 1 {
					*err = ports.ErrGone
				}
				return true
			})
		}
	}},
	{"does not see that the bus is another", "Feed/SaysThatTheBusIsAnother", func(f *feed) {
		f.follow = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Follow(ctx, after), func(_ *ports.Message, err *error) bool {
				if errors.Is(*err, ports.ErrGone) {
					*err = ports.ErrUnavailable
				}
				return true
			})
		}
	}},
	{"ends without an error", "Feed/EndsWithItsContext", func(f *feed) {
		f.follow = func(ctx context.Context, after uint64) iter.Seq2[ports.Message, error] {
			return each(f.Bus.Follow(ctx, after), func(_ *ports.Message, err *error) bool { return *err == nil })
		}
	}},
}

func TestFeedSuite(t *testing.T) {
	contract.TestFeed(t, func(*testing.T) contract.FeedHarness {
		f := soundFeed()
		for _, fault := range feedFaults {
			if fault.fault == os.Getenv(faultVariable) {
				fault.breaks(f)
			}
		}
		return f
	})
}

func TestSuiteRejectsBrokenFeeds(t *testing.T) {
	for _, f := range feedFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestFeedSuite/"+f.story)
		})
	}
}
