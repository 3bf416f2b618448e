package contract_test

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// meaningFaults are those about what events mean.
var meaningFaults = []fault{
	{"forgets causes", law, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Verdict.Cause = "" }))},
	{"forgets subcauses", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Verdict.Subcause = "" }))},
	{"forgets permanence", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Verdict.Permanence = "" }))},
	{"forgets whose fault", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Verdict.Fault = "" }))},
	{"forgets rules", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Verdict.Rule = "" }))},
	{"keeps 63 bits of hashes", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.ResponseHash &= 1<<63 - 1 }))},
	{"forgets confidence", facts, logs(eachLog(func(l *domain.EmailLog) { l.Decision.Confidence = "" }))},
	{"forgets ids of before", facts, logs(eachLog(func(l *domain.EmailLog) { l.PriorID = "" }))},
	{"forgets ids of after", facts, logs(eachLog(func(l *domain.EmailLog) { l.NextID = "" }))},
	{"links one end of a transfer", "Journal/LinksIDsOfTransferredMessage", unit(func(u *ports.Unit) {
		u.Events = slices.DeleteFunc(slices.Clone(u.Events), func(e domain.EmailEvent) bool { return e.Type == domain.XferIn })
	})},
	{"lets the last verdict of copies win", facts, joining(func(known, said domain.EmailLog) domain.EmailLog {
		l := known.Join(said)
		if known.Decision.EventID == said.Decision.EventID {
			l.Decision = said.Decision
		}
		return l
	})},
	{"forgets verdicts of events", "Journal/KeepsAwkwardRecordsByteForByte",
		event(func(e *domain.EmailEvent) { e.Verdict = domain.Verdict{} })},
	{"forgets ties", "Journal/ShowsReportsInTimelinesOfTheirMessages",
		event(func(e *domain.EmailEvent) { e.Original = nil })},
	{"does not read tied reports", "Journal/ShowsReportsInTimelinesOfTheirMessages", func(b *broken) {
		b.events = func(ctx context.Context, id string) ([]domain.EmailEvent, error) {
			all, err := b.Store.Events(ctx, id)
			return slices.DeleteFunc(all, func(e domain.EmailEvent) bool { return e.MessageID != id }), err
		}
	}},
	{"loses that logs are of reports", "Journal/TellsReportsOwnLifeApart",
		logs(eachLog(func(l *domain.EmailLog) { l.OfReport = false }))},
	{"shows reports as mail", "Journal/TellsReportsOwnLifeApart", func(b *broken) {
		b.logs = func(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
			return func(yield func(domain.EmailLog, error) bool) {
				for _, f.Reports = range []bool{false, true} {
					b.Store.Logs(ctx, f)(yield)
				}
			}
		}
	}},
	{"shows mail as reports", "Journal/TellsReportsOwnLifeApart", filter(func(f *ports.LogFilter) { f.Reports = false })},
	{"hides reports from who knows their ids", "LogReader/FindsLogsOfReportsToo",
		found(func(_ string, logs []domain.EmailLog) []domain.EmailLog {
			return slices.DeleteFunc(logs, func(l domain.EmailLog) bool { return l.OfReport })
		})},
	{"shows logs that reports alone name", "Journal/HidesLogsUntilTheirMessageIsKnown", showsUnconfirmed},
	{"forgets what came before the message", "Journal/HidesLogsUntilTheirMessageIsKnown", unit(func(u *ports.Unit) {
		u.Events = slices.Clone(u.Events)
		for i := range u.Events {
			u.Events[i].Original = nil
		}
	})},
	{"announces statuses of logs that reports alone name", "Journal/HidesLogsUntilTheirMessageIsKnown",
		answer(func(c *ports.Committed, _ ports.Unit) {
			for i, a := range c.Announcement.Events {
				if _, ok := a.Event.LogKey(); ok && !a.HasLog {
					c.Announcement.Events[i].Status, c.Announcement.Events[i].HasLog = domain.BouncedLate, true
				}
			}
		})},
	{"claims statuses of logs that reports alone name", "Outbox/ClaimsNewEventsAsCommitted",
		claims(asAsked, func(claimed []ports.Announcement) []ports.Announcement {
			for _, c := range claimed {
				for i := range c.Events {
					_, ok := c.Events[i].Event.LogKey()
					c.Events[i].HasLog = c.Events[i].HasLog || ok
				}
			}
			return claimed
		})},
	{"keeps what reports alone name", "Pruner/RemovesTimelessThatOthersName", unit(func(u *ports.Unit) {
		u.Events = slices.Clone(u.Events)
		for i := range u.Events {
			if e := &u.Events[i]; e.Original != nil || e.TransferID != "" {
				e.ReceivedAt = e.ReceivedAt.AddDate(9, 0, 0)
			}
		}
	})},
}

// eachLog changes all logs.
func eachLog(change func(*domain.EmailLog)) func([]domain.EmailLog) []domain.EmailLog {
	return func(all []domain.EmailLog) []domain.EmailLog {
		for i := range all {
			change(&all[i])
		}
		return all
	}
}

// showsUnconfirmed reads logs as if their messages were known.
func showsUnconfirmed(b *broken) {
	var mu sync.Mutex
	var said []domain.EmailEvent
	answer(func(_ *ports.Committed, u ports.Unit) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, u.Events...)
	})(b)
	logs(func([]domain.EmailLog) []domain.EmailLog {
		mu.Lock()
		defer mu.Unlock()
		return domain.Fold(said)
	})(b)
}
