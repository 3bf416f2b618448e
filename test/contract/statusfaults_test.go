package contract_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// statusFaults are those of stores that keep lists by status beside their logs.
var statusFaults = []pageFault{
	{"takes both kinds of a bounce for one", "LogPages/TellsKindsOfBouncesApart",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) {
			if slices.Contains(f.Statuses, domain.Bounced) {
				f.Statuses = append(slices.Clone(f.Statuses), domain.BouncedLate)
			}
		})},
	{"lists reports as mail", "LogPages/FollowsStatusesAsTheyChange",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) { f.Reports = f.Reports && len(f.Statuses) == 0 })},
	{"lists by time to the millisecond", "LogPages/FollowsStatusesAsTheyChange",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) {
			if len(f.Statuses) > 0 {
				f.From, f.To = time.Time{}, time.Time{}
			}
		})},
	{"has one list for all tenants", "LogPages/TellsTenantsApartByStatus",
		logQuestion(func(f *ports.LogFilter, _ *domain.LogKey, _ *int) {
			if len(f.Statuses) > 0 {
				f.Tenant = ""
			}
		})},
	{"never strikes off a list", "LogPages/ShowsStatusesOfNowBetweenPages", remembersLists},
	{"lists what is pruned", "LogPages/LeavesOutPrunedLogsByStatus", remembersLists},
}

// remembersLists shows in a list whatever was shown in it before.
func remembersLists(b *brokenPages) {
	lists := map[string]map[domain.LogKey]domain.EmailLog{}
	b.logPage = func(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
		name := fmt.Sprint(f)
		if lists[name] == nil {
			lists[name] = map[domain.LogKey]domain.EmailLog{}
		}
		now, err := b.Store.LogPage(ctx, f, domain.LogKey{}, 10000)
		for _, l := range now {
			lists[name][l.Key] = l
		}
		var page []domain.EmailLog
		for key, l := range lists[name] {
			if before == (domain.LogKey{}) || bytes.Compare(key[:], before[:]) < 0 {
				page = append(page, l)
			}
		}
		slices.SortFunc(page, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
		return page[:min(limit, len(page))], err
	}
}
