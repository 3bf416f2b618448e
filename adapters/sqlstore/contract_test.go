package sqlstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestSQLiteKeepsContractOfJournal(t *testing.T)    { contract.TestJournal(t, openStore) }
func TestSQLiteKeepsContractOfOutbox(t *testing.T)     { contract.TestOutbox(t, openStore) }
func TestSQLiteKeepsContractOfPruner(t *testing.T)     { contract.TestPruner(t, openStore) }
func TestSQLiteKeepsContractOfQuarantine(t *testing.T) { contract.TestQuarantine(t, openStore) }
func TestSQLiteKeepsContractOfLogReader(t *testing.T)  { contract.TestLogReader(t, openStore) }

func TestSQLiteKeepsContractOfSuppressions(t *testing.T)  { contract.TestSuppressions(t, openStore) }
func TestSQLiteKeepsContractOfRegistrations(t *testing.T) { contract.TestRegistrations(t, openStore) }

func TestSQLiteKeepsContractOfLogPages(t *testing.T)   { contract.TestLogPages(t, openStore) }
func TestSQLiteKeepsContractOfStats(t *testing.T)      { contract.TestStats(t, openStore) }
func TestSQLiteKeepsContractOfEventPages(t *testing.T) { contract.TestEventPages(t, openStore) }
func TestSQLiteKeepsContractOfLikenesses(t *testing.T) { contract.TestLikenesses(t, openStore) }

func openStore(t *testing.T) contract.Store {
	t.Helper()
	return open(t, filepath.Join(t.TempDir(), "store.db"), sqlstore.SQLiteConfig{})
}

// open opens a store that is closed when the test ends.
func open(t testing.TB, path string, cfg sqlstore.SQLiteConfig) *sqlstore.SQLite {
	t.Helper()
	s, err := sqlstore.OpenSQLite(context.Background(), path, contract.Decoder{}, cfg)
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
