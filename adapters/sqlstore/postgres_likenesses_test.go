//go:build !embedded

package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
)

// TestLikenessesUseTheirIndexes holds each question to its index, in the days that
// it is about, by the plans that are kept.
func TestLikenessesUseTheirIndexes(t *testing.T) {
	_, admin, now := openForPlans(t, 60, 400)
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
