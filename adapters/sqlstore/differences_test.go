package sqlstore_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/test/contract"
)

func openModel(*testing.T) contract.Store { return memory.NewStore() }

func TestSQLiteDiffersInNothingFromMemory(t *testing.T) {
	contract.TestDifferences(t, openStore, openModel)
}
