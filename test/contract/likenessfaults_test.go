package contract_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// likes is a store whose likenesses go another way.
type likes struct {
	contract.Store
	logs    func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error)
	reports func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error)
}

func (l *likes) LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	return l.logs(ctx, recipient, from, to, limit)
}

func (l *likes) ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
	return l.reports(ctx, recipient, from, to, limit)
}

// likedLogs changes what logs are asked for and found.
func likedLogs(ask func(recipient *string, from, to *time.Time, limit *int), change func(asked string, found []domain.EmailLog) []domain.EmailLog) breaks {
	return func(b *broken) {
		s := b.Store
		b.Store = &likes{s, func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
			asked := recipient
			ask(&recipient, &from, &to, &limit)
			logs, err := s.LogsTo(ctx, recipient, from, to, limit)
			return change(asked, logs), err
		}, s.ReportsOn}
	}
}

// likedReports does it with reports.
func likedReports(ask func(recipient *string, from, to *time.Time, limit *int), change func(asked string, found []domain.EmailEvent) []domain.EmailEvent) breaks {
	return func(b *broken) {
		s := b.Store
		b.Store = &likes{s, s.LogsTo, func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
			asked := recipient
			ask(&recipient, &from, &to, &limit)
			reports, err := s.ReportsOn(ctx, recipient, from, to, limit)
			return change(asked, reports), err
		}}
	}
}

func likedAsAsked(*string, *time.Time, *time.Time, *int) {}

func likedAsFound[T any](_ string, found []T) []T { return found }

func leftOut[T any](drop func(asked string, one *T) bool) func(string, []T) []T {
	return func(asked string, found []T) []T {
		return slices.DeleteFunc(found, func(one T) bool { return drop(asked, &one) })
	}
}

func backwards[T any](_ string, found []T) []T {
	slices.Reverse(found)
	return found
}

// likenessFaults are those about reports that name no message.
var likenessFaults = []fault{
	{"finds logs in one case", "Likenesses/FindsLogsInAnyCase",
		likedLogs(likedAsAsked, leftOut(func(asked string, l *domain.EmailLog) bool { return l.Recipient != asked }))},
	{"finds logs in capitals alone", "Likenesses/FindsLogsInAnyCase",
		likedLogs(likedAsAsked, leftOut(func(asked string, l *domain.EmailLog) bool { return l.Recipient == asked }))},
	{"folds letters beyond ASCII", "Likenesses/FindsLogsInAnyCase",
		likedLogs(func(recipient *string, _, _ *time.Time, _ *int) {
			*recipient = strings.Replace(*recipient, "ä", "Ä", 1)
		}, likedAsFound)},
	{"finds logs oldest first", "Likenesses/FindsLogsByAcceptanceNewestFirst", likedLogs(likedAsAsked, backwards)},
	{"finds logs of all time", "Likenesses/FindsLogsByAcceptanceNewestFirst",
		likedLogs(func(_ *string, from, _ *time.Time, _ *int) { *from = from.AddDate(0, 0, -1) }, likedAsFound)},
	{"finds logs up to the end of the range", "Likenesses/FindsLogsByAcceptanceNewestFirst",
		likedLogs(func(_ *string, _, to *time.Time, _ *int) { *to = to.Add(time.Microsecond) }, likedAsFound)},
	{"finds no logs without a time in their keys", "Likenesses/FindsLogsByAcceptanceNewestFirst",
		likedLogs(likedAsAsked, leftOut(func(_ string, l *domain.EmailLog) bool { _, dated := l.Key.Time(); return !dated }))},
	{"finds logs over limit", "Likenesses/FindsLogsByAcceptanceNewestFirst",
		likedLogs(func(_ *string, _, _ *time.Time, limit *int) { *limit++ }, likedAsFound)},
	{"finds logs of reports", "Likenesses/FindsLogsOfMailThatIsConfirmed", func(b *broken) {
		s := b.Store
		b.Store = &likes{s, func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
			logs, err := s.LogsTo(ctx, recipient, from, to, limit)
			ofReports, pageErr := s.LogPage(ctx, ports.LogFilter{Recipient: recipient, Reports: true}, domain.LogKey{}, limit)
			return append(logs, ofReports...), errors.Join(err, pageErr)
		}, s.ReportsOn}
	}},
	{"finds reports in one case", "Likenesses/FindsReportsInAnyCase",
		likedReports(likedAsAsked, leftOut(func(asked string, e *domain.EmailEvent) bool { return e.Type == domain.OOB && e.Recipient != asked }))},
	{"finds no complaints", "Likenesses/FindsReportsInAnyCase",
		likedReports(likedAsAsked, leftOut(func(_ string, e *domain.EmailEvent) bool { return e.Type == domain.Feedback }))},
	{"finds reports without their records", "Likenesses/FindsReportsInAnyCase",
		likedReports(likedAsAsked, func(_ string, found []domain.EmailEvent) []domain.EmailEvent {
			for i := range found {
				found[i].Report = nil
			}
			return found
		})},
	{"finds tied reports", "Likenesses/FindsReportsThatNameNoMessage", func(b *broken) {
		s := b.Store
		b.Store = &likes{s, s.LogsTo, func(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
			reports, err := s.ReportsOn(ctx, recipient, from, to, limit)
			for _, r := range reports {
				page, _ := s.EventPage(ctx, ports.EventFilter{Types: []domain.EventType{r.Type}}, domain.EventID{}, 10)
				for _, row := range page {
					if row.TiedBy != "" {
						reports = append(reports, row.EmailEvent)
					}
				}
			}
			return reports, err
		}}
	}},
	{"finds reports newest first", "Likenesses/FindsReportsByTimeOldestFirst", likedReports(likedAsAsked, backwards)},
	{"finds reports up to the end of the range", "Likenesses/FindsReportsByTimeOldestFirst",
		likedReports(func(_ *string, _, to *time.Time, _ *int) { *to = to.Add(time.Millisecond) }, likedAsFound)},
	{"finds reports over limit", "Likenesses/FindsReportsByTimeOldestFirst",
		likedReports(func(_ *string, _, _ *time.Time, limit *int) { *limit++ }, likedAsFound)},
	{"trims recipients of logs", "Likenesses/FindsNothingByNothing",
		likedLogs(func(recipient *string, _, _ *time.Time, _ *int) { *recipient = strings.TrimSpace(*recipient) }, likedAsFound)},
	{"cuts recipients of reports at NUL", "Likenesses/FindsNothingByNothing",
		likedReports(func(recipient *string, _, _ *time.Time, _ *int) { *recipient, _, _ = strings.Cut(*recipient, "\x00") }, likedAsFound)},
}
