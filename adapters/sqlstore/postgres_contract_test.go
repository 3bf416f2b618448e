//go:build !embedded

package sqlstore_test

import (
	"context"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

func TestPostgresKeepsContractOfJournal(t *testing.T) { contract.TestJournal(t, openPostgresStore) }
func TestPostgresKeepsContractOfOutbox(t *testing.T)  { contract.TestOutbox(t, openPostgresStore) }
func TestPostgresKeepsContractOfPruner(t *testing.T)  { contract.TestPruner(t, openPostgresStore) }
func TestPostgresKeepsContractOfQuarantine(t *testing.T) {
	contract.TestQuarantine(t, openPostgresStore)
}
func TestPostgresKeepsContractOfLogReader(t *testing.T) { contract.TestLogReader(t, openPostgresStore) }

func TestPostgresKeepsContractOfSuppressions(t *testing.T) {
	contract.TestSuppressions(t, openPostgresStore)
}

func TestPostgresKeepsContractOfRegistrations(t *testing.T) {
	contract.TestRegistrations(t, openPostgresStore)
}

func TestPostgresKeepsContractOfLogPages(t *testing.T) { contract.TestLogPages(t, openPostgresStore) }
func TestPostgresKeepsContractOfStats(t *testing.T)    { contract.TestStats(t, openPostgresStore) }
func TestPostgresKeepsContractOfEventPages(t *testing.T) {
	contract.TestEventPages(t, openPostgresStore)
}

func TestPostgresKeepsContractOfLikenesses(t *testing.T) {
	contract.TestLikenesses(t, openPostgresStore)
}

func openPostgresStore(t *testing.T) contract.Store {
	t.Helper()
	// Each day ahead is three tables that are made and dropped again.
	return openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t), DaysAhead: 1})
}

// openPostgres opens a store that is closed when the test ends.
func openPostgres(t testing.TB, url string, cfg sqlstore.PostgresConfig) *sqlstore.Postgres {
	t.Helper()
	s, err := sqlstore.OpenPostgres(context.Background(), url, contract.Decoder{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
