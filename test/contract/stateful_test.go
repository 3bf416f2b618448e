package contract_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

func asAsked(*int, *time.Duration) {}

func asIs(claimed []ports.Announcement) []ports.Announcement { return claimed }

func reverse[T any](all []T) []T {
	slices.Reverse(all)
	return all
}

// overwriteStatus lets what arrived last decide.
func overwriteStatus(known, said domain.EmailLog) domain.EmailLog {
	l := known.Join(said)
	l.Decision = said.Decision
	return l
}

// keepsLastCopy reads of each event the copy that came last.
func keepsLastCopy(b *broken) {
	var mu sync.Mutex
	last := map[domain.EventID]domain.EmailEvent{}
	answer(func(_ *ports.Committed, u ports.Unit) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range u.Events {
			last[e.ID] = e
		}
	})(b)
	event(func(e *domain.EmailEvent) {
		mu.Lock()
		defer mu.Unlock()
		*e = last[e.ID]
	})(b)
}

// repeatsClaims gives, every n claims, what was claimed before.
func repeatsClaims(n int) breaks {
	return func(b *broken) {
		var mu sync.Mutex
		var calls int
		var before []ports.Announcement
		b.claim = func(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%n == 0 && len(before) > 0 {
				return before, nil
			}
			claimed, err := b.Store.Claim(ctx, limit, hold)
			if len(claimed) > 0 {
				before = claimed
			}
			return claimed, err
		}
	}
}

// numbersClaimsAnew gives an announcement that comes back another id.
func numbersClaimsAnew(b *broken) {
	seen := map[ports.AnnouncementID]bool{}
	claims(asAsked, func(claimed []ports.Announcement) []ports.Announcement {
		for i, a := range claimed {
			if seen[a.ID] {
				claimed[i].ID += 1000
			}
			seen[a.ID] = true
		}
		return claimed
	})(b)
}

// claimsStatusOfCommit keeps announcements as they were first.
func claimsStatusOfCommit(b *broken) {
	queued := map[ports.AnnouncementID]ports.Announcement{}
	answer(func(c *ports.Committed, _ ports.Unit) { queued[c.Announcement.ID] = c.Announcement })(b)
	claims(asAsked, func(claimed []ports.Announcement) []ports.Announcement {
		for i, a := range claimed {
			claimed[i] = queued[a.ID]
		}
		return claimed
	})(b)
}

// prunesAllTimeless loses events without time in their ids at the first Prune.
func prunesAllTimeless(b *broken) {
	b.prune = func(ctx context.Context, events, logs time.Time) (int64, error) {
		b.events = func(ctx context.Context, id string) ([]domain.EmailEvent, error) {
			all, err := b.Store.Events(ctx, id)
			return slices.DeleteFunc(all, func(e domain.EmailEvent) bool {
				_, ok := e.ID.Time()
				return !ok
			}), err
		}
		return b.Store.Prune(ctx, events, logs)
	}
}
