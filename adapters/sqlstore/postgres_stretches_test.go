//go:build !embedded

package sqlstore_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
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

const stretch = 1 << 16 // ms

// crowd is mail to one address and of one program: on days of its own, and so much
// within stretches that more is not read for a page.
func crowd(now time.Time, starts ...time.Time) (u ports.Unit) {
	n, random := 0, rand.New(rand.NewPCG(1, 2))
	deliver := func(at time.Time) {
		r := contract.Record{Recipients: []string{narrowAddress}}
		n++
		id := fmt.Sprintf("%012x7%03x8%015x", at.UnixMilli(), n&0xfff, n)
		if at.IsZero() {
			id, at = fmt.Sprintf("without a time %d", n), now
		}
		r.RecordType, r.MessageID, r.OccurredAt, r.AcceptedAt, r.ApplicationID = "Delivery", id, at, at, narrowID
		u.Events = append(u.Events, r.Events(now)...)
	}
	for _, start := range starts {
		start = time.UnixMilli(start.UnixMilli() &^ (stretch - 1))
		for range 2*sqlstore.Ample(1) + 60 { // in one stretch
			deliver(start.Add(time.Duration(random.IntN(stretch)) * time.Millisecond))
		}
		for range 200 { // in as many
			deliver(start.Add(time.Duration(random.IntN(400*stretch)-200*stretch) * time.Millisecond))
		}
	}
	for range 70 {
		deliver(time.Time{})
	}
	return u
}

// TestCrowdsOfAStretchAreReadInOrder reads who has more logs than are sorted for a page,
// alone and among others in between, to the end.
func TestCrowdsOfAStretchAreReadInOrder(t *testing.T) {
	now := time.Now().UTC()
	begins := func(era int64) time.Time { return time.UnixMilli(era << 40).UTC() }
	for name, starts := range map[string][]time.Time{
		"one era":             {now.Add(-90 * time.Minute), now.AddDate(0, 0, -3)},
		"where stretches end": {now.AddDate(0, 0, -3), begins(2).Add(-time.Minute), begins(2).Add(time.Second)},
		"each era":            {now, begins(2).AddDate(1, 0, 0), begins(3).AddDate(1, 0, 0)},
		"most without a time": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s, admin := openWithAdministrator(t)
			for part := range slices.Chunk(crowd(now, starts...).Events, 300) {
				mustCommit(t, s, ports.Unit{Events: part})
			}
			for _, set := range []string{"attempts = 1", "confirmed = get_byte(uuid_send(key), 7) % 3 > 0",
				"of_report = (get_byte(uuid_send(key), 7) % 3 = 1), tenant = CASE get_byte(uuid_send(key), 8) WHEN 7 THEN 'acme' END"} {
				tell(t, admin, "UPDATE email_log SET "+set)
				for name, f := range map[string]ports.LogFilter{
					"recipient": {Recipient: narrowAddress}, "application": {ApplicationID: narrowID},
					"few of all": {Recipient: narrowAddress, Tenant: "acme"},
					"since":      {ApplicationID: narrowID, From: now.AddDate(0, 0, -2)},
					"range":      {ApplicationID: narrowID, From: now.AddDate(0, 0, -4), To: now.AddDate(0, 0, -1)},
					"long range": {Recipient: narrowAddress, From: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2110, 1, 1, 0, 0, 0, 0, time.UTC)},
				} {
					want := shown(t, admin, f)
					for _, limit := range []int{17, 50, 1000} {
						if diff := cmp.Diff(want, pagedLogs(t, s, f, limit)); diff != "" {
							t.Errorf("%s in pages of %d where %s: -want +got\n%.2000s", name, limit, set, diff)
						}
					}
				}
			}
			found, err := s.FindLogs(t.Context(), narrowID, 50)
			want := shown(t, admin, ports.LogFilter{ApplicationID: narrowID})
			want = append(want, shown(t, admin, ports.LogFilter{ApplicationID: narrowID, Reports: true})...)
			slices.SortFunc(want, func(a, b domain.LogKey) int { return bytes.Compare(b[:], a[:]) })
			if diff := cmp.Diff(want[:50], keysOf(found)); err != nil || diff != "" {
				t.Errorf("found %v, -want +got\n%.2000s", err, diff)
			}
		})
	}
}

// A list asks for one log more than it shows, and who has many waits for all that is read.
func TestNotMuchMoreIsReadThanAPageTakes(t *testing.T) {
	for _, shown := range []int{50, 500} {
		if n := sqlstore.Ample(shown + 1); n <= shown+1 || n > shown+300 {
			t.Errorf("%d keys are read for a page of %d", n, shown)
		}
	}
}

// TestCrowdsAreReadFromWhereAPageBegins holds statements behind a key to the stretches of
// their indexes, by the plans that are kept, of a recipient who has most of a day.
func TestCrowdsAreReadFromWhereAPageBegins(t *testing.T) {
	_, admin, now := openForPlans(t, 3, 20_000)
	tell(t, admin, "UPDATE email_log SET recipient = 'user7@gmail.com', application_id = 'eml_7' WHERE key < $1",
		domain.NewLogKey(fmt.Sprintf("%012x7%019x", now.UnixMilli(), 1), "").String())
	tell(t, admin, "VACUUM ANALYZE email_log")
	behind := domain.NewLogKey(fmt.Sprintf("%012x7%019x", now.Add(-6*time.Hour).UnixMilli(), 1), "")
	for _, q := range questions[:2] {
		f := q.of(7, now)
		keys, keysArgs := sqlstore.KeysQuery(f, behind, 50)
		logs, logsArgs := sqlstore.PostgresStretchesQuery(f, behind, 50)
		for _, plan := range []string{planByStretches(t, admin, keys, keysArgs), planByStretches(t, admin, logs, logsArgs)} {
			if !strings.Contains(plan, q.index) || !strings.Contains(plan, " AND (substr(uuid_send(key), 2, 3) >= $") ||
				strings.Contains(plan, "Sort\n") || strings.Contains(plan, "_pkey on") || strings.Contains(plan, "Bitmap") {
				t.Errorf("%s is not read by stretches:\n%.3000s", q.name, plan)
			}
		}
	}
}

func keysOf(logs []domain.EmailLog) (keys []domain.LogKey) {
	for _, l := range logs {
		keys = append(keys, l.Key)
	}
	return keys
}

// planByStretches is the plan that is made with the settings of such a statement.
func planByStretches(t *testing.T, admin *pgx.Conn, query string, args []any) (plan string) {
	t.Helper()
	tell(t, admin, "SET enable_sort TO off; SET enable_bitmapscan TO off")
	plan = planOf(t, admin, query, args)
	tell(t, admin, "RESET enable_sort; RESET enable_bitmapscan")
	return plan
}
