//go:build !embedded

package sqlstore_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// undatedOf are deliveries of messages whose ids have no time, from one to another.
func undatedOf(tenant string, from, to int) ports.Unit {
	var u ports.Unit
	for n := from; n < to; n++ {
		r := contract.Record{Recipients: []string{"a@example.com"}}
		r.RecordType, r.MessageID, r.Tenant = "Delivery", fmt.Sprintf("undated %d", n), tenant
		r.OccurredAt, r.AcceptedAt, r.DeliveryProtocol = oddDay, oddDay, "ESMTP"
		u.Events = append(u.Events, r.Events(oddDay)...)
	}
	return u
}

// TestShortRowsOfListsArePutTogether has mail come slowly: each log would else have
// rows of its own in the lists.
func TestShortRowsOfListsArePutTogether(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	const logs = 150
	for n := range logs {
		mustCommit(t, s, undatedOf("acme", n, n+1))
		rollAll(t, s)
	}
	listedLogs(t, admin)
	rows := told[int](t, admin, "SELECT count(*) FROM email_log_list")
	keys := told[int](t, admin, "SELECT sum(cardinality(keys))::int FROM email_log_list")
	if rows > 2*logs/50 || keys != 2*logs {
		t.Errorf("%d rows have %d keys, want %d by tenant and domain in rows of 60 or so", rows, keys, 2*logs)
	}
}

// TestRowsOfListsOverlap pages through a list of more rows than are read at once, of
// which each has keys from everywhere.
func TestRowsOfListsOverlap(t *testing.T) {
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t), DaysAhead: 1})
	const rows, keys = 70, 60
	var want []domain.LogKey
	for n := range rows {
		u := undatedOf("acme", n*keys, (n+1)*keys)
		for _, l := range domain.Fold(u.Events) {
			want = append(want, l.Key)
		}
		mustCommit(t, s, u)
		rollAll(t, s)
	}
	slices.SortFunc(want, func(a, b domain.LogKey) int { return bytes.Compare(b[:], a[:]) })
	for _, limit := range []int{70, 2000} {
		var got []domain.LogKey
		for before := (domain.LogKey{}); ; before = got[len(got)-1] {
			page, err := s.LogPage(t.Context(), ports.LogFilter{Tenant: "acme"}, before, limit)
			if err != nil {
				t.Fatal(err)
			}
			for i := range page {
				got = append(got, page[i].Key)
			}
			if len(page) < limit {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d: -want +got\n%.500s", limit, diff)
		}
	}
}

// TestLogsAreListedOnceHoweverOftenTheyChange has messages deferred again and again,
// of which one is counted, and one has no time of acceptance and one is a report, so
// they are not.
func TestLogsAreListedOnceHoweverOftenTheyChange(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	const messages = 240 // rows with as many keys are not put together with others
	for attempt := range 5 {
		var u ports.Unit
		for n := range messages {
			r := contract.Record{Recipients: []string{"a@example.com"}}
			r.RecordType, r.MessageID, r.Tenant, r.Attempts = "TransientFailure", fmt.Sprintf("undated %d", n), "acme", attempt
			r.OccurredAt, r.DeliveryProtocol, r.OfReport = oddDay.Add(time.Duration(attempt)*time.Hour), "ESMTP", n%3 == 1
			if n%3 != 2 {
				r.AcceptedAt = oddDay
			}
			u.Events = append(u.Events, r.Events(oddDay)...)
		}
		mustCommit(t, s, u)
		if attempt%2 == 0 {
			continue // two notes of one log at once
		}
		rollAll(t, s)
		keys := told[int](t, admin, "SELECT sum(cardinality(keys))::int FROM email_log_list")
		if keys != 2*messages {
			t.Errorf("after %d attempts lists have %d keys, want %d by tenant and domain", attempt+1, keys, 2*messages)
		}
	}
}

// TestListsForgetUndatedLogs prunes some of the logs whose keys have no time.
func TestListsForgetUndatedLogs(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	mustCommit(t, s, undatedOf("old", 0, 3))
	mustCommit(t, s, undatedOf("new", 3, 5))
	rollAll(t, s)
	tell(t, admin, "UPDATE email_log SET received_at = '2020-01-01' WHERE tenant = 'old'")
	rollAll(t, s)
	if _, err := s.Prune(t.Context(), oddDay.AddDate(0, -1, 0), oddDay.AddDate(0, -1, 0)); err != nil {
		t.Fatal(err)
	}
	listedLogs(t, admin)
	hash := sqlstore.TenantHash("old")
	if n := told[int](t, admin, fmt.Sprintf("SELECT count(*) FROM email_log_list WHERE hash = %d", hash)); n != 0 {
		t.Errorf("%d rows list logs that are pruned", n)
	}
	page, err := s.LogPage(t.Context(), ports.LogFilter{Domain: "example.com"}, domain.LogKey{}, 10)
	if err != nil || len(page) != 2 {
		t.Errorf("%d logs are left, %v, want 2", len(page), err)
	}
}

// TestNotesOfServicesOfBeforeCount has new events noted where services of before note
// them, who may still run when a store is brought up to date.
func TestNotesOfServicesOfBeforeCount(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	u := mailUnit(0, 40)
	mustCommit(t, s, u)
	tell(t, admin, "INSERT INTO tally_delta (events) SELECT events FROM unit_tally")
	tell(t, admin, "UPDATE unit_tally SET events = NULL")
	counted(t, s, u.Events)
	if n := told[int](t, admin, "SELECT count(*) FROM tally_delta") + told[int](t, admin, "SELECT count(*) FROM unit_tally"); n != 0 {
		t.Errorf("%d notes are left", n)
	}
}
