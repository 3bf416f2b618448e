package contract

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// ledger is what a store ought to hold, by the words of the ports.
type ledger struct {
	known   map[domain.EventID]domain.EmailEvent // first copies
	said    []domain.EmailEvent                  // all copies
	rejects map[domain.QuarantineID]domain.Reject
}

func newLedger() *ledger {
	return &ledger{
		known:   map[domain.EventID]domain.EmailEvent{},
		rejects: map[domain.QuarantineID]domain.Reject{},
	}
}

// take adds u and says which of its events are new.
func (l *ledger) take(u ports.Unit) []bool {
	isNew := make([]bool, len(u.Events))
	for i, e := range u.Events {
		if _, ok := l.known[e.ID]; !ok {
			l.known[e.ID], isNew[i] = e, true
		}
	}
	l.said = append(l.said, u.Events...)
	for _, r := range u.Rejects {
		if _, ok := l.rejects[r.ID()]; !ok {
			l.rejects[r.ID()] = r
		}
	}
	return isNew
}

// state is all that can be read of a store.
type state struct {
	Logs       []domain.EmailLog // of mail, by key
	Reports    []domain.EmailLog // those of reports, by key
	Events     map[string][]domain.EmailEvent
	Counts     []ports.EventCount // by day, of events without message id too
	Quarantine map[domain.QuarantineID]ports.Quarantined
}

const day = 24 * time.Hour

// state is what a store that holds the ledger's contents would answer.
func (l *ledger) state() state {
	folded := domain.Fold(l.said)
	st := state{
		Logs: shown(folded, false), Reports: shown(folded, true), Events: map[string][]domain.EmailEvent{},
		Counts:     countsOf(slices.Collect(maps.Values(l.known)), day),
		Quarantine: map[domain.QuarantineID]ports.Quarantined{},
	}
	for _, e := range l.known {
		ids := []string{domain.NormalizeMessageID(e.MessageID)}
		if e.Original != nil && e.Original.MessageID != ids[0] {
			ids = append(ids, e.Original.MessageID)
		}
		for _, id := range ids {
			if e.ConcernsMessage(id) {
				st.Events[id] = append(st.Events[id], e)
			}
		}
	}
	for _, events := range st.Events {
		slices.SortFunc(events, func(a, b domain.EmailEvent) int {
			return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), bytes.Compare(a.ID[:], b.ID[:]))
		})
	}
	for id, r := range l.rejects {
		st.Quarantine[id] = ports.Quarantined{
			ID: id, Reason: r.Reason, ReceivedAt: r.ReceivedAt, Size: len(r.Raw), Raw: r.Raw,
		}
	}
	return st
}

// shown returns the logs that a store shows of mail, or of reports.
func shown(logs []domain.EmailLog, reports bool) []domain.EmailLog {
	return slices.DeleteFunc(slices.Clone(logs), func(l domain.EmailLog) bool {
		return !l.Confirmed || l.OfReport != reports
	})
}

// countsOf counts as ports.StatsReader.CountEvents does.
func countsOf(events []domain.EmailEvent, width time.Duration) []ports.EventCount {
	counts := map[ports.EventCount]int64{}
	for _, e := range events {
		counts[ports.EventCount{Bucket: e.OccurredAt.Truncate(width), Type: e.Type}]++
	}
	var rows []ports.EventCount
	for row, n := range counts {
		row.Count = n
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b ports.EventCount) int {
		return cmp.Or(a.Bucket.Compare(b.Bucket), strings.Compare(a.Type.String(), b.Type.String()))
	})
	return rows
}

// check fails t unless s holds what the ledger does.
func (l *ledger) check(t rapid.TB, s Store) {
	t.Helper()
	want := l.state()
	same(t, "what is stored", want, read(t, s, slices.Collect(maps.Keys(want.Events))))
}

// read returns what s holds, of events those of the given messages.
func read(t rapid.TB, s Store, messages []string) state {
	t.Helper()
	st := state{
		Logs: readLogs(t, s, ports.LogFilter{}), Reports: readLogs(t, s, ports.LogFilter{Reports: true}),
		Events:     map[string][]domain.EmailEvent{},
		Quarantine: map[domain.QuarantineID]ports.Quarantined{},
	}
	for _, logs := range [][]domain.EmailLog{st.Logs, st.Reports} {
		slices.SortFunc(logs, func(a, b domain.EmailLog) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	}
	for _, id := range messages {
		if events := readEvents(t, s, id); len(events) > 0 {
			st.Events[id] = events
		}
	}
	var err error
	st.Counts, err = s.CountEvents(context.Background(), ports.StatsQuery{Width: day})
	fine(t, "count events", err)
	for _, q := range readQuarantine(t, s) {
		st.Quarantine[q.ID] = q
	}
	return st
}

func readLogs(t rapid.TB, s Store, f ports.LogFilter) []domain.EmailLog {
	t.Helper()
	var logs []domain.EmailLog
	for l, err := range s.Logs(context.Background(), f) {
		fine(t, "read logs", err)
		logs = append(logs, l)
	}
	return logs
}

func readEvents(t rapid.TB, s Store, message string) []domain.EmailEvent {
	t.Helper()
	events, err := s.Events(context.Background(), message)
	fine(t, "read events", err)
	return events
}

// readQuarantine returns all entries with their bytes, newest first.
func readQuarantine(t rapid.TB, s Store) []ports.Quarantined {
	t.Helper()
	list, err := s.List(context.Background(), domain.QuarantineID{}, 1000)
	fine(t, "list quarantine", err)
	for i, q := range list {
		list[i], err = s.Get(context.Background(), q.ID)
		fine(t, "get quarantined", err)
	}
	return list
}
