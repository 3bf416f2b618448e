//go:build !embedded

package sqlstore_test

import (
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/servers"
)

// TestLikenessesUseTheirIndexes holds each question to its index, in the days that
// it is about, by the plans that are kept.
func TestLikenessesUseTheirIndexes(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	tell(t, admin, "SET plan_cache_mode TO force_generic_plan")
	now := time.Now().UTC().Truncate(24 * time.Hour)
	fillDays(t, admin, now, 60, 400)
	queries, args := sqlstore.PostgresLikenessQueries("a@example.com", now.AddDate(0, 0, -30), now)
	for i, want := range []struct {
		index string
		days  int // that have a table
	}{{"hashtextextended(lower(recipient), ", 30}, {"hashtextextended(reported, ", 1}} {
		plan := planOf(t, admin, queries[i], args[i])
		if n := strings.Count(plan, "Index Cond: (("+want.index); n != want.days || strings.Count(plan, "Scan") != n || strings.Contains(plan, "->  Sort") {
			t.Errorf("%d scans by %s), want %d and nothing else, in\n%.3000s", n, want.index, want.days, plan)
		}
	}
}
