package sqlstore_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/test/contract"
)

func TestSQLiteKeepsContractOfEventIndex(t *testing.T) { contract.TestEventIndex(t, openStore) }
