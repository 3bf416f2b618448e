package memory_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestStoreKeepsContract(t *testing.T) {
	open := func(t *testing.T) contract.Store {
		s := memory.NewStore()
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		return s
	}
	contract.TestStore(t, open)
}
