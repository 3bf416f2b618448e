package contract

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// LookupCacheHarness is a cache whose time can be made to pass.
type LookupCacheHarness interface {
	ports.LookupCache
	// TTL is the cache's time limit, a second at least.
	TTL() time.Duration
	// Age makes what is kept, and every ticket, older by that.
	Age(t *testing.T, by time.Duration)
}

// OpenLookupCache gives a fresh and empty cache with room for some thousand
// logs that takes the time it needs for every call, and registers with t what
// has to be done when the test ends.
type OpenLookupCache func(t *testing.T) LookupCacheHarness

// TestLookupCache holds a cache to the words of ports.LookupCache. Each story is
// told in surroundings of its own, as synctest.Test makes them.
func TestLookupCache(t *testing.T, open OpenLookupCache, in func(t *testing.T, tell func(*testing.T))) {
	t.Run("LookupCache", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, LookupCacheHarness){
			"KeepsAnswer":                        keepsAnswer,
			"KeepsThatNothingWasFound":           keepsNothingFound,
			"KeepsNothingWithoutTicket":          keepsNothingWithoutTicket,
			"KeepsNothingWithTicketOfOtherID":    keepsNothingWithOtherTicket,
			"KeepsFirstAnswerOfTicket":           keepsFirstAnswer,
			"LeavesLogsToTheirOwners":            leavesLogsToOwners,
			"GivesAnswerToItsOwnSpellingOnly":    answersSpelling,
			"ForgetsAnswer":                      forgetsAnswer,
			"ForgetsAllSpellings":                forgetsAllSpellings,
			"ForgetsManyAtOnce":                  forgetsMany,
			"ForgetsAfterEndOfContext":           forgetsAfterEnd,
			"ForgetMakesTicketsWorthless":        forgetKillsTickets,
			"LosesAnswerInTime":                  losesInTime,
			"LosesTicketInTime":                  losesTicketInTime,
			"CountsTimeFromTicket":               countsFromTicket,
			"NeverGivesWhatWasForgotten":         neverGivesForgotten,
			"NeverGivesForgottenToManyAtOnce":    neverGivesForgottenToMany,
			"KeepsAgainWhatWasForgottenAndAsked": keepsAgain,
		} {
			t.Run(name, func(t *testing.T) {
				in(t, func(t *testing.T) { tell(t, open(t)) })
			})
		}
	})
}

// ask returns a miss's ticket.
func ask(t rapid.TB, c ports.LookupCache, id string) ports.Ticket {
	t.Helper()
	_, ticket, ok := c.Get(context.Background(), id)
	if ok {
		t.Fatalf("Get %.40q: got an answer, want none", id)
	}
	return ticket
}

// keep keeps an answer, for which there must be none yet.
func keep(t rapid.TB, c ports.LookupCache, id string, logs ...domain.EmailLog) {
	t.Helper()
	c.Put(context.Background(), id, ask(t, c, id), logs)
}

// answers fails t unless that is the answer that is kept.
func answers(t rapid.TB, c ports.LookupCache, id string, want ...domain.EmailLog) {
	t.Helper()
	got, _, ok := c.Get(context.Background(), id)
	if !ok {
		t.Fatalf("Get %.40q: got no answer, want one", id)
	}
	same(t, "answer", want, got)
}

// awkwardLogs have something in every field, and nothing.
func awkwardLogs() []domain.EmailLog {
	full := domain.EmailLog{
		Key: domain.NewLogKey(messageID(1), "a@example.com"), MessageID: messageID(1), Recipient: "\"a\n<&>\"@example.com",
		Sender: "séndér@exämple.com\u2028", Tenant: "acme", Campaign: "=?\n", ApplicationID: "app-1", Provider: "p",
		EgressSource: "e", PriorID: messageID(2), NextID: messageID(3), Confirmed: true, OfReport: true,
		Size: 1 << 40, Attempts: 7,
		AcceptedAt: at(1).Add(time.Microsecond), DeliveredAt: at(2), FailedAt: at(3), ComplainedAt: time.Unix(0, 0).UTC(),
		Decision: domain.Decision{
			Status: domain.BouncedLate, At: at(4), EventID: domain.EventID{1, 2, 255}, Code: 550,
			Enhanced: domain.EnhancedCode{Class: 5, Subject: 1, Detail: 299}, Response: strings.Repeat("\\\" ", 1000),
			ResponseHash: math.MaxUint64, Confidence: domain.Verified,
			Verdict: domain.Verdict{
				Cause: domain.CauseSender, Subcause: domain.SubcauseRate, Permanence: domain.Temporary,
				Fault: domain.FaultNetwork, Rule: "rule",
			},
		},
	}
	return []domain.EmailLog{full, {}}
}

func keepsAnswer(t *testing.T, c LookupCacheHarness) {
	logs := append(awkwardLogs(), byKey(deliveries(0, 98)...)...)
	for _, id := range []string{
		messageID(1), logs[0].Key.String(), "app-1", "", "\x00", "\xff", "é\n", strings.Repeat("a", 5000), "*", "{}",
	} {
		keep(t, c, id, logs...)
		answers(t, c, id, logs...)
		answers(t, c, id, logs...)
	}
}

func keepsNothingFound(t *testing.T, c LookupCacheHarness) {
	keep(t, c, "app-1")
	answers(t, c, "app-1")
}

func keepsNothingWithoutTicket(t *testing.T, c LookupCacheHarness) {
	for _, ticket := range []ports.Ticket{"", "0", "ticket"} {
		c.Put(context.Background(), "app-1", ticket, awkwardLogs())
		ask(t, c, "app-1")
	}
}

func keepsNothingWithOtherTicket(t *testing.T, c LookupCacheHarness) {
	one, _ := ask(t, c, "app-1"), ask(t, c, "app-2")
	c.Put(context.Background(), "app-2", one, awkwardLogs())
	ask(t, c, "app-2")
}

func keepsFirstAnswer(t *testing.T, c LookupCacheHarness) {
	logs := awkwardLogs()
	first := ask(t, c, "app-1")
	c.Put(context.Background(), "app-1", first, logs[:1])
	c.Put(context.Background(), "app-1", first, logs[1:])
	answers(t, c, "app-1", logs[0])
}

func leavesLogsToOwners(t *testing.T, c LookupCacheHarness) {
	logs := awkwardLogs()
	keep(t, c, "app-1", logs...)
	logs[0].Tenant = "changed after Put"
	answers(t, c, "app-1", awkwardLogs()...)
	got, _, _ := c.Get(context.Background(), "app-1")
	got[0].Tenant = "changed after Get"
	answers(t, c, "app-1", awkwardLogs()...)
}

func answersSpelling(t *testing.T, c LookupCacheHarness) {
	keep(t, c, "App-1", awkwardLogs()...)
	for _, id := range []string{"app-1", "App1", "app1"} {
		ticket := ask(t, c, id)
		c.Put(context.Background(), id, ticket, nil)
		if got, _, ok := c.Get(context.Background(), id); ok && len(got) > 0 {
			t.Fatalf("Get %s: got %d logs of another spelling", id, len(got))
		}
	}
}

func forgetsAnswer(t *testing.T, c LookupCacheHarness) {
	logs := awkwardLogs()
	keep(t, c, "app-1", logs[0])
	keep(t, c, "app-2", logs[1])
	c.Forget(context.Background(), []string{"app-1", "app-3"})
	ask(t, c, "app-1")
	answers(t, c, "app-2", logs[1])
}

func keepsAgain(t *testing.T, c LookupCacheHarness) {
	logs := awkwardLogs()
	keep(t, c, "app-1", logs[0])
	c.Forget(context.Background(), []string{"app-1"})
	keep(t, c, "app-1", logs[1])
	answers(t, c, "app-1", logs[1])
}

func forgetsAllSpellings(t *testing.T, c LookupCacheHarness) {
	id := dashed(messageID(1))
	for _, spelling := range []string{id, strings.ToUpper(id), messageID(1), "A-b@Host", "ab@host"} {
		for _, kept := range []string{spelling, strings.ToUpper(spelling), strings.ReplaceAll(spelling, "-", "")} {
			keep(t, c, kept, awkwardLogs()...)
			c.Forget(context.Background(), []string{spelling})
			ask(t, c, kept)
			c.Forget(context.Background(), []string{kept})
		}
	}
}

func forgetsMany(t *testing.T, c LookupCacheHarness) {
	c.Forget(context.Background(), nil)
	ids := make([]string, 3000)
	for i := range ids {
		ids[i] = fmt.Sprintf("app-%d", i)
	}
	kept := []int{0, 1, 499, 999, 1000, 1001, 1999, 2000, 2999}
	for _, i := range kept {
		keep(t, c, ids[i], awkwardLogs()...)
	}
	c.Forget(context.Background(), ids)
	for _, i := range kept {
		ask(t, c, ids[i])
	}
}

func forgetsAfterEnd(t *testing.T, c LookupCacheHarness) {
	keep(t, c, "app-1", awkwardLogs()...)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c.Forget(ctx, []string{"app-1"})
	ask(t, c, "app-1")
}

func forgetKillsTickets(t *testing.T, c LookupCacheHarness) {
	before := ask(t, c, "app-1")
	c.Forget(context.Background(), []string{"app-1"})
	c.Put(context.Background(), "app-1", before, awkwardLogs())
	after := ask(t, c, "app-1")
	c.Put(context.Background(), "app-1", before, awkwardLogs())
	ask(t, c, "app-1")
	c.Put(context.Background(), "app-1", after, nil)
	answers(t, c, "app-1")
}

func losesInTime(t *testing.T, c LookupCacheHarness) {
	keep(t, c, "app-1", awkwardLogs()...)
	c.Age(t, c.TTL()/2)
	answers(t, c, "app-1", awkwardLogs()...)
	c.Age(t, c.TTL()/2)
	ask(t, c, "app-1")
}

func losesTicketInTime(t *testing.T, c LookupCacheHarness) {
	ticket := ask(t, c, "app-1")
	c.Age(t, c.TTL())
	c.Put(context.Background(), "app-1", ticket, awkwardLogs())
	ask(t, c, "app-1")
}

func countsFromTicket(t *testing.T, c LookupCacheHarness) {
	ticket := ask(t, c, "app-1")
	c.Age(t, c.TTL()/2)
	c.Put(context.Background(), "app-1", ticket, awkwardLogs())
	c.Age(t, c.TTL()/2)
	ask(t, c, "app-1")
}

// versioned is the answer at one version of what is stored.
func versioned(version int) []domain.EmailLog { return []domain.EmailLog{{Attempts: version}} }

// neverGivesForgotten takes the steps of some readers and a committer in any
// order.
func neverGivesForgotten(t *testing.T, c LookupCacheHarness) {
	type reader struct {
		ticket  ports.Ticket
		version int
	}
	n := 0
	// rapid asks a *testing.T for its deadline, which synctest forbids.
	rapid.Check(struct{ rapid.TB }{t}, func(t *rapid.T) {
		n++
		id := fmt.Sprintf("app-%d", n)
		var stored, forgotten int
		readers := make([]reader, 3)
		reading := func() *reader { return &readers[rapid.IntRange(0, len(readers)-1).Draw(t, "reader")] }
		t.Repeat(map[string]func(*rapid.T){
			"get and read": func(t *rapid.T) {
				logs, ticket, ok := c.Get(context.Background(), id)
				if ok && logs[0].Attempts < forgotten {
					t.Fatalf("got version %d, want %d at least", logs[0].Attempts, forgotten)
				}
				*reading() = reader{ticket, stored}
			},
			"commit": func(*rapid.T) { stored++ },
			"forget": func(*rapid.T) {
				c.Forget(context.Background(), []string{id})
				forgotten = stored
			},
			"put": func(*rapid.T) {
				r := reading()
				c.Put(context.Background(), id, r.ticket, versioned(r.version))
			},
		})
	})
}

// neverGivesForgottenToMany has readers and committers at work at once.
func neverGivesForgottenToMany(t *testing.T, c LookupCacheHarness) {
	const id, readers, rounds = "app-1", 4, 200
	var stored, forgotten atomic.Int64
	var reading, committing sync.WaitGroup
	done := make(chan struct{})
	committing.Go(func() {
		for now := int64(1); ; now++ {
			select {
			case <-done:
				return
			default:
			}
			stored.Store(now)
			c.Forget(context.Background(), []string{id})
			forgotten.Store(now)
			runtime.Gosched()
		}
	})
	for range readers {
		reading.Go(func() {
			for range rounds {
				atLeast := int(forgotten.Load())
				logs, ticket, ok := c.Get(context.Background(), id)
				if ok && logs[0].Attempts < atLeast {
					t.Errorf("got version %d, want %d at least", logs[0].Attempts, atLeast)
					return
				}
				read := versioned(int(stored.Load()))
				runtime.Gosched() // to the committer
				if !ok {
					c.Put(context.Background(), id, ticket, read)
				}
			}
		})
	}
	reading.Wait()
	close(done)
	committing.Wait()
}
