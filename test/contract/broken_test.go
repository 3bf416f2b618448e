package contract_test

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// broken is a store whose calls go another way where a function is set.
type broken struct {
	contract.Store
	commit func(ctx context.Context, u ports.Unit) (ports.Committed, error)
	claim  func(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error)
	done   func(ctx context.Context, ids []ports.AnnouncementID) error
	prune  func(ctx context.Context, events, logs time.Time) (int64, error)
	list   func(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error)
	get    func(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error)
	logs   func(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error]
	find   func(ctx context.Context, id string, limit int) ([]domain.EmailLog, error)
	count  func(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error)
	events func(ctx context.Context, id string) ([]domain.EmailEvent, error)
	vitals func(ctx context.Context) (ports.Vitals, error)
	close  func() error
}

// sound returns s with every call as it is.
func sound(s contract.Store) *broken {
	return &broken{
		Store: s, commit: s.Commit, claim: s.Claim, done: s.Done, prune: s.Prune, list: s.List, get: s.Get,
		logs: s.Logs, find: s.FindLogs, count: s.CountEvents, events: s.Events, vitals: s.Vitals, close: s.Close,
	}
}

func (b *broken) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	return b.commit(ctx, u)
}

func (b *broken) Claim(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
	return b.claim(ctx, limit, hold)
}

func (b *broken) Done(ctx context.Context, ids []ports.AnnouncementID) error { return b.done(ctx, ids) }

func (b *broken) Prune(ctx context.Context, events, logs time.Time) (int64, error) {
	return b.prune(ctx, events, logs)
}

func (b *broken) List(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
	return b.list(ctx, after, limit)
}

func (b *broken) Get(ctx context.Context, id domain.QuarantineID) (ports.Quarantined, error) {
	return b.get(ctx, id)
}

func (b *broken) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return b.logs(ctx, f)
}

func (b *broken) FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	return b.find(ctx, id, limit)
}

func (b *broken) CountEvents(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
	return b.count(ctx, q)
}

func (b *broken) Events(ctx context.Context, id string) ([]domain.EmailEvent, error) {
	return b.events(ctx, id)
}

func (b *broken) Vitals(ctx context.Context) (ports.Vitals, error) { return b.vitals(ctx) }

func (b *broken) Close() error { return b.close() }

// breaks is how a fault gets into a store.
type breaks func(*broken)

// unit makes the store commit another unit than it was given.
func unit(change func(*ports.Unit)) breaks {
	return func(b *broken) {
		b.commit = func(ctx context.Context, u ports.Unit) (ports.Committed, error) {
			n := len(u.Events)
			change(&u)
			c, err := b.Store.Commit(ctx, u)
			if err == nil && len(c.New) < n {
				c.New = append(c.New, make([]bool, n-len(c.New))...)
			}
			return c, err
		}
	}
}

// answer makes Commit say something else.
func answer(change func(*ports.Committed, ports.Unit)) breaks {
	return func(b *broken) {
		b.commit = func(ctx context.Context, u ports.Unit) (ports.Committed, error) {
			c, err := b.Store.Commit(ctx, u)
			if err == nil {
				change(&c, u)
			}
			return c, err
		}
	}
}

// event changes the events that are read.
func event(change func(*domain.EmailEvent)) breaks {
	return events(func(all []domain.EmailEvent) {
		for i := range all {
			change(&all[i])
		}
	})
}

func events(change func([]domain.EmailEvent)) breaks {
	return func(b *broken) {
		b.events = func(ctx context.Context, id string) ([]domain.EmailEvent, error) {
			all, err := b.Store.Events(ctx, id)
			change(all)
			return all, err
		}
	}
}

// logs changes the logs that are read.
func logs(change func([]domain.EmailLog) []domain.EmailLog) breaks {
	return func(b *broken) {
		b.logs = func(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
			var all []domain.EmailLog
			var failed error
			for l, err := range b.Store.Logs(ctx, f) {
				if failed = err; err == nil {
					all = append(all, l)
				}
			}
			return func(yield func(domain.EmailLog, error) bool) {
				for _, l := range change(all) {
					if !yield(l, nil) {
						return
					}
				}
				if failed != nil {
					yield(domain.EmailLog{}, failed)
				}
			}
		}
	}
}

// filter makes the store read by another filter.
func filter(change func(*ports.LogFilter)) breaks {
	return func(b *broken) {
		b.logs = func(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
			change(&f)
			return b.Store.Logs(ctx, f)
		}
	}
}

// finds makes the store find by another id or limit.
func finds(change func(id *string, limit *int)) breaks {
	return func(b *broken) {
		b.find = func(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
			change(&id, &limit)
			return b.Store.FindLogs(ctx, id, limit)
		}
	}
}

// found changes what is found.
func found(change func(id string, logs []domain.EmailLog) []domain.EmailLog) breaks {
	return func(b *broken) {
		b.find = func(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
			all, err := b.Store.FindLogs(ctx, id, 1000)
			all = change(id, all)
			return all[:min(limit, len(all))], err
		}
	}
}

// counts changes what is counted.
func counts(change func([]ports.EventCount)) breaks {
	return func(b *broken) {
		b.count = func(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
			all, err := b.Store.CountEvents(ctx, q)
			change(all)
			return all, err
		}
	}
}

// claims changes what is claimed, and how.
func claims(before func(limit *int, hold *time.Duration), after func([]ports.Announcement) []ports.Announcement) breaks {
	return func(b *broken) {
		b.claim = func(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
			before(&limit, &hold)
			claimed, err := b.Store.Claim(ctx, limit, hold)
			return after(claimed), err
		}
	}
}

// cutoffs prunes by other times.
func cutoffs(change func(events, logs time.Time) (time.Time, time.Time)) breaks {
	return func(b *broken) {
		b.prune = func(ctx context.Context, events, logs time.Time) (int64, error) {
			events, logs = change(events, logs)
			return b.Store.Prune(ctx, events, logs)
		}
	}
}

// list changes pages of the quarantine.
func list(change func([]ports.Quarantined) []ports.Quarantined) breaks {
	return func(b *broken) {
		b.list = func(ctx context.Context, after domain.QuarantineID, limit int) ([]ports.Quarantined, error) {
			page, err := b.Store.List(ctx, after, limit)
			return change(page), err
		}
	}
}

// joining makes the store join logs by a rule of its own.
func joining(join func(known, said domain.EmailLog) domain.EmailLog) breaks {
	return func(b *broken) {
		var mu sync.Mutex
		joined := map[domain.LogKey]domain.EmailLog{}
		logs(func(all []domain.EmailLog) []domain.EmailLog {
			mu.Lock()
			defer mu.Unlock()
			for i := range all {
				all[i] = joined[all[i].Key]
			}
			return all
		})(b)
		answer(func(_ *ports.Committed, u ports.Unit) {
			mu.Lock()
			defer mu.Unlock()
			for i := range u.Events {
				for _, said := range domain.AppendLogs(nil, &u.Events[i]) {
					if known, seen := joined[said.Key]; seen {
						said = join(known, said)
					}
					joined[said.Key] = said
				}
			}
		})(b)
	}
}

// underEndedContext makes the store do something else when the caller is gone.
func underEndedContext(do func(b *broken, u ports.Unit)) breaks {
	return func(b *broken) {
		b.commit = func(ctx context.Context, u ports.Unit) (ports.Committed, error) {
			if ctx.Err() == nil {
				return b.Store.Commit(ctx, u)
			}
			do(b, u)
			return ports.Committed{}, ports.ErrUnavailable
		}
	}
}

// looksBeforeItTakes asks what is known outside the transaction that adds: to
// copies that come at the same time each is new.
func looksBeforeItTakes(b *broken) {
	var mu sync.Mutex
	known := map[domain.EventID]bool{}
	b.commit = func(ctx context.Context, u ports.Unit) (ports.Committed, error) {
		isNew := make([]bool, len(u.Events))
		mu.Lock()
		for i := range u.Events {
			isNew[i] = !known[u.Events[i].ID]
		}
		mu.Unlock()
		runtime.Gosched()
		c, err := b.Store.Commit(ctx, u)
		mu.Lock()
		defer mu.Unlock()
		for i := range u.Events {
			known[u.Events[i].ID] = true
		}
		c.New = isNew
		return c, err
	}
}
