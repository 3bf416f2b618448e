//go:build !embedded

package sqlstore_test

import (
	"context"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestPostgresDiffersInNothingFromMemory(t *testing.T) {
	contract.TestDifferences(t, func(t *testing.T) contract.Store {
		return &eachWay{Postgres: openPostgresStore(t).(*sqlstore.Postgres)}
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
