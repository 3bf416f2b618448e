package application_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// platformed is a store, a bus and a platform's table in memory, and workers
// that may be started and ended.
type platformed struct {
	t     *testing.T
	store *memory.Store
	bus   *memory.Bus
	table *memory.Platform
	log   bytes.Buffer
}

func newPlatformed(t *testing.T) *platformed {
	store := memory.NewStore()
	return &platformed{t: t, store: store, bus: memory.NewBus(), table: memory.NewPlatform(store)}
}

// start starts a worker and returns what ends it as a crash would: whatever it
// is at is left.
func (p *platformed) start() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	worker := application.NewPlatform(p.table, p.bus, p.store, slog.New(slog.NewTextHandler(&p.log, nil)))
	running.Go(func() { worker.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// take commits what is said of message n and announces it.
func (p *platformed) take(kind string, numbers ...int) {
	p.t.Helper()
	for _, n := range numbers {
		for _, a := range p.keep(kind, n).Announcement.Events {
			if _, err := p.bus.Publish(context.Background(), []ports.Announced{a}); err != nil {
				p.t.Error(err)
			}
		}
	}
}

// keep commits what is said of message n, and announces nothing.
func (p *platformed) keep(kind string, n int) ports.Committed {
	p.t.Helper()
	var unit ports.Unit
	for batch := range decoder.Decode(line(kind, n)) {
		unit.Events = append(unit.Events, batch.Events...)
	}
	for i := range unit.Events {
		unit.Events[i].ApplicationID = fmt.Sprint("app-", n)
	}
	committed, err := p.store.Commit(context.Background(), unit)
	if err != nil {
		p.t.Fatal(err)
	}
	return committed
}

func (p *platformed) insertPending(numbers ...int) {
	for _, n := range numbers {
		p.table.Insert(domain.PlatformRow{ID: fmt.Sprint("app-", n), Status: "pending"})
	}
}

// check holds the statuses of messages 1, 2 ... against those that are wanted.
func (p *platformed) check(want ...string) {
	p.t.Helper()
	var got []string
	for n := range want {
		got = append(got, p.table.Row(fmt.Sprint("app-", n+1)).Status)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("statuses (-want +got):\n%s\nlog:\n%s", diff, p.log.String())
	}
}

// warnings counts what was told of the level.
func (p *platformed) warnings() int { return strings.Count(p.log.String(), "level=WARN") }

func TestPlatformIsToldWhatIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		p.insertPending(1, 2, 3)
		p.take("Delivery", 1) // before there is a worker
		end := p.start()
		p.take("Reception", 2, 3)
		settle()
		p.check("delivered", "pending", "pending")
		p.take("Bounce", 2, 9) // of which one has no row
		p.take("TransientFailure", 3)
		settle()
		p.check("delivered", "bounced", "pending")
		p.take("Delivery", 3)
		settle()
		p.check("delivered", "bounced", "delivered")
		end()
		if p.warnings() != 0 {
			t.Error(p.log.String())
		}
	})
}

func TestPlatformGoesOnWhereItWasAfterAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		p.insertPending(1, 2, 3)
		end := p.start()
		p.take("Delivery", 1)
		settle()
		end()
		p.table.Insert(domain.PlatformRow{ID: "app-1", Status: "pending"}) // is not looked at again
		p.take("Delivery", 2, 3)
		defer p.start()()
		settle()
		p.check("pending", "delivered", "delivered")
		if p.warnings() != 0 {
			t.Error(p.log.String())
		}
	})
}

func TestPlatformIsToldFromLogsWhatTheBusHasLost(t *testing.T) {
	for name, lose := range map[string]func(*platformed){
		"dropped":   func(p *platformed) { p.bus.Drop(3) },
		"made anew": func(p *platformed) { p.bus.Renew() },
		"made anew and grown": func(p *platformed) {
			p.bus.Renew()
			p.take("Reception", 11, 12, 13, 14)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(noon.Add(time.Hour)))
				p := newPlatformed(t)
				p.insertPending(1, 2, 3, 4, 5)
				end := p.start()
				p.take("Delivery", 1)
				settle()
				end()
				p.take("Delivery", 2)
				p.take("Bounce", 3)
				p.take("Reception", 4)
				lose(p)
				defer p.start()()
				settle()
				p.check("delivered", "delivered", "bounced", "pending", "pending")
				p.take("Delivery", 5)
				settle()
				p.check("delivered", "delivered", "bounced", "pending", "delivered")
				if p.warnings() != 1 {
					t.Errorf("want one warning:\n%s", p.log.String())
				}
			})
		})
	}
}

// A failure is told once, and again only after it had passed.
func TestPlatformTriesAgainUntilItsTableTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		p.insertPending(1, 2)
		defer p.start()()
		settle()
		for n := 1; n <= 2; n++ {
			for range 10 {
				p.table.FailNext(ports.ErrUnavailable)
			}
			p.take("Delivery", n)
			pass(5 * time.Minute)
			if p.warnings() != n {
				t.Errorf("%d warnings, want %d:\n%s", p.warnings(), n, p.log.String())
			}
		}
		p.check("delivered", "delivered")
	})
}

func TestPlatformLeavesOutWhatItsTableRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		p.insertPending(1, 2, 3, 4, 5, 6, 7)
		p.table.Refuse("app-3", "app-7")
		p.take("Delivery", 1, 2, 3, 4, 5, 6, 7)
		defer p.start()()
		settle()
		p.check("delivered", "delivered", "pending", "delivered", "delivered", "delivered", "pending")
		if p.warnings() != 2 {
			t.Errorf("want a warning for each:\n%s", p.log.String())
		}
	})
}

// The bus being away is no reason to read logs.
func TestPlatformWaitsForItsBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		p.insertPending(1, 2)
		defer p.start()()
		p.take("Delivery", 1)
		settle()
		p.bus.SetAway(true)
		pass(time.Minute)
		p.take("Delivery", 2)
		p.check("delivered", "pending")
		p.bus.SetAway(false)
		pass(time.Minute)
		p.check("delivered", "delivered")
		if p.warnings() != 1 {
			t.Errorf("want one warning:\n%s", p.log.String())
		}
	})
}

func TestPlatformIsToldByOneOfSeveralAndByAnotherAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatformed(t)
		ends := []func(){p.start(), p.start(), p.start()}
		for i, end := range ends {
			for n := range 50 {
				p.insertPending(i*50 + n)
				p.take("Delivery", i*50+n)
				pass(100 * time.Millisecond)
			}
			end()
			pass(time.Minute)
			for n := range 50 * min(i+1, len(ends)-1) {
				if got := p.table.Row(fmt.Sprint("app-", n)).Status; got != "delivered" {
					t.Errorf("message %d is %s with %d workers left", n, got, len(ends)-i-1)
				}
			}
		}
		if p.warnings() != 0 {
			t.Error(p.log.String())
		}
	})
}
