//go:build !embedded

package sqlstore_test

import (
	"context"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestPostgresDiffersInNothingFromMemory(t *testing.T) {
	contract.TestDifferences(t, func(t *testing.T) contract.Store {
		url, schema := servers.Postgres(t), servers.Schema(t)
		s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
		// Whoever reads while PostgreSQL attaches a day may not see it for a moment.
		admin := asAdministrator(t, url)
		tell(t, admin, "SET search_path TO "+schema)
		awaitDays(t, admin, schema, 3)
		return &eachWay{Postgres: s}
	}, openModel)
}

// eachWay is a store to which logs come in each way, one unit after another.
type eachWay struct {
	*sqlstore.Postgres
	commits int
}

func (e *eachWay) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	ways := []func(){e.CopyAllLogs, e.CopyYoungLogs, e.JoinAllLogs}
	ways[e.commits%len(ways)]()
	e.commits++
	return e.Postgres.Commit(ctx, u)
}
