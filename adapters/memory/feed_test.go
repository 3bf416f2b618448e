package memory_test

import (
	"errors"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestBusKeepsContractOfFeed(t *testing.T) {
	contract.TestFeed(t, func(*testing.T) contract.FeedHarness { return feedHarness{memory.NewBus()} })
}

type feedHarness struct{ *memory.Bus }

func (b feedHarness) Drop(_ *testing.T, sequence uint64) { b.Bus.Drop(sequence) }
func (b feedHarness) Renew(*testing.T)                   { b.Bus.Renew() }

func TestBusThatIsAwayIsUnavailableToReaders(t *testing.T) {
	b := memory.NewBus()
	b.SetAway(true)
	if _, err := b.Span(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("span: %v", err)
	}
	for _, err := range b.Follow(t.Context(), 0) {
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("follow: %v", err)
		}
	}
	b.SetAway(false)
	if _, err := b.Span(t.Context()); err != nil {
		t.Errorf("span of a bus that is back: %v", err)
	}
}
