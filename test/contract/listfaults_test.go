package contract_test

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// lists is a store whose suppressions and registrations go another way where a
// function is set.
type lists struct {
	contract.Store
	suppress   func(ctx context.Context, entries []domain.Suppression) ([]bool, error)
	unsuppress func(ctx context.Context, address string, at time.Time) error
	find       func(ctx context.Context, addresses []string) ([]domain.Suppression, error)
	list       func(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error)
	register   func(ctx context.Context, regs []domain.Registration) ([]bool, error)
	registered func(ctx context.Context, id string, limit int) ([]domain.Registration, error)
}

func (l *lists) Suppress(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
	return l.suppress(ctx, entries)
}
func (l *lists) Unsuppress(ctx context.Context, address string, at time.Time) error {
	return l.unsuppress(ctx, address, at)
}
func (l *lists) FindSuppressed(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
	return l.find(ctx, addresses)
}

func (l *lists) ListSuppressed(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
	return l.list(ctx, f, after, limit)
}

func (l *lists) Register(ctx context.Context, regs []domain.Registration) ([]bool, error) {
	return l.register(ctx, regs)
}

func (l *lists) FindRegistrations(ctx context.Context, id string, limit int) ([]domain.Registration, error) {
	return l.registered(ctx, id, limit)
}

// inLists makes the lists of a store do something else.
func inLists(change func(*lists)) breaks {
	return func(b *broken) {
		s := b.Store
		l := &lists{
			s, s.Suppress, s.Unsuppress, s.FindSuppressed, s.ListSuppressed, s.Register, s.FindRegistrations,
		}
		change(l)
		b.Store = l
	}
}

// entries changes what is added to the list.
func entries(change func(*domain.Suppression)) breaks {
	return inLists(func(l *lists) {
		l.suppress = func(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
			entries = slices.Clone(entries)
			for i := range entries {
				change(&entries[i])
			}
			return l.Store.Suppress(ctx, entries)
		}
	})
}

// pages changes what a page of the list is asked for.
func pages(change func(f *ports.SuppressionFilter, after *string, limit *int)) breaks {
	return inLists(func(l *lists) {
		l.list = func(ctx context.Context, f ports.SuppressionFilter, after string, limit int) ([]domain.Suppression, error) {
			change(&f, &after, &limit)
			return l.Store.ListSuppressed(ctx, f, after, limit)
		}
	})
}

// regs changes what is registered.
func regs(change func(*domain.Registration)) breaks {
	return inLists(func(l *lists) {
		l.register = func(ctx context.Context, regs []domain.Registration) ([]bool, error) {
			regs = slices.Clone(regs)
			for i := range regs {
				change(&regs[i])
			}
			return l.Store.Register(ctx, regs)
		}
	})
}

// changes changes what is announced of the list.
func changes(change func(*domain.SuppressionChange)) breaks {
	return func(b *broken) {
		claim := b.claim
		b.claim = func(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
			all, err := claim(ctx, limit, hold)
			for _, a := range all {
				for i := range a.Events {
					if c := a.Events[i].Change; c != nil {
						changed := *c
						change(&changed)
						a.Events[i].Change = &changed
					}
				}
			}
			return all, err
		}
	}
}

// registrations changes what registrations are found by, and what is found.
func registrations(ask func(id *string, limit *int), change func(id string, found []domain.Registration) []domain.Registration) breaks {
	return inLists(func(l *lists) {
		l.registered = func(ctx context.Context, id string, limit int) ([]domain.Registration, error) {
			asked := id
			ask(&asked, &limit)
			found, err := l.Store.FindRegistrations(ctx, asked, limit)
			return change(id, found), err
		}
	})
}

func asIsFound(_ string, found []domain.Registration) []domain.Registration { return found }

// overwriting puts entries into the place of those that are there.
func overwriting(l *lists) {
	l.suppress = func(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
		added, err := l.Store.Suppress(ctx, entries)
		for i, e := range entries {
			if !added[i] {
				_ = l.Store.Unsuppress(ctx, e.Address, e.AddedAt)
				_, _ = l.Store.Suppress(ctx, entries[i:i+1])
			}
		}
		return added, err
	}
}

// listFaults are those about suppressions and registrations.
var listFaults = []fault{
	{"forgets notes", "Suppressions/KeepsEntriesAsTheyAre", entries(func(e *domain.Suppression) { e.Note = "" })},
	{"forgets what gave rise", "Suppressions/KeepsEntriesAsTheyAre", entries(func(e *domain.Suppression) { e.EventID = domain.EventID{} })},
	{"suppresses without white space", "Suppressions/KeepsEntriesAsTheyAre",
		entries(func(e *domain.Suppression) { e.Address = strings.ReplaceAll(e.Address, " ", "") })},
	{"overwrites entries", "Suppressions/KeepsTheFirstEntryOfAnAddress", inLists(overwriting)},
	{"adds all anew", "Suppressions/AddsOfSeveralEntriesTheFirst", inLists(func(l *lists) {
		l.suppress = func(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
			_, err := l.Store.Suppress(ctx, entries)
			return slices.Repeat([]bool{true}, len(entries)), err
		}
	})},
	{"lists the last again", "Suppressions/ListsInOrderOfAddressInPages",
		pages(func(_ *ports.SuppressionFilter, after *string, _ *int) {
			if *after != "" {
				*after = (*after)[:len(*after)-1]
			}
		})},
	{"lists over limit", "Suppressions/ListsInOrderOfAddressInPages",
		pages(func(_ *ports.SuppressionFilter, _ *string, limit *int) { *limit++ })},
	{"ignores reasons", "Suppressions/ChoosesByReasonAndDomain",
		pages(func(f *ports.SuppressionFilter, _ *string, _ *int) { f.Reason = "" })},
	{"ignores domains", "Suppressions/ChoosesByReasonAndDomain",
		pages(func(f *ports.SuppressionFilter, _ *string, _ *int) { f.Domain = "" })},
	{"starts over behind what is gone", "Suppressions/GoesOnBehindWhatIsGone",
		pages(func(_ *ports.SuppressionFilter, after *string, _ *int) {
			if *after == "b@e.example" {
				*after = ""
			}
		})},
	{"takes out what is not there", "Suppressions/TakesAddressesOut", inLists(func(l *lists) {
		l.unsuppress = func(ctx context.Context, address string, at time.Time) error {
			_ = l.Store.Unsuppress(ctx, address, at)
			return nil
		}
	})},
	{"takes nothing out", "Suppressions/BehavesLikeAMap", inLists(func(l *lists) {
		l.unsuppress = func(context.Context, string, time.Time) error { return nil }
	})},
	{"finds the first 500", "Suppressions/FindsThoseOfAThousand", inLists(func(l *lists) {
		l.find = func(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
			return l.Store.FindSuppressed(ctx, addresses[:min(500, len(addresses))])
		}
	})},
	{"finds one of several spellings", "Suppressions/FindsNothingByNothing", inLists(func(l *lists) {
		l.find = func(ctx context.Context, addresses []string) ([]domain.Suppression, error) {
			lower := slices.Clone(addresses)
			for i := range lower {
				lower[i] = strings.ToLower(lower[i])
			}
			return l.Store.FindSuppressed(ctx, lower)
		}
	})},
	{"announces what was known", "Suppressions/AnnouncesWhatWasAdded", inLists(overwriting)},
	{"announces additions in order of address", "Suppressions/AnnouncesWhatWasAdded", inLists(func(l *lists) {
		l.suppress = func(ctx context.Context, entries []domain.Suppression) ([]bool, error) {
			sorted := slices.SortedStableFunc(slices.Values(entries), func(a, b domain.Suppression) int { return strings.Compare(a.Address, b.Address) })
			added, err := l.Store.Suppress(ctx, sorted)
			return added, err
		}
	})},
	{"announces no notes", "Suppressions/AnnouncesWhatWasAdded", changes(func(c *domain.SuppressionChange) { c.Note = "" })},
	{"announces removals as additions", "Suppressions/AnnouncesWhatWasTakenOut", changes(func(c *domain.SuppressionChange) { c.Removed = false })},
	{"announces removals without their entries", "Suppressions/AnnouncesWhatWasTakenOut", changes(func(c *domain.SuppressionChange) {
		if c.Removed {
			c.Suppression = domain.Suppression{Address: c.Address}
		}
	})},
	{"announces changes under one id", "Suppressions/AnnouncesWhatWasAdded", changes(func(c *domain.SuppressionChange) { c.ID = domain.EventID{1} })},
	{"announces no changes", "Suppressions/AnnouncesBetweenEvents", func(b *broken) {
		claim := b.claim
		b.claim = func(ctx context.Context, limit int, hold time.Duration) ([]ports.Announcement, error) {
			all, err := claim(ctx, limit, hold)
			return slices.DeleteFunc(all, func(a ports.Announcement) bool { return a.Events[0].Change != nil }), err
		}
	}},
	{"prunes changes", "Suppressions/KeepsAnnouncementsUntilTheyAreDone", func(b *broken) {
		s := b.Store
		b.prune = func(ctx context.Context, events, logs time.Time) (int64, error) {
			for l := range 5 {
				_ = s.Done(ctx, []ports.AnnouncementID{ports.AnnouncementID(l)})
			}
			return s.Prune(ctx, events, logs)
		}
	}},
	{"forgets subjects", "Registrations/KeepsRegistrationsAsTheyAre", regs(func(r *domain.Registration) { r.Subject = "" })},
	{"forgets meta", "Registrations/KeepsRegistrationsAsTheyAre", regs(func(r *domain.Registration) { r.Meta = "" })},
	{"forgets sizes", "Registrations/KeepsRegistrationsAsTheyAre", regs(func(r *domain.Registration) { r.Size = int64(int32(r.Size)) })},
	{"registers application ids alone", "Registrations/KeepsTheFirstOfAnApplicationIDAndRecipient",
		regs(func(r *domain.Registration) { r.Recipient = "" })},
	{"registers anew", "Registrations/KeepsEachOnceAtTheSameTime", inLists(func(l *lists) {
		l.register = func(ctx context.Context, regs []domain.Registration) ([]bool, error) {
			_, err := l.Store.Register(ctx, regs)
			return slices.Repeat([]bool{true}, len(regs)), err
		}
	})},
	{"finds registrations backwards", "Registrations/FindsByApplicationIDInOrderOfOwnIDs",
		registrations(func(*string, *int) {}, func(_ string, found []domain.Registration) []domain.Registration {
			slices.Reverse(found)
			return found
		})},
	{"finds registrations over limit", "Registrations/FindsByApplicationIDInOrderOfOwnIDs",
		registrations(func(_ *string, limit *int) { *limit++ }, asIsFound)},
	{"finds no registration by its own id", "Registrations/FindsByItsOwnIDAlone",
		registrations(func(*string, *int) {}, func(id string, found []domain.Registration) []domain.Registration {
			return slices.DeleteFunc(found, func(r domain.Registration) bool { return r.ApplicationID != id })
		})},
	{"cuts ids of applications at NUL", "Registrations/FindsNothingByOddIDs",
		registrations(func(id *string, _ *int) { *id, _, _ = strings.Cut(*id, "\x00") }, asIsFound)},
	{"registers for ever", "Registrations/GoesWithLogsOfItsTime",
		regs(func(r *domain.Registration) { r.RegisteredAt = r.RegisteredAt.AddDate(1, 0, 0) })},
}
