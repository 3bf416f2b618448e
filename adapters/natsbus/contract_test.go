package natsbus

import (
	"testing"

	"github.com/kumotrail/kumotrail/test/contract"
)

// harness lets the suite see the stream.
type harness struct{ *Publisher }

func (h harness) Received(t *testing.T) []contract.Arrived {
	if err := h.Ping(t.Context()); err != nil { // the stream is there, also before the first message
		t.Fatal(err)
	}
	var all []contract.Arrived
	for _, m := range stored(t, h.Publisher) {
		all = append(all, contract.Arrived{ID: msgID(m), Subject: m.Subject, Payload: m.Data})
	}
	return all
}

func openBus(t *testing.T) contract.PublisherHarness {
	return harness{startBus(t, t.TempDir()).pub}
}

func TestPublisherKeepsTheContract(t *testing.T)          { contract.TestPublisher(t, openBus) }
func TestPublisherKeepsTheContractOfPayload(t *testing.T) { contract.TestPayload(t, openBus) }
