package memory

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var (
	_ ports.LogPages   = (*Store)(nil)
	_ ports.EventPages = (*Store)(nil)
)

// LogPage implements ports.LogPages.
func (s *Store) LogPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
	logs, err := s.chosen(ctx, f)
	if err != nil {
		return nil, err
	}
	logs = slices.DeleteFunc(logs, func(l domain.EmailLog) bool {
		return before != (domain.LogKey{}) && bytes.Compare(l.Key[:], before[:]) >= 0
	})
	return logs[:min(limit, len(logs))], nil
}

// EventPage implements ports.EventPages.
func (s *Store) EventPage(ctx context.Context, f ports.EventFilter, before domain.EventID, limit int) ([]ports.EventRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "read page of events"); err != nil {
		return nil, err
	}
	var rows []ports.EventRow
	for _, e := range s.events {
		if (before == (domain.EventID{}) || bytes.Compare(e.ID[:], before[:]) < 0) && s.choosesEvent(&f, e) {
			rows = append(rows, rowOf(e))
		}
	}
	slices.SortFunc(rows, func(a, b ports.EventRow) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return rows[:min(limit, len(rows))], nil
}

func (s *Store) choosesEvent(f *ports.EventFilter, e *domain.EmailEvent) bool {
	at, dated := e.ID.Time()
	if !dated {
		at = time.Time{}
	}
	return (f.MessageID == "" || slices.Contains(timelinesOf(e), domain.NormalizeMessageID(f.MessageID))) &&
		(f.Recipient == "" || s.isOf(e, domain.NormalizeRecipient(f.Recipient))) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) &&
		within(at, ceilMilli(f.From), ceilMilli(f.To))
}

// isOf says whether the event's key, or that which it is tied to, is that of a
// log of recipient.
func (s *Store) isOf(e *domain.EmailEvent, recipient string) bool {
	var keys []domain.LogKey
	if e.MessageID != "" {
		keys = append(keys, domain.NewLogKey(e.MessageID, e.Recipient))
	}
	if e.Original != nil {
		keys = append(keys, e.Original.Key())
	}
	return slices.ContainsFunc(keys, func(k domain.LogKey) bool {
		l, ok := s.logs[k]
		return ok && l.Recipient == recipient
	})
}

// ceilMilli rounds a bound up to what ids can say.
func ceilMilli(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(time.Millisecond - 1).Truncate(time.Millisecond)
}

// rowOf returns what is kept of an event beside its record.
func rowOf(e *domain.EmailEvent) ports.EventRow {
	row := ports.EventRow{EmailEvent: domain.EmailEvent{
		ID: e.ID, Type: e.Type, Part: e.Part, MessageID: e.MessageID, Recipient: e.Recipient, Sender: e.Sender,
		OccurredAt: e.OccurredAt, ReceivedAt: e.ReceivedAt, Attempts: e.Attempts, NodeID: e.NodeID,
		Response: domain.Response{Code: e.Response.Code, Enhanced: e.Response.Enhanced, Content: e.Response.Content},
		Tenant:   e.Tenant, Campaign: e.Campaign, EgressSource: e.EgressSource, Provider: e.Provider,
		Classification: e.Classification, Verdict: e.Verdict, ResponseHash: e.ResponseHash,
	}}
	if e.Type == domain.Unknown {
		row.RecordType = e.RecordType
	}
	if e.Classification == "Uncategorized" {
		row.Classification = ""
	}
	if e.Original != nil {
		row.OriginalLog, row.TiedBy = e.Original.Key(), e.Original.By
	}
	return row
}

// Event implements ports.EventPages.
func (s *Store) Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	const operation = "read event"
	if err := s.usable(ctx, operation); err != nil {
		return domain.EmailEvent{}, err
	}
	e, ok := s.events[id]
	if !ok {
		return domain.EmailEvent{}, fmt.Errorf("%s: %w", operation, ports.ErrNotFound)
	}
	return *e, nil
}
