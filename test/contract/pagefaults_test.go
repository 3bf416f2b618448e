package contract_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// brokenPages is a store whose pages go another way where a function is set.
type brokenPages struct {
	contract.Store
	logPage   func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error)
	eventPage func(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error)
	event     func(ctx context.Context, id domain.EventID) (domain.EmailEvent, error)
}

func (b *brokenPages) LogPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
	return b.logPage(ctx, f, before, limit)
}

func (b *brokenPages) EventPage(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
	return b.eventPage(ctx, f, before, limit)
}

func (b *brokenPages) Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
	return b.event(ctx, id)
}

type pageFault struct {
	fault, story string
	breaks       func(*brokenPages)
}

// logQuestion makes the store answer another question.
func logQuestion(change func(f *ports.LogFilter, before *domain.LogKey, limit *int)) func(*brokenPages) {
	return func(b *brokenPages) {
		b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
			change(&f, &before, &limit)
			return b.Store.LogPage(ctx, f, before, limit)
		}
	}
}

func eventQuestion(change func(f *ports.EventFilter, before *domain.EventID, limit *int)) func(*brokenPages) {
	return func(b *brokenPages) {
		b.eventPage = func(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
			change(&f, &before, &limit)
			return b.Store.EventPage(ctx, f, before, limit)
		}
	}
}

func logAnswer(change func([]domain.EmailLog) []domain.EmailLog) func(*brokenPages) {
	return func(b *brokenPages) {
		b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
			logs, err := b.Store.LogPage(ctx, f, before, limit)
			return change(logs), err
		}
	}
}

func eventAnswer(change func([]ports.EventRow) []ports.EventRow) func(*brokenPages) {
	return func(b *brokenPages) {
		b.eventPage = func(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
			rows, err := b.Store.EventPage(ctx, f, before, limit)
			return change(rows), err
		}
	}
}

const (
	eachLogFilter = "LogPages/PagesThroughLogsByEachFilter"
	eventFilters  = "EventPages/PagesThroughEventsByFilter"
)

var pageFaults = []pageFault{
	{"knows no domains", eachLogFilter, logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.Domain = "" })},
	{"knows no providers", eachLogFilter, logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.Provider = "" })},
	{"knows no sources", eachLogFilter, logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.EgressSource = "" })},
	{"knows no causes", eachLogFilter, logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.Cause = "" })},
	{"takes the first field alone", "LogPages/PagesThroughLogsByFiltersTogether",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) {
			if f.Recipient != "" {
				f.Tenant = ""
			}
		})},
	{"begins anew", "LogPages/EndsPageAtLimit", logQuestion(func(_ *ports.LogFilter, before *domain.LogKey, _ *int) { *before = domain.LogKey{} })},
	{"pages by the millisecond", "LogPages/EndsPageAtLimit",
		logQuestion(func(_ *ports.LogFilter, before *domain.LogKey, _ *int) { clear(before[6:]) })},
	{"pages by offset", "LogPages/ShowsEachLogOnceWhileOthersCommit", pagesByOffset},
	{"shows the oldest first", "LogPages/EndsPageAtLimit", logAnswer(func(logs []domain.EmailLog) []domain.EmailLog {
		slices.Reverse(logs)
		return logs
	})},
	{"looks at keys alone for times", "LogPages/FindsAcceptanceToTheMicrosecond",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) {
			f.From, f.To = f.From.Truncate(time.Millisecond), f.To.Add(time.Millisecond-1).Truncate(time.Millisecond)
		})},
	{"hides undated logs from ranges", "LogPages/ShowsUndatedLogsLast", logAnswer(func(logs []domain.EmailLog) []domain.EmailLog {
		return slices.DeleteFunc(logs, func(l domain.EmailLog) bool {
			_, dated := l.Key.Time()
			return !dated
		})
	})},
	{"mixes reports in", "LogPages/KeepsReportsApart", logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.Reports = false })},
	{"knows no types", eventFilters, eventQuestion(func(f *ports.EventFilter, _ *domain.EventID, _ *int) { f.Types = nil })},
	{"knows no messages", eventFilters, eventQuestion(func(f *ports.EventFilter, _ *domain.EventID, _ *int) { f.MessageID = "" })},
	{"forgets ties", eventFilters, eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		for i := range rows {
			rows[i].OriginalLog = domain.LogKey{}
		}
		return rows
	})},
	{"shows the earliest first", eventFilters, eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		slices.SortFunc(rows, func(a, b ports.EventRow) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		return rows
	})},
	{"knows no recipients", "EventPages/FindsEventsOfRecipientThroughLogs",
		eventQuestion(func(f *ports.EventFilter, _ *domain.EventID, _ *int) { f.Recipient = "" })},
	{"finds events of the newest logs", "EventPages/FindsEventsOfRecipientAmongMany", eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		return slices.DeleteFunc(rows, func(r ports.EventRow) bool { return r.OccurredAt.Hour() == 12 && r.OccurredAt.Minute() < 10 })
	})},
	{"ends a page with its day", "EventPages/PagesThroughEventsOfMessageOverDays", eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		return slices.DeleteFunc(rows, func(r ports.EventRow) bool { return r.OccurredAt.Day() != rows[0].OccurredAt.Day() })
	})},
	{"compares times of records", "EventPages/FindsEventsOfTheIDsMillisecond",
		eventQuestion(func(f *ports.EventFilter, _ *domain.EventID, _ *int) { f.From = f.From.Truncate(time.Millisecond) })},
	{"starts each page at the top", "EventPages/ShowsEachEventOnceWhileOthersCommit", restartsOnce},
	{"takes one spelling", "EventPages/TakesAnySpellingOfMessageID", eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		return slices.DeleteFunc(rows, func(r ports.EventRow) bool { return r.MessageID != domain.NormalizeMessageID(r.MessageID) })
	})},
	{"loses the record", "EventPages/ReturnsOneEventWhole", func(b *brokenPages) {
		b.event = func(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
			e, err := b.Store.Event(ctx, id)
			e.Raw = ""
			return e, err
		}
	}},
	{"makes events up", "EventPages/SaysThatThereIsNoSuchEvent", func(b *brokenPages) {
		b.event = func(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
			e, _ := b.Store.Event(ctx, id)
			return e, nil
		}
	}},
}

// pagesByOffset counts what it has shown instead of looking at the key.
func pagesByOffset(b *brokenPages) {
	shown := 0
	b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
		if before == (domain.LogKey{}) {
			shown = 0
		}
		all, err := b.Store.LogPage(ctx, f, domain.LogKey{}, 10000)
		page := all[min(shown, len(all)):min(shown+limit, len(all))]
		shown += limit
		return page, err
	}
}

// restartsOnce forgets the second page's id.
func restartsOnce(b *brokenPages) {
	n := 0
	b.eventPage = func(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
		if n++; n == 2 {
			before = domain.EventID{}
		}
		return b.Store.EventPage(ctx, f, before, limit)
	}
}

// TestPageSuites runs the suites of pages on a store that is sound unless a
// fault is asked for.
func TestPageSuites(t *testing.T) {
	open := func(*testing.T) contract.Store {
		s := memory.NewStore()
		b := &brokenPages{Store: s, logPage: s.LogPage, eventPage: s.EventPage, event: s.Event}
		for _, f := range slices.Concat(pageFaults, statusFaults) {
			if f.fault == os.Getenv(faultVariable) {
				f.breaks(b)
			}
		}
		return b
	}
	contract.TestLogPages(t, open)
	contract.TestEventPages(t, open)
}

func TestPageSuitesRejectBrokenStores(t *testing.T) {
	for _, f := range slices.Concat(pageFaults, statusFaults) {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestPageSuites/"+f.story)
		})
	}
}
