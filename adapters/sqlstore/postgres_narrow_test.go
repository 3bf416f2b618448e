//go:build !embedded

package sqlstore_test

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
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
// index also has what is not to be shown: logs that are not confirmed, of
// reports, and somebody else's with the same hash.
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
			for _, bounds := range [][2]int{{2 * perNarrowDay, 100}, {2 * perNarrowDay, perNarrowDay - 1}, {0, 0}} {
				crowded := boundedPages{s, bounds[0], bounds[1]}
				if diff := cmp.Diff(want, pagedLogs(t, crowded, f, 7)); diff != "" {
					t.Errorf("%s by bounds %d, %s where %s: -want +got\n%s", name, bounds, hidden.set, hidden.where, diff)
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

// boundedPages reads with other bounds of few logs and of many on a day.
type boundedPages struct {
	*sqlstore.Postgres
	few, many int
}

func (p boundedPages) LogPage(ctx context.Context, f ports.LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error) {
	return p.NarrowPage(ctx, f, before, limit, p.few, p.many)
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
	for _, n := range []int{2, perNarrowDay * (1 + sqlstore.NamedDays)} {
		logs, err := s.LogsOfKeys(t.Context(), ports.LogFilter{Recipient: narrowAddress}, 1000, append(slices.Clone(keys[:n]), gone)...)
		if diff := cmp.Diff(keys[:n], keysOf(logs)); err != nil || diff != "" {
			t.Errorf("%v, -want +got\n%s", err, diff)
		}
	}
}

func keysOf(logs []domain.EmailLog) []domain.LogKey {
	keys := make([]domain.LogKey, len(logs))
	for i := range logs {
		keys[i] = logs[i].Key
	}
	return keys
}

// TestNarrowPagesAreThoseOfAPlainFilter draws pages of who has logs on each of many
// days, on one day alone, or both, and bounds that have them read in every way.
func TestNarrowPagesAreThoseOfAPlainFilter(t *testing.T) {
	s, admin := openWithAdministrator(t)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	fillDays(t, admin, today, 95, 12)
	tell(t, admin, "UPDATE email_log SET recipient = 'often@example.com' WHERE get_byte(uuid_send(key), 10) % 3 = 0")
	fillDays(t, admin, today.AddDate(0, 0, -100), 1, 300)
	tell(t, admin, "UPDATE email_log SET recipient = 'once@example.com' WHERE recipient <> 'often@example.com' AND accepted_at < $1", today.AddDate(0, 0, -100))
	tell(t, admin, "UPDATE email_log SET application_id = 'both' WHERE get_byte(uuid_send(key), 9) % 2 = 0")
	rapid.Check(t, func(r *rapid.T) {
		f := rapid.SampledFrom([]ports.LogFilter{
			{Recipient: "often@example.com"}, {Recipient: "once@example.com"}, {ApplicationID: "both"}, {ApplicationID: "both", Recipient: "once@example.com"},
		}).Draw(r, "filter")
		ago := rapid.IntRange(-24, 24*110)
		if rapid.Bool().Draw(r, "has times") {
			f.From, f.To = today.Add(-time.Hour*time.Duration(ago.Draw(r, "from"))), today.Add(-time.Hour*time.Duration(ago.Draw(r, "to")))
		}
		want := shown(t, admin, f)
		all := want
		var before domain.LogKey
		if n := rapid.IntRange(0, len(want)).Draw(r, "behind"); n > 0 {
			before, want = want[n-1], want[n:]
		}
		limit := rapid.IntRange(1, 60).Draw(r, "limit")
		few, many := rapid.SampledFrom([]int{0, 5, 30, 1000}).Draw(r, "few"), rapid.SampledFrom([]int{0, 10, 100, 1000}).Draw(r, "many")
		got, err := s.NarrowPage(t.Context(), f, before, limit, few, many)
		if diff := cmp.Diff(want[:min(limit, len(want))], keysOf(got), cmpopts.EquateEmpty()); err != nil || diff != "" {
			r.Fatalf("%v, -want +got\n%s", err, diff)
		}
		streamed, err := s.NarrowPages(t.Context(), f, limit, few, many)
		if diff := cmp.Diff(all, keysOf(streamed), cmpopts.EquateEmpty()); err != nil || diff != "" {
			r.Fatalf("page after page: %v, -want +got\n%s", err, diff)
		}
	})
}

// TestNarrowListsUseTheirIndexes holds the statements of narrow lists to their
// indexes by the plans that are kept, also on days that are new, or have one
// recipient.
func TestNarrowListsUseTheirIndexes(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	tell(t, admin, "SET plan_cache_mode TO force_generic_plan")
	tell(t, admin, "SET enable_seqscan TO off; SET enable_bitmapscan TO off")
	now := time.Now().UTC().Truncate(24 * time.Hour)
	fillDays(t, admin, now, 90, 400)
	tell(t, admin, `INSERT INTO email_log SELECT l.* FROM email_log k,
		jsonb_populate_record(k, jsonb_build_object('key', $1 || substr(replace(k.key::text, '-', ''), 13))) l LIMIT 30`, fmt.Sprintf("%012x", now.UnixMilli()))
	crowded := now.AddDate(0, 0, -20).Format("email_log_20060102")
	tell(t, admin, "UPDATE "+crowded+" SET recipient = 'user7@gmail.com', application_id = 'eml_7'")
	tell(t, admin, "ANALYZE "+crowded)
	for _, q := range questions[:2] {
		f := q.of(7, now)
		queries, args := sqlstore.NarrowQueries(f, domain.LogKey{})
		usesHash(t, q, planOf(t, admin, queries[0], args[0]), 90)
		for _, day := range []int{0, 1, 20} { // of which one is new: it was empty when it was analyzed
			key := domain.NewLogKey(fmt.Sprintf("%012x7%019x", now.AddDate(0, 0, -day).Add(time.Hour).UnixMilli(), 1), "a@example.com")
			queries, args := sqlstore.NarrowQueries(f, key)
			usesHash(t, q, planOf(t, admin, queries[1], args[1]), 1)
			if logs := planOf(t, admin, queries[2], args[2]); !looksUp.MatchString(logs) || strings.Contains(logs, "Seq Scan") || strings.Count(logs, " on email_log_") != 1 {
				t.Errorf("%s: logs are not looked up by key on one day:\n%s", q.name, logs)
			}
			if logs := planOf(t, admin, queries[3], args[3]); len(looksUp.FindAllString(logs, -1)) < 90 || strings.Contains(logs, "Seq Scan") || strings.Contains(logs, "hashtext") {
				t.Errorf("%s: logs are not looked up by key:\n%.2000s", q.name, logs)
			}
		}
		walk, args2 := sqlstore.WalkQuery(lastDay(now, f), 50)
		if plan := planOf(t, admin, walk, args2); !strings.Contains(plan, "Index Scan Backward using email_log_") || strings.Count(plan, "_pkey on email_log_") != 1 || strings.Contains(plan, "Sort") {
			t.Errorf("%s: not walked in\n%.2000s", q.name, plan)
		}
	}
	query, args := sqlstore.RecipientQuery("user7@gmail.com")
	usesHash(t, questions[0], planOf(t, admin, query, args), 90)
}

var looksUp = regexp.MustCompile(`Index Scan using email_log_\w+_pkey on email_log_.*\n *Index Cond: \(key = `)

// usesHash holds a plan to looking into the index that q speaks of in each of days.
func usesHash(t *testing.T, q question, plan string, days int) {
	t.Helper()
	if n := strings.Count(plan, "Index Cond: ((hashtext("+q.index+")"); n < days || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "_pkey on") {
		t.Errorf("%s: keys are not looked for by the hash of %q in each of %d days:\n%.2000s", q.name, q.index, n, plan)
	}
}
