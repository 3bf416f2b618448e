package memory_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestBusKeepsContract(t *testing.T) {
	contract.TestPublisher(t, func(*testing.T) contract.PublisherHarness {
		return busHarness{memory.NewBus()}
	})
}

type busHarness struct{ *memory.Bus }

func (b busHarness) Received(*testing.T) []contract.Arrived {
	var all []contract.Arrived
	for _, a := range b.Arrived() {
		all = append(all, contract.Arrived{
			ID: a.Event.ID.String(), Subject: "kumomta.event." + a.Event.Type.String(),
		})
	}
	return all
}
