//go:build !embedded

package sqlstore_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestPostgresListsRareLogsOfBefore(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	mustCommit(t, s, failures())
	want := rareLogs(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	tell(t, admin, "DROP FUNCTION email_log_added, email_log_changed CASCADE")
	tell(t, admin, "DROP TABLE email_log_rare")
	tell(t, admin, "DELETE FROM bun_migrations WHERE name = '20261124060000'")
	got := rareLogs(t, openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1}))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestListsBesideLogsAgreeWithManyWriters has several writers speak of the same
// logs at once, and compares the lists of rare statuses with what has become of
// these, and what was seen with what is there.
func TestListsBesideLogsAgreeWithManyWriters(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 4, DaysAhead: 1})
	var all sync.WaitGroup
	for w := range 4 {
		all.Go(func() {
			for n := range 30 {
				for _, u := range contract.Units().Example(100*n + w) {
					if _, err := s.Commit(t.Context(), u); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	const lists = `SELECT status, key, of_report, domain, tenant, campaign, provider, egress_source, cause FROM email_log_rare`
	const logs = `SELECT status, key, of_report, CASE WHEN recipient LIKE '%@%' THEN split_part(recipient, '@', -1) END,
		tenant, campaign, provider, egress_source, cause
		FROM email_log WHERE confirmed AND get_byte(decision, 0) = ANY('{1,2,3,4,6,7}')`
	if n := told[int](t, admin, "SELECT count(*) FROM email_log_rare"); n < 5 {
		t.Fatalf("%d logs are listed, which says little", n)
	}
	for _, difference := range []string{lists + " EXCEPT " + logs, logs + " EXCEPT " + lists} {
		if n := told[int](t, admin, "SELECT count(*) FROM ("+difference+") d"); n != 0 {
			t.Errorf("%d rows are the result of %s", n, difference)
		}
	}
	const seen = `SELECT count(*) FROM email_log l CROSS JOIN LATERAL
			(VALUES (hashtextextended(provider, 1)), (hashtextextended(egress_source, 2))) n (hash)
		WHERE n.hash IS NOT NULL AND `
	const noted = `(EXISTS (SELECT FROM email_log_seldom s WHERE s.hash = n.hash AND s.key = l.key AND
			s.tenant IS NOT DISTINCT FROM hashtextextended(l.tenant, 0)) OR EXISTS (SELECT FROM email_log_seen s WHERE s.hash = n.hash AND
		l.key >= rpad(lpad(to_hex(300000 * s.slot), 12, '0'), 32, '0')::uuid AND
		l.key < rpad(lpad(to_hex(300000 * s.slot + 300000), 12, '0'), 32, '0')::uuid))`
	if n := told[int](t, admin, seen+noted); n < 5 {
		t.Fatalf("%d logs have what may be seen, which says little", n)
	}
	if n := told[int](t, admin, seen+"NOT "+noted); n != 0 {
		t.Errorf("of %d logs it is not noted that they were seen", n)
	}
}
