//go:build unix && !embedded

package rediscache_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// diary keeps the levels of what was logged.
type diary struct {
	slog.Handler
	mu     sync.Mutex
	levels []slog.Level
}

func newDiary() *diary { return &diary{Handler: slog.DiscardHandler} }

func (*diary) Enabled(context.Context, slog.Level) bool { return true }

func (d *diary) Handle(_ context.Context, r slog.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.levels = append(d.levels, r.Level)
	return nil
}

// says fails t unless the levels are those.
func (d *diary) says(t *testing.T, want ...slog.Level) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if fmt.Sprint(d.levels) != fmt.Sprint(want) {
		t.Errorf("log has %v, want %v", d.levels, want)
	}
}

// eventually tries again and again until it is so.
func eventually(t *testing.T, what string, isSo func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 6000 {
		if isSo() {
			return
		}
		<-tick.C
	}
	t.Fatalf("it never came that %s", what)
}

// works says whether the cache keeps something.
func works(c ports.LookupCache) bool {
	ctx := context.Background()
	_, ticket, ok := c.Get(ctx, "works")
	if !ok {
		c.Put(ctx, "works", ticket, nil)
		_, _, ok = c.Get(ctx, "works")
	}
	return ok
}

// all calls every method of a cache that has nothing to say.
func all(t *testing.T, c ports.LookupCache) {
	t.Helper()
	ctx := context.Background()
	if _, ticket, ok := c.Get(ctx, "app-1"); ok || ticket != "" {
		t.Errorf("Get gave %q, %t", ticket, ok)
	}
	c.Put(ctx, "app-1", "?\nticket", nil)
	c.Forget(ctx, []string{"app-1"})
}

const never = time.Hour

func TestAbsentRedisIsLeftAloneAndItsReturnNoticed(t *testing.T) {
	server, diary := servers.OwnRedis(t), newDiary()
	server.Stop(t)
	c := open(t, rediscache.Config{
		URL: server.URL(), Timeout: patient, RetryAfter: 20 * time.Millisecond, Log: slog.New(diary),
	})
	for range 100 {
		all(t, c)
	}
	if err := c.Ping(context.Background()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("ping: %v, want ErrUnavailable", err)
	}
	server.Start(t)
	eventually(t, "the cache works", func() bool { return works(c) })
	if err := c.Ping(context.Background()); err != nil {
		t.Errorf("ping: %v", err)
	}
	diary.says(t, slog.LevelWarn, slog.LevelInfo)
}

func TestRedisThatIsKilledCostsAnswersOnly(t *testing.T) {
	server, diary := servers.OwnRedis(t), newDiary()
	c := open(t, rediscache.Config{
		URL: server.URL(), Timeout: patient, RetryAfter: 20 * time.Millisecond, Log: slog.New(diary),
	})
	eventually(t, "the cache works", func() bool { return works(c) })
	var work sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		work.Go(func() {
			id := fmt.Sprintf("app-%d", i)
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, ticket, _ := c.Get(context.Background(), id)
				c.Put(context.Background(), id, ticket, nil)
				c.Forget(context.Background(), []string{id})
			}
		})
	}
	server.Stop(t)
	eventually(t, "the outage is noticed", func() bool { return !works(c) })
	close(stop)
	work.Wait()
	server.Start(t)
	eventually(t, "the cache works", func() bool { return works(c) })
	diary.says(t, slog.LevelWarn, slog.LevelInfo)
}

func TestFrozenRedisIsAskedOnce(t *testing.T) {
	server, diary := servers.OwnRedis(t), newDiary()
	between := through(t, server.Address())
	c := open(t, rediscache.Config{URL: between.url(), RetryAfter: never, Timeout: time.Second, Log: slog.New(diary)})
	eventually(t, "the cache works", func() bool { return works(c) })
	server.Freeze(t)
	all(t, c) // its first call waits for the timeout
	asked := between.sent.Load()
	for range 1000 {
		all(t, c)
	}
	if more := between.sent.Load() - asked; more != 0 {
		t.Errorf("a frozen server was asked %d times more", more)
	}
	diary.says(t, slog.LevelWarn)
}

func TestSlowRedisIsLeftAloneUntilItIsFast(t *testing.T) {
	diary := newDiary()
	between := through(t, servers.OwnRedis(t).Address())
	const timeout = 300 * time.Millisecond
	c := open(t, rediscache.Config{
		URL: between.url(), Timeout: timeout, RetryAfter: 20 * time.Millisecond, Log: slog.New(diary),
	})
	eventually(t, "the cache works", func() bool { return works(c) })
	between.delay.Store(int64(timeout + timeout/2)) // less than a probe may take to connect
	all(t, c)
	for range 100 {
		if works(c) {
			t.Fatal("a cache that is too slow was used")
		}
	}
	between.delay.Store(0)
	eventually(t, "the cache works", func() bool { return works(c) })
	diary.says(t, slog.LevelWarn, slog.LevelInfo)
}

func TestCallerWhoGivesUpIsNoFaultOfRedis(t *testing.T) {
	diary := newDiary()
	between := through(t, servers.OwnRedis(t).Address())
	c := open(t, rediscache.Config{URL: between.url(), Timeout: patient, RetryAfter: never, Log: slog.New(diary)})
	eventually(t, "the cache works", func() bool { return works(c) })
	between.delay.Store(int64(time.Second))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if _, _, ok := c.Get(ctx, "works"); ok {
		t.Error("got an answer before it came")
	}
	between.delay.Store(0)
	if !works(c) {
		t.Error("the cache is not used any more")
	}
	diary.says(t)
}

func TestForgetsThatWereLostAreMadeGoodBeforeAnythingIsTrusted(t *testing.T) {
	server := servers.OwnRedis(t)
	between := through(t, server.Address())
	cut := open(t, rediscache.Config{URL: between.url(), Timeout: patient, RetryAfter: 20 * time.Millisecond})
	other := open(t, rediscache.Config{URL: server.URL(), Timeout: patient})
	eventually(t, "both caches work", func() bool { return works(cut) && works(other) })
	keeps(t, cut, "app-1")
	_, early, _ := cut.Get(context.Background(), "app-2")

	between.cut(true)
	cut.Forget(context.Background(), []string{"app-1", "app-2"})
	if _, _, ok := other.Get(context.Background(), "app-1"); !ok {
		t.Fatal("the answer is gone before it could be forgotten: this test shows nothing")
	}
	between.cut(false)

	var ticket ports.Ticket
	eventually(t, "the cache is used again", func() bool {
		_, next, ok := cut.Get(context.Background(), "app-1")
		if ticket = next; ok {
			t.Fatal("got what was to be forgotten")
		}
		return ticket != ""
	})
	other.Put(context.Background(), "app-2", early, []domain.EmailLog{{Tenant: "old"}})
	for _, id := range []string{"app-1", "app-2"} {
		if _, _, ok := other.Get(context.Background(), id); ok {
			t.Errorf("another instance got %s, which was to be forgotten", id)
		}
	}
	cut.Put(context.Background(), "app-1", ticket, nil)
	if logs, _, ok := other.Get(context.Background(), "app-1"); !ok || len(logs) != 0 {
		t.Error("nothing is kept after that")
	}
}

func TestPutThatAFrozenRedisDoesLateKeepsNothingThatWasForgotten(t *testing.T) {
	server := servers.OwnRedis(t)
	c := open(t, rediscache.Config{URL: server.URL(), Timeout: 500 * time.Millisecond, RetryAfter: 20 * time.Millisecond})
	eventually(t, "the cache works", func() bool { return works(c) })
	_, ticket, _ := c.Get(context.Background(), "app-1")
	server.Freeze(t)
	c.Put(context.Background(), "app-1", ticket, []domain.EmailLog{{Tenant: "old"}})
	c.Forget(context.Background(), []string{"app-1"})
	server.Thaw(t)
	eventually(t, "the cache is used again", func() bool {
		_, next, ok := c.Get(context.Background(), "app-1")
		if ok {
			t.Fatal("got what was to be forgotten")
		}
		return next != ""
	})
}
