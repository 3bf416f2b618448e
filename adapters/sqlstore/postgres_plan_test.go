//go:build !embedded

package sqlstore_test

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// TestListsUseTheirIndexes holds each list to its index, on 90 days, by the plans
// that are kept: no walk through all keys where there is an index, no look into
// days outside, no sort of a tenant's logs.
func TestListsUseTheirIndexes(t *testing.T) {
	_, admin, now := openForPlans(t, 90, 400)
	for _, q := range questions {
		f := q.of(7, now)
		if sqlstore.IsRare(f) || sqlstore.IsListed(f) || sqlstore.IsByStretches(f) {
			continue // these have tests of their own
		}
		queries, args := sqlstore.PostgresLogQueries(f, 50)
		for i, query := range queries {
			plan := planOf(t, admin, query, args[i])
			if !strings.Contains(plan, "Index Cond: ((") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s: no index scan in\n%.2000s", q.name, plan)
			}
		}
	}
	inOneDay := lastDay(now, ports.LogFilter{Cause: domain.CauseSender})
	queries, args := sqlstore.PostgresLogQueries(inOneDay, 50)
	if plan := planOf(t, admin, queries[0], args[0]); strings.Count(plan, "Index Scan") != 1 {
		t.Errorf("a day's list looks into other days:\n%.2000s", plan)
	}
}

// TestPackedListsAreWalked holds lists of keys to their index, in its order, and
// logs to be looked up by their keys, in days that the keys are of.
func TestPackedListsAreWalked(t *testing.T) {
	store, admin, now := openForPlans(t, 20, 100)
	tell(t, admin, "SET enable_seqscan TO off")
	for _, f := range []ports.LogFilter{
		{Tenant: "tenant-7"}, {Provider: "google"}, {Domain: "gmail.com", Cause: domain.CauseSender}, {Tenant: "tenant-7", EgressSource: "ip-1"},
	} {
		for range 2 {
			query, args := sqlstore.PostgresListQuery(f, 50)
			plan := planOf(t, admin, query, args)
			list, _, _ := strings.Cut(plan, "tally_delta")
			if !strings.Contains(list, "Index Scan Backward using email_log_list_last") || strings.Count(list, "Sort Key") > 1 {
				t.Errorf("list not walked in\n%.2000s", plan)
			}
			for _, limit := range []int{50, 200, 500} {
				query, args = sqlstore.PostgresByKeysQuery(f, now.Add(-time.Hour), limit)
				plan = planOf(t, admin, query, args)
				byKey := strings.Contains(plan, "Index Cond: ((key >= ") && strings.Contains(plan, ") AND (key = ")
				if !byKey || strings.Count(plan, "_pkey on email_log_") != 1 || strings.Contains(plan, "Seq Scan") {
					t.Errorf("logs not looked up by key in the day that they are of:\n%.2000s", plan)
				}
			}
			rollAll(t, store)
			tell(t, admin, "ANALYZE email_log_list")
		}
	}
}

// TestRareListsUseTheirIndexes holds each list of a rare status to walking its
// index and to looking up each log by its key: nothing is sorted but a page.
func TestRareListsUseTheirIndexes(t *testing.T) {
	_, admin, now := openForPlans(t, 30, 2000)
	tell(t, admin, "ANALYZE email_log_rare")
	for index, f := range map[string]ports.LogFilter{
		"email_log_rare_pkey":     {Domain: "domain7.example", From: now.AddDate(0, 0, -1)},
		"email_log_rare_tenant":   {Tenant: "tenant-7", Domain: "gmail.com"},
		"email_log_rare_campaign": {Campaign: "campaign-7", Tenant: "tenant-7"},
	} {
		for _, statuses := range [][]domain.Status{
			{domain.Complained}, {domain.Bounced, domain.BouncedLate}, {domain.Deferred, domain.Bounced, domain.Expired},
		} {
			f.Statuses = statuses
			queries, args := sqlstore.PostgresLogQueries(f, 50)
			plan := planOf(t, admin, queries[len(queries)-1], args[len(args)-1])
			scan := regexp.MustCompile(`Index Scan( Backward)? using ` + index + ` on email_log_rare`)
			isSorted := len(statuses) < 3 && strings.Count(plan, "->  Sort") > 1
			if !scan.MatchString(plan) || isSorted || strings.Contains(plan, "Seq Scan on email_log_2") {
				t.Errorf("%v by %s: not walked in\n%.2500s", statuses, index, plan)
			}
		}
	}
}

// openForPlans opens a store with days of logs, and has the administrator see it by the
// plans that are kept.
func openForPlans(t *testing.T, days, logsOfDay int) (store *sqlstore.Postgres, admin *pgx.Conn, now time.Time) {
	t.Helper()
	url, schema := servers.Postgres(t), servers.Schema(t)
	store = openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin = asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	tell(t, admin, "SET plan_cache_mode TO force_generic_plan")
	now = time.Now().UTC().Truncate(24 * time.Hour)
	awaitDays(t, admin, schema, 3)
	fillDays(t, admin, now, days, logsOfDay)
	return store, admin, now
}

// planOf returns the plan that is kept for a query, as it is begun with args.
func planOf(t *testing.T, conn *pgx.Conn, query string, args []any) string {
	t.Helper()
	literals := make([]string, len(args))
	for i, arg := range args {
		literals[i] = literal(arg)
	}
	if _, err := conn.Prepare(t.Context(), "asked", query); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), "EXPLAIN (COSTS OFF) EXECUTE asked("+strings.Join(literals, ", ")+")", pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Deallocate(t.Context(), "asked"); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// literal writes an argument of the tests' own.
func literal(arg any) string {
	switch v := arg.(type) {
	case [16]byte:
		return "'" + hex.EncodeToString(v[:]) + "'"
	case []byte:
		return `'\x` + hex.EncodeToString(v) + "'"
	case [][16]byte:
		texts := make([]string, len(v))
		for i, u := range v {
			texts[i] = hex.EncodeToString(u[:])
		}
		return "'{" + strings.Join(texts, ",") + "}'"
	case []int32:
		return "'{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]") + "}'"
	case time.Time:
		return "'" + v.Format(time.RFC3339Nano) + "'"
	case string:
		return "'" + v + "'"
	}
	return fmt.Sprint(arg)
}
