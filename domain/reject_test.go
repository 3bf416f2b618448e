package domain_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

func TestRejectsOfTheSameBytesHaveOneID(t *testing.T) {
	first := domain.Reject{Index: 1, Reason: "cut", Raw: "{"}
	again := domain.Reject{Index: 7, Reason: "broken", Raw: "{"}
	other := domain.Reject{Index: 1, Reason: "cut", Raw: "["}
	if first.ID() != again.ID() {
		t.Error("the same bytes have two ids")
	}
	if first.ID() == other.ID() {
		t.Error("other bytes have the same id")
	}
	if got, err := domain.ParseQuarantineID(first.ID().String()); err != nil || got != first.ID() {
		t.Errorf("got %s and %v, want %s", got, err, first.ID())
	}
}
