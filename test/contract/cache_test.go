package contract_test

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// cache is a cache whose calls may go another way.
type cache struct {
	*memory.Lookups
	get    func(ctx context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool)
	put    func(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog)
	forget func(ctx context.Context, ids []string)
}

const cacheTTL = time.Minute

func soundCache(ttl time.Duration) *cache {
	c := memory.NewLookups(memory.LookupsConfig{TTL: ttl})
	return &cache{c, c.Get, c.Put, c.Forget}
}

func (c *cache) Get(ctx context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool) {
	return c.get(ctx, id)
}

func (c *cache) Put(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
	c.put(ctx, id, ticket, logs)
}

func (c *cache) Forget(ctx context.Context, ids []string) { c.forget(ctx, ids) }

// TTL implements contract.LookupCacheHarness.
func (*cache) TTL() time.Duration { return cacheTTL }

// Age implements contract.LookupCacheHarness in a bubble.
func (*cache) Age(_ *testing.T, by time.Duration) { time.Sleep(by) } //nolint:forbidigo // within a bubble of synctest

// TestLookupCacheSuite runs the suite on a cache that is sound unless a fault is
// asked for.
func TestLookupCacheSuite(t *testing.T) {
	contract.TestLookupCache(t, func(*testing.T) contract.LookupCacheHarness {
		for _, f := range cacheFaults {
			if f.fault == os.Getenv(faultVariable) {
				return f.broken()
			}
		}
		return soundCache(cacheTTL)
	}, synctest.Test)
}

func TestLookupCacheSuiteRejectsBrokenCaches(t *testing.T) {
	for _, f := range cacheFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestLookupCacheSuite/LookupCache/"+f.story)
		})
	}
}

// renamed makes a cache use other ids.
func renamed(rename func(string) string) func() *cache {
	return func() *cache {
		c := soundCache(cacheTTL)
		c.get = func(ctx context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool) {
			return c.Lookups.Get(ctx, rename(id))
		}
		c.put = func(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
			c.Lookups.Put(ctx, rename(id), ticket, logs)
		}
		return c
	}
}

// putting makes a cache keep something else, or in another way.
func putting(put func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog)) func() *cache {
	return func() *cache {
		c := soundCache(cacheTTL)
		c.put = func(_ context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
			put(c, id, ticket, logs)
		}
		return c
	}
}

// forgetting makes a cache forget other ids.
func forgetting(change func([]string) []string) func() *cache {
	return func() *cache {
		c := soundCache(cacheTTL)
		c.forget = func(ctx context.Context, ids []string) { c.Lookups.Forget(ctx, change(ids)) }
		return c
	}
}

// anyTicket keeps the logs whatever the ticket: a cache without a lease.
func anyTicket(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
	if ticket == "" {
		return
	}
	_, current, _ := c.Lookups.Get(background, id)
	c.Lookups.Put(background, id, current, logs)
}

var cacheFaults = []struct {
	fault, story string
	broken       func() *cache
}{
	{"loses the second log", "KeepsAnswer", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		c.Lookups.Put(background, id, ticket, logs[:min(1, len(logs))])
	})},
	{"keeps seconds", "KeepsAnswer", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		logs = slices.Clone(logs)
		for i := range logs {
			logs[i].AcceptedAt = logs[i].AcceptedAt.Truncate(time.Second)
		}
		c.Lookups.Put(background, id, ticket, logs)
	})},
	{"takes nothing for no answer", "KeepsThatNothingWasFound", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		if len(logs) > 0 {
			c.Lookups.Put(background, id, ticket, logs)
		}
	})},
	{"keeps without ticket", "KeepsNothingWithoutTicket", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		anyTicket(c, id, "any", logs)
	})},
	{"takes tickets of others", "KeepsNothingWithTicketOfOtherID", putting(anyTicket)},
	{"keeps the last answer", "KeepsFirstAnswerOfTicket", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		c.Lookups.Forget(background, []string{id})
		anyTicket(c, id, ticket, logs)
	})},
	{"shares its logs", "LeavesLogsToTheirOwners", sharesLogs},
	{"answers any spelling", "GivesAnswerToItsOwnSpellingOnly", renamed(domain.NormalizeMessageID)},
	{"forgets nothing", "ForgetsAnswer", forgetting(func([]string) []string { return nil })},
	{"forgets other answers too", "ForgetsAnswer", forgetting(func(ids []string) []string { return append(ids, "app-2") })},
	{"forgets for ever", "KeepsAgainWhatWasForgottenAndAsked", forgetsForEver},
	{"forgets one spelling", "ForgetsAllSpellings", renamed(func(id string) string {
		return strings.Map(func(r rune) rune { return r + 1 }, id)
	})},
	{"forgets a thousand at most", "ForgetsManyAtOnce", forgetting(func(ids []string) []string { return ids[:min(len(ids), 1000)] })},
	{"forgets for those who wait", "ForgetsAfterEndOfContext", func() *cache {
		c := soundCache(cacheTTL)
		c.forget = func(ctx context.Context, ids []string) {
			if ctx.Err() == nil {
				c.Lookups.Forget(ctx, ids)
			}
		}
		return c
	}},
	{"has no tickets", "ForgetMakesTicketsWorthless", putting(anyTicket)},
	{"keeps what was read before", "NeverGivesWhatWasForgotten", putting(anyTicket)},
	{"lets many keep what was read before", "NeverGivesForgottenToManyAtOnce", keepsLate},
	{"keeps for ever", "LosesAnswerInTime", func() *cache { return soundCache(1000 * cacheTTL) }},
	{"loses early", "LosesAnswerInTime", func() *cache { return soundCache(cacheTTL / 3) }},
	{"gives tickets for ever", "LosesTicketInTime", func() *cache { return soundCache(1000 * cacheTTL) }},
	{"counts time from Put", "CountsTimeFromTicket", putting(func(c *cache, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		if _, current, ok := c.Lookups.Get(background, id); ok || current != ticket {
			return
		}
		c.Lookups.Forget(background, []string{id})
		_, fresh, _ := c.Lookups.Get(background, id)
		c.Lookups.Put(background, id, fresh, logs)
	})},
}

// sharesLogs gives all callers the same logs.
func sharesLogs() *cache {
	c := soundCache(cacheTTL)
	kept := map[string][]domain.EmailLog{}
	c.put = func(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		kept[id] = logs
		c.Lookups.Put(ctx, id, ticket, logs)
	}
	c.get = func(ctx context.Context, id string) ([]domain.EmailLog, ports.Ticket, bool) {
		_, ticket, ok := c.Lookups.Get(ctx, id)
		return kept[id], ticket, ok
	}
	return c
}

// keepsLate is slow to keep an answer: what came before a Forget is kept after
// it.
func keepsLate() *cache {
	c := soundCache(cacheTTL)
	var mu sync.Mutex
	late := map[string][]domain.EmailLog{}
	c.put = func(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		mu.Lock()
		defer mu.Unlock()
		late[id] = logs
		c.Lookups.Put(ctx, id, ticket, logs)
	}
	c.forget = func(ctx context.Context, ids []string) {
		mu.Lock()
		defer mu.Unlock()
		c.Lookups.Forget(ctx, ids)
		for _, id := range ids {
			if logs, ok := late[id]; ok {
				anyTicket(c, id, "any", logs)
			}
		}
		runtime.Gosched() // to readers
	}
	return c
}

// forgetsForEver keeps nothing any more of what was once forgotten.
func forgetsForEver() *cache {
	c := soundCache(cacheTTL)
	dead := map[string]bool{}
	c.forget = func(ctx context.Context, ids []string) {
		for _, id := range ids {
			dead[id] = true
		}
		c.Lookups.Forget(ctx, ids)
	}
	c.put = func(ctx context.Context, id string, ticket ports.Ticket, logs []domain.EmailLog) {
		if !dead[id] {
			c.Lookups.Put(ctx, id, ticket, logs)
		}
	}
	return c
}
