package memory_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestBusKeepsContract(t *testing.T) {
	contract.TestPublisher(t, func(*testing.T) contract.PublisherHarness {
		return busHarness{memory.NewBus()}
	})
}

func subjectOf(a *ports.Announced) string {
	if a.Change != nil {
		return "kumomta." + a.Type()
	}
	return "kumomta.event." + a.Type()
}

type busHarness struct{ *memory.Bus }

func (b busHarness) Received(*testing.T) []contract.Arrived {
	var all []contract.Arrived
	for _, a := range b.Arrived() {
		all = append(all, contract.Arrived{
			ID: a.ID().String(), Subject: subjectOf(&a),
		})
	}
	return all
}
