//go:build !embedded

package sqlstore_test

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// narrowDays are those that the test's recipient has mail on: some in a row, far
// apart, ahead, and one without a time.
var narrowDays = []int{-40, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 30, 60, 90}

const (
	perNarrowDay  = 4
	narrowAddress = "all@example.com"
	narrowID      = "eml_narrow"
)

// narrowUnit is mail to an address, and from a program that gives all of it one
// id, with the keys of its logs, greatest first.
func narrowUnit(now time.Time) (u ports.Unit, keys []domain.LogKey) {
	deliver := func(id string, at time.Time) {
		r := contract.Record{Recipients: []string{narrowAddress}}
		r.RecordType, r.MessageID, r.OccurredAt, r.AcceptedAt, r.ApplicationID = "Delivery", id, at, at, narrowID
		u.Events = append(u.Events, r.Events(now)...)
		keys = append(keys, domain.NewLogKey(id, narrowAddress))
	}
	for _, day := range narrowDays {
		for n := range perNarrowDay {
			at := now.Truncate(24*time.Hour).AddDate(0, 0, -day).Add(time.Duration(n) * time.Hour)
			deliver(fmt.Sprintf("%012x7%03x8%015x", at.UnixMilli(), n, day+100), at)
		}
	}
	deliver("without a time", now.AddDate(0, 0, -20))
	slices.SortFunc(keys, func(a, b domain.LogKey) int { return bytes.Compare(b[:], a[:]) })
	return u, keys
}

// TestNarrowPagesHoldWhatIsToBeShown asks for pages of every kind of a list whose
// index also has what is not to be shown: logs that are not confirmed, and those of
// reports.
func TestNarrowPagesHoldWhatIsToBeShown(t *testing.T) {
	s, admin := openWithAdministrator(t)
	now := time.Now().UTC()
	u, _ := narrowUnit(now)
	mustCommit(t, s, u)
	for _, hidden := range []struct{ where, set string }{
		{"false", "attempts = 1"},
		{"get_byte(uuid_send(key), 7) % 3 = 0", "confirmed = false"},
		{"get_byte(uuid_send(key), 7) % 3 = 1", "of_report = true"},
		{"get_byte(uuid_send(key), 7) % 5 = 0", "recipient = 'other@example.com', application_id = 'eml_other'"},
		{"true", "of_report = true"},
	} {
		tell(t, admin, "UPDATE email_log SET "+hidden.set+" WHERE "+hidden.where)
		for name, f := range map[string]ports.LogFilter{
			"recipient": {Recipient: narrowAddress}, "application": {ApplicationID: narrowID},
			"reports":           {Recipient: narrowAddress, Reports: true},
			"both":              {Recipient: narrowAddress, ApplicationID: narrowID},
			"recipient, status": {Recipient: narrowAddress, Statuses: []domain.Status{domain.Delivered}},
			"range":             {ApplicationID: narrowID, From: now.AddDate(0, 0, -31), To: now.AddDate(0, 0, -3)},
			"no message":        {Recipient: narrowAddress, Tenant: "nobody"},
		} {
			want := shown(t, admin, f)
			for _, limit := range []int{1, 3, perNarrowDay * sqlstore.NamedDays, perNarrowDay*sqlstore.NamedDays + 1, 1000} {
				if diff := cmp.Diff(want, pagedLogs(t, s, f, limit)); diff != "" {
					t.Errorf("%s in pages of %d, %s where %s: -want +got\n%s", name, limit, hidden.set, hidden.where, diff)
				}
			}
		}
	}
}

// TestNarrowPagesTellTextsOfOneHashApart has two texts that their indexes do not tell
// apart, both with more logs than are read for a page.
func TestNarrowPagesTellTextsOfOneHashApart(t *testing.T) {
	s, admin := openWithAdministrator(t)
	pair := strings.Fields(told[string](t, admin, `SELECT min(text) || ' ' || max(text)
		FROM (SELECT 'user' || n || '@example.com' AS text FROM generate_series(1, 400000) n) t
		GROUP BY hashtext(text) HAVING count(*) > 1 ORDER BY 1 LIMIT 1`))
	now := time.Now().UTC().Truncate(time.Hour)
	var u ports.Unit
	for n := range 5 * sqlstore.Ample(50) {
		at := now.Add(-time.Duration(n*n/7) * time.Second) // ever fewer in a stretch
		r := contract.Record{Recipients: []string{pair[n%2]}}
		r.RecordType, r.MessageID, r.OccurredAt = "Delivery", fmt.Sprintf("%012x7%03x8%015x", at.UnixMilli(), n, n), at
		r.AcceptedAt, r.ApplicationID = at, pair[n/400%2]
		u.Events = append(u.Events, r.Events(now)...)
	}
	mustCommit(t, s, u)
	for _, text := range pair {
		for name, f := range map[string]ports.LogFilter{
			"recipient": {Recipient: text}, "application": {ApplicationID: text}, "both": {Recipient: pair[0], ApplicationID: text},
		} {
			want := shown(t, admin, f)
			if len(want) <= sqlstore.Ample(50) {
				t.Fatalf("%d logs by %s say little", len(want), name)
			}
			for _, limit := range []int{7, 50, 1000} {
				if diff := cmp.Diff(want, pagedLogs(t, s, f, limit)); diff != "" {
					t.Errorf("%s in pages of %d: -want +got\n%.1000s", name, limit, diff)
				}
			}
		}
	}
}

// shown are the keys of the logs that a list shows, greatest first.
func shown(t *testing.T, admin *pgx.Conn, f ports.LogFilter) (keys []domain.LogKey) {
	t.Helper()
	rows, err := admin.Query(t.Context(), `SELECT key FROM email_log
		WHERE confirmed AND of_report = $1 AND $2 IN ('', recipient) AND $3 IN ('', application_id) AND $4 IN ('', tenant)
			AND ($5::timestamptz IS NULL OR accepted_at >= $5) AND ($6::timestamptz IS NULL OR accepted_at < $6)
		ORDER BY key DESC`, f.Reports, f.Recipient, f.ApplicationID, f.Tenant, timeOrNull(f.From), timeOrNull(f.To))
	if err != nil {
		t.Fatal(err)
	}
	keys, err = pgx.AppendRows(keys, rows, func(row pgx.CollectableRow) (key domain.LogKey, err error) {
		return key, row.Scan((*[16]byte)(&key))
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func timeOrNull(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at
}

func pagedLogs(t *testing.T, s ports.LogPages, f ports.LogFilter, limit int) (keys []domain.LogKey) {
	t.Helper()
	for {
		var before domain.LogKey
		if len(keys) > 0 {
			before = keys[len(keys)-1]
		}
		page, err := s.LogPage(t.Context(), f, before, limit)
		if err != nil || len(page) > limit {
			t.Fatalf("%d logs of %d, %v", len(page), limit, err)
		}
		for _, l := range page {
			keys = append(keys, l.Key)
		}
		if len(page) < limit {
			return keys
		}
	}
}

// TestNarrowPageOutlivesADroppedDay has a day dropped between the look for keys
// and that for their logs.
func TestNarrowPageOutlivesADroppedDay(t *testing.T) {
	s, _ := openWithAdministrator(t)
	u, keys := narrowUnit(time.Now().UTC())
	mustCommit(t, s, u)
	at := time.Date(2021, 2, 3, 4, 5, 6, 0, time.UTC)
	gone := domain.NewLogKey(fmt.Sprintf("%012x7%019x", at.UnixMilli(), 1), narrowAddress)
	asked := append(slices.Clone(keys[:2]), gone)
	logs, err := s.LogsOfKeys(t.Context(), ports.LogFilter{Recipient: narrowAddress}, len(asked), asked...)
	if diff := cmp.Diff(keys[:3], keysOf(logs)); err != nil || diff != "" {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
}

// TestNarrowPageLosesNothingToWhatComesMeanwhile has logs committed between the look
// for keys and that for their logs, which are of too many days to be named.
func TestNarrowPageLosesNothingToWhatComesMeanwhile(t *testing.T) {
	s, _ := openWithAdministrator(t)
	u, keys := narrowUnit(time.Now().UTC())
	mustCommit(t, s, u)
	before := keys[perNarrowDay : perNarrowDay*(2+sqlstore.NamedDays)]
	asked := slices.DeleteFunc(slices.Clone(before), func(k domain.LogKey) bool { return k == before[1] }) // which came meanwhile
	logs, err := s.LogsOfKeys(t.Context(), ports.LogFilter{Recipient: narrowAddress}, 2*len(before), asked...)
	if diff := cmp.Diff(before, keysOf(logs)); err != nil || diff != "" {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
}

// TestNarrowListsUseTheirIndexes holds the statements of narrow lists to their
// indexes by the plans that are kept, also on a day that is new.
func TestNarrowListsUseTheirIndexes(t *testing.T) {
	_, admin, now := openForPlans(t, 90, 400)
	tell(t, admin, "SET enable_seqscan TO off")
	tell(t, admin, `INSERT INTO email_log SELECT l.* FROM email_log k,
		jsonb_populate_record(k, jsonb_build_object('key', $1 || substr(replace(k.key::text, '-', ''), 13))) l LIMIT 30`, fmt.Sprintf("%012x", now.UnixMilli()))
	for _, q := range questions[:2] {
		for _, day := range []int{0, 1, 30} { // of which one is new: it was empty when it was analyzed
			f := q.of(7, now)
			key := domain.NewLogKey(fmt.Sprintf("%012x7%019x", now.AddDate(0, 0, -day).Add(time.Hour).UnixMilli(), 1), "a@example.com")
			queries, args := sqlstore.NarrowQueries(f, 50, key)
			keys, logs := planByStretches(t, admin, queries[0], args[0]), planOf(t, admin, queries[1], args[1])
			if n := strings.Count(keys, "Index Cond: ("); n < 90 || !strings.Contains(keys, q.index) || strings.Contains(keys, "Seq Scan") ||
				strings.Contains(keys, "Sort\n") || strings.Contains(keys, "_pkey on") {
				t.Errorf("%s: keys are not looked for by the index on %q in each of %d days:\n%.2000s", q.name, q.index, n, keys)
			}
			if !regexp.MustCompile(`Index Scan using email_log_\d+_pkey on email_log_\d+\n *Index Cond: \(key = `).MatchString(logs) ||
				strings.Contains(logs, "Seq Scan") || strings.Count(logs, " on email_log_") != 1 {
				t.Errorf("%s: logs are not looked up by key on one day:\n%s", q.name, logs)
			}
		}
	}
	inOneDay := lastDay(now, ports.LogFilter{Recipient: "user7@gmail.com"})
	queries, args := sqlstore.NarrowQueries(inOneDay, 50, domain.LogKey{})
	if plan := planByStretches(t, admin, queries[0], args[0]); strings.Count(plan, " on email_log_") != 1 {
		t.Errorf("a day's list looks into other days:\n%.2000s", plan)
	}
}
