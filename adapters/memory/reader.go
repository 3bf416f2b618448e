package memory

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var _ ports.LogReader = (*Store)(nil)

// Logs implements ports.LogReader. The sequence is of the moment it starts.
func (s *Store) Logs(ctx context.Context, f ports.LogFilter) iter.Seq2[domain.EmailLog, error] {
	return func(yield func(domain.EmailLog, error) bool) {
		logs, err := s.chosen(ctx, f)
		if err != nil {
			yield(domain.EmailLog{}, err)
			return
		}
		for _, l := range logs {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// chosen returns the logs that f chooses, greatest key first.
func (s *Store) chosen(ctx context.Context, f ports.LogFilter) ([]domain.EmailLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read logs"); err != nil {
		return nil, err
	}
	var logs []domain.EmailLog
	for _, l := range s.logs {
		if l.Confirmed && l.OfReport == f.Reports && chooses(&f, &l.EmailLog) {
			logs = append(logs, l.EmailLog)
		}
	}
	slices.SortFunc(logs, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
	return logs, nil
}

// FindLogs implements ports.LogReader.
func (s *Store) FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "find logs"); err != nil || id == "" {
		return nil, err
	}
	if key, err := domain.ParseLogKey(id); err == nil {
		if l, ok := s.logs[key]; ok && l.Confirmed {
			return []domain.EmailLog{l.EmailLog}, nil
		}
	}
	var found []domain.EmailLog
	for _, l := range s.logs {
		if l.Confirmed && (l.ApplicationID == id || l.MessageID == domain.NormalizeMessageID(id)) {
			found = append(found, l.EmailLog)
		}
	}
	slices.SortFunc(found, func(a, b domain.EmailLog) int { return bytes.Compare(b.Key[:], a.Key[:]) })
	return found[:min(limit, len(found))], nil
}

func chooses(f *ports.LogFilter, l *domain.EmailLog) bool {
	return (f.MessageID == "" || domain.NormalizeMessageID(f.MessageID) == l.MessageID) &&
		(f.ApplicationID == "" || f.ApplicationID == l.ApplicationID) &&
		(f.Recipient == "" || domain.NormalizeRecipient(f.Recipient) == l.Recipient) &&
		(len(f.Statuses) == 0 || slices.Contains(f.Statuses, l.Status())) &&
		(f.Tenant == "" || f.Tenant == l.Tenant) &&
		(f.Campaign == "" || f.Campaign == l.Campaign) &&
		(f.Domain == "" || strings.HasSuffix(l.Recipient, "@"+strings.ToLower(f.Domain))) &&
		(f.Provider == "" || f.Provider == l.Provider) &&
		(f.EgressSource == "" || f.EgressSource == l.EgressSource) &&
		(f.Cause == "" || f.Cause == l.Decision.Verdict.Cause) &&
		within(l.AcceptedAt, f.From, f.To)
}

// within says whether t lies in [from, to), zero being open. A time that is not
// known lies in no range.
func within(t, from, to time.Time) bool {
	if t.IsZero() {
		return from.IsZero() && to.IsZero()
	}
	return (from.IsZero() || !t.Before(from)) && (to.IsZero() || t.Before(to))
}

// Events implements ports.LogReader.
func (s *Store) Events(ctx context.Context, messageID string) ([]domain.EmailEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read events"); err != nil {
		return nil, err
	}
	var events []domain.EmailEvent
	id := domain.NormalizeMessageID(messageID)
	for _, e := range s.messages[id] {
		if e.ConcernsMessage(id) {
			events = append(events, *e)
		}
	}
	slices.SortFunc(events, func(a, b domain.EmailEvent) int {
		return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return events, nil
}
