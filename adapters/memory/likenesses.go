package memory

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.Likenesses = (*Store)(nil)

// LogsTo implements ports.Likenesses.
func (s *Store) LogsTo(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailLog, error) {
	logs, err := s.chosen(ctx, ports.LogFilter{From: from, To: to})
	if err != nil {
		return nil, err
	}
	logs = slices.DeleteFunc(logs, func(l domain.EmailLog) bool { return domain.FoldAddress(l.Recipient) != recipient })
	return logs[:min(limit, len(logs))], nil
}

// ReportsOn implements ports.Likenesses.
func (s *Store) ReportsOn(ctx context.Context, recipient string, from, to time.Time, limit int) ([]domain.EmailEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read reports"); err != nil {
		return nil, err
	}
	var found []domain.EmailEvent
	for _, e := range s.events {
		at, dated := e.ID.Time()
		if k, ok := domain.LikenessOf(e); ok && dated && k.Recipient == recipient && within(at, ceilMilli(from), ceilMilli(to)) {
			found = append(found, *e)
		}
	}
	slices.SortFunc(found, func(a, b domain.EmailEvent) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return found[:min(limit, len(found))], nil
}
