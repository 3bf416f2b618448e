package contract_test

import (
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

const differences = "AnswersAreThoseOfModel"

// differentPages are faults that show with few of all questions.
var differentPages = []pageFault{
	{"finds a recipient's logs from no day before the first on", differences, func(b *brokenPages) {
		b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
			if year := f.From.Year(); f.Recipient != "" && 1970 < year && year < 2020 {
				return nil, nil
			}
			return b.Store.LogPage(ctx, f, before, limit)
		}
	}},
	{"loses one of a crowd", differences, func(b *brokenPages) {
		b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
			logs, err := b.Store.LogPage(ctx, f, before, limit)
			if f.Recipient != "" && len(logs) > 50 {
				logs = slices.Delete(logs, 49, 50)
			}
			return logs, err
		}
	}},
	{"leaves out complaints that are tied", differences, eventAnswer(func(rows []ports.EventRow) []ports.EventRow {
		return slices.DeleteFunc(rows, func(r ports.EventRow) bool { return r.TiedBy != "" && r.Type == domain.Feedback })
	})},
}

// differentFaults show in what is counted.
var differentFaults = []fault{
	{"takes a minute behind a range into figures", differences, asks(func(q *ports.StatsQuery) {
		if !q.To.IsZero() {
			q.To = q.To.Add(time.Minute)
		}
	})},
}

// TestDifferenceSuite compares two stores that are sound, unless a fault is asked
// for.
func TestDifferenceSuite(t *testing.T) {
	contract.TestDifferences(t, func(*testing.T) contract.Store {
		s := memory.NewStore()
		pages := &brokenPages{Store: s, logPage: s.LogPage, eventPage: s.EventPage, event: s.Event}
		b := sound(pages)
		for _, f := range differentPages {
			if f.fault == os.Getenv(faultVariable) {
				f.breaks(pages)
			}
		}
		for _, f := range differentFaults {
			if f.fault == os.Getenv(faultVariable) {
				f.breaks(b)
			}
		}
		return b
	}, func(*testing.T) contract.Store { return memory.NewStore() })
}

func TestDifferenceSuiteRejectsBrokenStores(t *testing.T) {
	for _, f := range differentPages {
		t.Run(f.fault, func(t *testing.T) { rejects(t, f.fault, "TestDifferenceSuite/"+f.story) })
	}
	for _, f := range differentFaults {
		t.Run(f.fault, func(t *testing.T) { rejects(t, f.fault, "TestDifferenceSuite/"+f.story) })
	}
}
