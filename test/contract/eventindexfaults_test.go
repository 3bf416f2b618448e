package contract_test

import (
	"context"
	"iter"
	"os"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

// brokenIndex is a store whose index goes another way where a function is set.
type brokenIndex struct {
	contract.Store
	known func(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error)
	ids   func(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error]
}

func (b *brokenIndex) KnownEvents(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
	return b.known(ctx, ids)
}

func (b *brokenIndex) EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	return b.ids(ctx, from, to)
}

type indexFault struct {
	fault, story string
	breaks       func(*brokenIndex)
}

// known changes the answer to which events are known.
func known(change func(ids []domain.EventID, known map[domain.EventID]string)) func(*brokenIndex) {
	return func(b *brokenIndex) {
		b.known = func(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
			m, err := b.Store.KnownEvents(ctx, ids)
			if err == nil {
				change(ids, m)
			}
			return m, err
		}
	}
}

// idsBetween asks for other times.
func idsBetween(change func(from, to *time.Time)) func(*brokenIndex) {
	return func(b *brokenIndex) {
		b.ids = func(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
			change(&from, &to)
			return b.Store.EventIDs(ctx, from, to)
		}
	}
}

// streamed changes which ids are streamed.
func streamed(change func([]domain.EventID) []domain.EventID) func(*brokenIndex) {
	return func(b *brokenIndex) {
		b.ids = func(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
			return func(yield func(domain.EventID, error) bool) {
				var ids []domain.EventID
				for id, err := range b.Store.EventIDs(ctx, from, to) {
					if err != nil {
						yield(id, err)
						return
					}
					ids = append(ids, id)
				}
				for _, id := range change(ids) {
					if !yield(id, nil) {
						return
					}
				}
			}
		}
	}
}

var indexFaults = []indexFault{
	{"knows all it is asked for", "KnowsWhatIsStoredAndItsNode", known(func(ids []domain.EventID, m map[domain.EventID]string) {
		for _, id := range ids {
			m[id] += ""
		}
	})},
	{"knows no node", "KnowsWhatIsStoredAndItsNode", known(func(_ []domain.EventID, m map[domain.EventID]string) {
		for id := range m {
			m[id] = ""
		}
	})},
	{"knows dated events alone", "KnowsWhatIsStoredAndItsNode", known(func(_ []domain.EventID, m map[domain.EventID]string) {
		for id := range m {
			if _, dated := id.Time(); !dated {
				delete(m, id)
			}
		}
	})},
	{"knows up to a thousand", "StreamsPastManyPages", known(func(_ []domain.EventID, m map[domain.EventID]string) {
		for id := range m {
			if len(m) > 1000 {
				delete(m, id)
			}
		}
	})},
	{"knows nothing by nil", "KnowsNothingOfNothing", func(b *brokenIndex) {
		b.known = func(ctx context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
			m, err := b.Store.KnownEvents(ctx, ids)
			if len(m) == 0 {
				m = nil
			}
			return m, err
		}
	}},
	{"streams out of order", "StreamsIDsOfTimeInOrder", streamed(func(ids []domain.EventID) []domain.EventID {
		if len(ids) > 1 {
			ids[0], ids[1] = ids[1], ids[0]
		}
		return ids
	})},
	{"streams the last instant too", "StreamsIDsOfTimeInOrder", idsBetween(func(_, to *time.Time) { *to = to.Add(time.Millisecond) })},
	{"leaves the first instant out", "StreamsIDsOfTimeInOrder", idsBetween(func(from, _ *time.Time) { *from = from.Add(time.Millisecond) })},
	{"rounds down", "StreamsIDsOfEachMillisecond", idsBetween(func(from, to *time.Time) {
		*from, *to = from.Truncate(time.Millisecond), to.Truncate(time.Millisecond)
	})},
	{"ends after a page", "StreamsPastManyPages", streamed(func(ids []domain.EventID) []domain.EventID { return ids[:min(len(ids), 10_000)] })},
	{"streams the seam twice", "StreamsPastManyPages", streamed(func(ids []domain.EventID) []domain.EventID {
		if len(ids) > 10_000 {
			ids = append(ids[:10_000:10_000], ids[9_999:]...)
		}
		return ids
	})},
	{"knows what was pruned", "ForgetsWhatWasPruned", known(func(ids []domain.EventID, m map[domain.EventID]string) {
		for _, id := range ids {
			m[id] += ""
		}
	})},
	{"looks though nobody waits", "EndedContextIsUnavailable", func(b *brokenIndex) {
		b.known = func(_ context.Context, ids []domain.EventID) (map[domain.EventID]string, error) {
			return b.Store.KnownEvents(background, ids)
		}
	}},
	{"streams nothing when closed", "ClosedStoreIsUnavailable", func(b *brokenIndex) {
		b.ids = func(context.Context, time.Time, time.Time) iter.Seq2[domain.EventID, error] {
			return func(func(domain.EventID, error) bool) {}
		}
	}},
}

func TestEventIndexSuite(t *testing.T) {
	breaks := func(*brokenIndex) {}
	for _, f := range indexFaults {
		if f.fault == os.Getenv(faultVariable) {
			breaks = f.breaks
		}
	}
	contract.TestEventIndex(t, func(*testing.T) contract.Store {
		s := memory.NewStore()
		b := &brokenIndex{Store: s, known: s.KnownEvents, ids: s.EventIDs}
		breaks(b)
		return b
	})
}

func TestEventIndexSuiteRejectsBrokenStores(t *testing.T) {
	for _, f := range indexFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestEventIndexSuite/EventIndex/"+f.story)
		})
	}
}
