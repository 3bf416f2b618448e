package application

import (
	"context"
	"errors"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Forgetful is a journal that makes a cache forget what a commit changes, so
// that whoever looks up after Commit has returned sees what was committed.
type Forgetful struct {
	journal ports.Journal
	cache   ports.LookupCache
}

// NewForgetful wraps journal.
func NewForgetful(journal ports.Journal, cache ports.LookupCache) *Forgetful {
	return &Forgetful{journal, cache}
}

// Commit implements ports.Journal.
func (f *Forgetful) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	c, err := f.journal.Commit(ctx, u)
	// A failed commit may have lost no more than its answer.
	if !errors.Is(err, ports.ErrRefused) {
		if ids := touched(u.Events); len(ids) > 0 {
			f.cache.Forget(ctx, ids)
		}
	}
	return c, err
}

// touched returns each id of the logs that the events speak of once. The id that
// an application gave is among them where an event repeats it, which an answer
// by that id has to allow for: see Lookup.
func touched(events []domain.EmailEvent) []string {
	ids := make([]string, 0, 3*len(events))
	seen := make(map[string]struct{}, 3*len(events))
	add := func(id string) {
		if _, ok := seen[id]; !ok && id != "" {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	var said []domain.EmailLog
	for i := range events {
		said = domain.AppendLogs(said[:0], &events[i])
		for n := range said {
			add(said[n].Key.String())
			add(said[n].MessageID)
			add(said[n].ApplicationID)
		}
	}
	return ids
}
