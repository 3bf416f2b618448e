package memory_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

// lookups lives in a bubble, whose time passes by sleeping.
type lookups struct {
	*memory.Lookups
	ttl time.Duration
}

func (l lookups) TTL() time.Duration                 { return l.ttl }
func (l lookups) Age(_ *testing.T, by time.Duration) { time.Sleep(by) }

func TestLookupsKeepContract(t *testing.T) {
	contract.TestLookupCache(t, func(*testing.T) contract.LookupCacheHarness {
		return lookups{memory.NewLookups(memory.LookupsConfig{TTL: time.Minute}), time.Minute}
	}, synctest.Test)
}

func TestLookupsKeepAnswersForHalfAMinuteUnlessToldOtherwise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, c := context.Background(), memory.NewLookups(memory.LookupsConfig{})
		_, ticket, _ := c.Get(ctx, "a")
		c.Put(ctx, "a", ticket, nil)
		time.Sleep(30*time.Second - time.Nanosecond)
		if _, _, ok := c.Get(ctx, "a"); !ok {
			t.Error("lost before its time")
		}
		time.Sleep(time.Nanosecond)
		if _, _, ok := c.Get(ctx, "a"); ok {
			t.Error("kept after its time")
		}
	})
}

func TestLookupsDropWhatWasNotUsedForLongest(t *testing.T) {
	ctx, c := context.Background(), memory.NewLookups(memory.LookupsConfig{Size: 10})
	keep := func(id string, logs int) {
		_, ticket, _ := c.Get(ctx, id)
		c.Put(ctx, id, ticket, make([]domain.EmailLog, logs))
	}
	isKept := func(id string) bool { _, _, ok := c.Get(ctx, id); return ok }
	for i := range 5 {
		keep(fmt.Sprint(i), 1)
	}
	if !isKept("0") { // which makes 1 the oldest
		t.Error("the first of five answers is gone, though all fit")
	}
	keep("six", 0)
	if isKept("1") {
		t.Error("the oldest was kept, though there was no room")
	}
	if !isKept("0") || !isKept("4") {
		t.Error("more was dropped than had to be")
	}
	keep("large", 10)
	if isKept("large") || isKept("0") {
		t.Error("an answer was kept that is larger than all room")
	}
	keep("again", 9)
	if !isKept("again") {
		t.Error("an answer that fills all room was not kept")
	}
}
