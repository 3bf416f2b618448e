package application

import (
	"context"
	"slices"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Bounds of what is looked at. Addresses that get more mail or reports than this
// are a test's: of their logs those count that were accepted last before the
// report, of their reports the first.
const (
	maxLikeLogs    = 500
	maxLikeReports = 20
)

// likenesses ties reports that name no message to the one that they are most
// likely about. A report counts for one log alone, whoever asks: the newest that
// was delivered before it.
type likenesses struct{ store ports.Likenesses }

// originalOf returns what a report is likely about, and nil for all other events,
// and for reports that name a message or fit none.
func (l likenesses) originalOf(ctx context.Context, e *domain.EmailEvent) (*domain.Original, error) {
	k, ok := domain.LikenessOf(e)
	if !ok {
		return nil, nil
	}
	from, to := k.Accepted()
	logs, err := l.store.LogsTo(ctx, k.Recipient, from, to, maxLikeLogs)
	if err != nil {
		return nil, err
	}
	log, ok := k.Likeliest(logs)
	if !ok {
		return nil, nil
	}
	return &domain.Original{MessageID: log.MessageID, Recipients: []string{log.Recipient}, By: domain.TieLikeness}, nil
}

// reportsOf returns the reports that are likely about one of logs, each with that
// as its Original.
func (l likenesses) reportsOf(ctx context.Context, logs ...domain.EmailLog) ([]domain.EmailEvent, error) {
	var about []domain.EmailEvent
	for i := range logs {
		log := &logs[i]
		if log.DeliveredAt.IsZero() || log.OfReport {
			continue
		}
		// Ids have times in milliseconds, or in seconds.
		const precision = 1e9
		from, to := log.DeliveredAt.Truncate(precision), log.DeliveredAt.Add(domain.ReportedWithin+precision)
		reports, err := l.store.ReportsOn(ctx, domain.FoldAddress(log.Recipient), from, to, maxLikeReports)
		if err != nil {
			return nil, err
		}
		for j := range reports {
			original, err := l.originalOf(ctx, &reports[j])
			if err != nil {
				return nil, err
			}
			if original != nil && original.MessageID == log.MessageID && slices.Contains(original.Recipients, log.Recipient) {
				reports[j].Original = original
				about = append(about, reports[j])
			}
		}
	}
	return about, nil
}
