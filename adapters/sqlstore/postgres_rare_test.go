//go:build !embedded

package sqlstore_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

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
// these, and the packed lists with what they have.
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
	if n := told[int](t, admin, "SELECT count(*) FROM email_log_list"); n != 0 {
		t.Fatalf("%d rows are listed already", n)
	}
	rollAll(t, s)
	listedLogs(t, admin)
}

// listedLogs fails t unless every log that is confirmed is listed by all that it has.
func listedLogs(t *testing.T, admin *pgx.Conn) {
	t.Helper()
	// As the migration says that hashes are made of values.
	tell(t, admin, `CREATE OR REPLACE FUNCTION of(value text) RETURNS bigint LANGUAGE sql AS
		$$SELECT ('x' || encode(substr(sha256(convert_to(value, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint$$`)
	const all = `SELECT DISTINCT key, h.hash FROM email_log CROSS JOIN LATERAL (VALUES
			(of('tenant:' || tenant)), (of('campaign:' || campaign)), (of('provider:' || provider)), (of('egress_source:' || egress_source)),
			(CASE WHEN recipient LIKE '%@%' THEN of('domain:' || split_part(recipient, '@', -1)) END),
			(of('tenant:' || tenant) # of('provider:' || provider)), (of('tenant:' || tenant) # of('egress_source:' || egress_source))) h (hash)
		WHERE h.hash IS NOT NULL AND confirmed`
	const listed = `SELECT k.key, hash FROM email_log_list CROSS JOIN LATERAL unnest(keys) k (key)`
	if n := told[int](t, admin, "SELECT count(*) FROM ("+all+") a"); n < 4 {
		t.Fatalf("%d logs are to be listed, which says little", n)
	}
	if n := told[int](t, admin, "SELECT count(*) FROM ("+all+" EXCEPT "+listed+") d"); n != 0 {
		t.Errorf("%d logs are not listed by something that they have", n)
	}
	const odd = `SELECT count(*) FROM email_log_list WHERE cardinality(keys) NOT BETWEEN 1 AND 120 OR last <> keys[cardinality(keys)]
		OR keys <> (SELECT array_agg(DISTINCT key ORDER BY key) FROM unnest(keys) k (key)) OR left(keys[1]::text, 8) <> left(last::text, 8)`
	if n := told[int](t, admin, odd); n != 0 {
		t.Errorf("%d rows of lists are not as they should be", n)
	}
}
