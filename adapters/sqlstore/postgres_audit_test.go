//go:build !embedded

package sqlstore_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/test/contract"
)

func TestPostgresKeepsContractOfEventIndex(t *testing.T) {
	contract.TestEventIndex(t, openPostgresStore)
}
