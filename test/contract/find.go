package contract

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

// find returns the logs that id means.
func find(t *testing.T, s Store, id string, limit int) []domain.EmailLog {
	t.Helper()
	logs, err := s.FindLogs(context.Background(), id, limit)
	fine(t, "find logs", err)
	return logs
}

// withApplication returns the record of an application's id.
func withApplication(r Record, id string) Record {
	r.ApplicationID = id
	return r
}

// byKey returns the logs of records, greatest key first.
func byKey(records ...Record) []domain.EmailLog {
	logs := slices.DeleteFunc(domain.Fold(eventsOf(records...)), func(l domain.EmailLog) bool { return !l.Confirmed })
	slices.Reverse(logs)
	return logs
}

func dashed(id string) string {
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}

func findsByAnyID(t *testing.T, s Store) {
	two := withApplication(record("Delivery", 1, 5, "a@example.com", "b@example.com"), "app-1")
	other := withApplication(record("Bounce", 2, 6, "c@example.com"), "app-1")
	third := withApplication(record("Reception", 3, 6, "d@example.com"), "App-1")
	odd := record("Reception", 4, 6, "e@example.com")
	odd.MessageID = "Odd-Id@host"
	// The application names its message by the id of another message.
	named := withApplication(record("Reception", 5, 6, "f@example.com"), messageID(1))
	commitRecords(t, s, two, other, third, odd, named)
	for id, want := range map[string][]domain.EmailLog{
		messageID(2):                          byKey(other),
		strings.ToUpper(dashed(messageID(2))): byKey(other),
		"app-1":                               byKey(two, other),
		"App-1":                               byKey(third),
		"APP-1":                               nil,
		"oddid@host":                          byKey(odd),
		"ODD-id@HOST":                         byKey(odd),
		messageID(1):                          byKey(two, named),
		dashed(messageID(1)):                  byKey(two),
		"a@example.com":                       nil,
		messageID(9):                          nil,
	} {
		same(t, "logs of "+id, want, find(t, s, id, 10))
	}
}

func findsByOwnID(t *testing.T, s Store) {
	two := record("Delivery", 1, 5, "a@example.com", "b@example.com")
	log := byKey(two)[0]
	// Someone else's message claims the log's id for its own.
	other := withApplication(record("Reception", 2, 5, "c@example.com"), log.Key.String())
	commitRecords(t, s, two, other)
	bare := strings.ReplaceAll(log.Key.String(), "-", "")
	for _, id := range []string{log.Key.String(), strings.ToUpper(log.Key.String()), bare} {
		same(t, "logs of "+id, []domain.EmailLog{log}, find(t, s, id, 10))
	}
}

func findsUpToLimit(t *testing.T, s Store) {
	var records []Record
	for _, r := range deliveries(0, 30) {
		records = append(records, withApplication(r, "app-1"))
	}
	records = append(records, record("Delivery", 40, 45, "a@example.com", "b@example.com", "c@example.com"))
	commitRecords(t, s, records...)
	of := map[string][]domain.EmailLog{"app-1": byKey(records[:30]...), messageID(40): byKey(records[30])}
	for id, all := range of {
		for _, limit := range []int{1, 2, 100} {
			same(t, "logs of "+id, all[:min(limit, len(all))], find(t, s, id, limit))
		}
	}
	// A message that an application's id means too.
	both := withApplication(record("Delivery", 20, 25, "z@example.com"), messageID(40))
	commitRecords(t, s, both)
	same(t, "logs by both", append(of[messageID(40)], byKey(both)...)[:2], find(t, s, messageID(40), 2))
	least := withApplication(record("Delivery", 50, 55, "z@example.com"), messageID(40))
	commitRecords(t, s, least)
	same(t, "logs by both", append(byKey(least), of[messageID(40)]...)[:2], find(t, s, messageID(40), 2))
}

func findsNothingByOddIDs(t *testing.T, s Store) {
	untold := record("Reception", 1, 2, "a@example.com") // no application id
	commitRecords(t, s, untold)
	for _, id := range []string{
		"", "-", "---", "%", "'", "\"", "\\", "a\x00b", "\x00", "\xff", "\xed\xa0\x80", strings.Repeat("a", 1<<16),
		strings.Repeat("0", 32), strings.Repeat("f", 32), messageID(1) + "\x00",
	} {
		if got := find(t, s, id, 10); len(got) != 0 {
			t.Fatalf("%.40q means %d logs, want none", id, len(got))
		}
	}
}
