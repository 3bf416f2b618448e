package memory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

var (
	_ ports.StatsReader = (*Store)(nil)
	_ ports.Roller      = (*Store)(nil)
)

// Roll implements ports.Roller. There are no sums, for figures are counted when
// they are read: it only forgets what waits.
func (s *Store) Roll(ctx context.Context) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "roll up"); err != nil {
		return false, err
	}
	s.unsummed = nil
	return false, nil
}

// facts are what figures choose by and are told apart by.
type facts map[ports.Dimension]string

func factsOfEvent(e *domain.EmailEvent) facts {
	return facts{
		ports.ByProvider: e.Provider, ports.ByDomain: domainOf(e.Recipient), ports.ByTenant: e.Tenant,
		ports.ByCampaign: e.Campaign, ports.ByEgressSource: e.EgressSource, ports.ByCause: string(e.Verdict.Cause),
	}
}

func factsOfLog(l *domain.EmailLog) facts {
	return facts{
		ports.ByProvider: l.Provider, ports.ByDomain: domainOf(l.Recipient), ports.ByTenant: l.Tenant,
		ports.ByCampaign: l.Campaign, ports.ByEgressSource: l.EgressSource, ports.ByCause: string(l.Decision.Verdict.Cause),
	}
}

func domainOf(recipient string) string {
	at := strings.LastIndexByte(recipient, '@')
	if at < 0 {
		return ""
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r | 0x20
		}
		return r
	}, recipient[at+1:])
}

func (f facts) chosen(q *ports.StatsQuery) bool {
	return (q.Tenant == "" || f[ports.ByTenant] == q.Tenant) && (q.Campaign == "" || f[ports.ByCampaign] == q.Campaign) &&
		(q.Provider == "" || f[ports.ByProvider] == q.Provider) &&
		(q.Domain == "" || f[ports.ByDomain] == strings.ToLower(q.Domain))
}

// slot is a row's place among others.
type slot struct {
	bucket time.Time
	group  ports.Group
	kind   string
}

func (f facts) slot(q *ports.StatsQuery, at time.Time, kind string) slot {
	s := slot{kind: kind, bucket: at.Truncate(q.Width)} // counts from midnight of year 1, so days are UTC's
	for i, d := range q.By {
		s.group[i] = f[d]
	}
	return s
}

func (s slot) compare(o slot) int {
	return cmp.Or(s.bucket.Compare(o.bucket), strings.Compare(s.group[0], o.group[0]),
		strings.Compare(s.group[1], o.group[1]), strings.Compare(s.kind, o.kind))
}

// rowsOf makes a row of each slot, in order.
func rowsOf[V, R any](slots map[slot]V, limit int, row func(slot, V) R) []R {
	var order []slot
	for s := range slots {
		order = append(order, s)
	}
	slices.SortFunc(order, slot.compare)
	if limit > 0 {
		order = order[:min(limit, len(order))]
	}
	var rows []R
	for _, s := range order {
		rows = append(rows, row(s, slots[s]))
	}
	return rows
}

// CountEvents implements ports.StatsReader.
func (s *Store) CountEvents(ctx context.Context, q ports.StatsQuery) ([]ports.EventCount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "count events"); err != nil {
		return nil, err
	}
	counts := map[slot]int64{}
	for _, e := range s.events {
		f := factsOfEvent(e)
		if !e.OccurredAt.IsZero() && within(e.OccurredAt, q.From, q.To) && f.chosen(&q) {
			counts[f.slot(&q, e.OccurredAt, e.Type.String())]++
		}
	}
	return rowsOf(counts, q.Limit, func(at slot, n int64) ports.EventCount {
		kind, _ := domain.ParseEventType(at.kind)
		return ports.EventCount{Bucket: at.bucket, Group: at.group, Type: kind, Count: n}
	}), nil
}

// countLogs calls visit with each log that q chooses.
func (s *Store) countLogs(q *ports.StatsQuery, visit func(l *domain.EmailLog, f facts)) {
	for _, l := range s.logs {
		f := factsOfLog(&l.EmailLog)
		if l.Confirmed && !l.OfReport && !l.AcceptedAt.IsZero() && within(l.AcceptedAt, q.From, q.To) && f.chosen(q) {
			visit(&l.EmailLog, f)
		}
	}
}

// CountMessages implements ports.StatsReader.
func (s *Store) CountMessages(ctx context.Context, q ports.StatsQuery) ([]ports.MessageCount, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "count messages"); err != nil {
		return nil, err
	}
	counts := map[slot]int64{}
	s.countLogs(&q, func(l *domain.EmailLog, f facts) { counts[f.slot(&q, l.AcceptedAt, l.Status().String())]++ })
	return rowsOf(counts, q.Limit, func(at slot, n int64) ports.MessageCount {
		return ports.MessageCount{Bucket: at.bucket, Group: at.group, Status: at.kind, Count: n}
	}), nil
}

// Latencies implements ports.StatsReader.
func (s *Store) Latencies(ctx context.Context, q ports.StatsQuery) ([]ports.Latency, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx, "measure latencies"); err != nil {
		return nil, err
	}
	sets := map[slot][]*domain.EmailLog{}
	s.countLogs(&q, func(l *domain.EmailLog, f facts) {
		at := f.slot(&q, l.AcceptedAt, "")
		sets[at] = append(sets[at], l)
	})
	return rowsOf(sets, q.Limit, func(at slot, logs []*domain.EmailLog) ports.Latency {
		row := measure(logs)
		row.Bucket, row.Group = at.bucket, at.group
		return row
	}), nil
}

func measure(logs []*domain.EmailLog) ports.Latency {
	row := ports.Latency{Messages: int64(len(logs))}
	var took []int64
	for _, l := range logs {
		if l.Attempts > 0 {
			row.Tried++
		}
		if s := l.Status(); l.Attempts > 1 || l.Attempts == 1 && (s == domain.Deferred || s == domain.Expired) {
			row.Deferred++
		}
		if l.DeliveredAt.IsZero() {
			continue
		}
		row.Delivered++
		if l.Attempts <= 1 {
			row.AtFirst++
		}
		took = append(took, max(l.DeliveredAt.UnixMicro()-l.AcceptedAt.UnixMicro(), 0))
	}
	slices.Sort(took)
	for i, p := range ports.Percentiles {
		if len(took) > 0 {
			row.Took[i] = took[(len(took)*p+99)/100-1]
		}
	}
	return row
}
