package memory_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestPlatformKeepsContract(t *testing.T) {
	contract.TestPlatformTable(t, func(*testing.T) contract.PlatformHarness {
		store := memory.NewStore()
		p := memory.NewPlatform(store)
		return contract.PlatformHarness{
			PlatformTable: p, Store: store,
			Insert: func(_ *testing.T, rows ...domain.PlatformRow) { p.Insert(rows...) },
			Row:    func(_ *testing.T, id string) domain.PlatformRow { return p.Row(id) },
		}
	})
}
