package contract

import (
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// PublisherHarness is a publisher whose other side can be looked at.
type PublisherHarness interface {
	ports.Publisher
	// Received returns all that has arrived so far, oldest first.
	Received(t *testing.T) []Arrived
}

// Arrived is a message as its receiver sees it.
type Arrived struct {
	ID      string // the event's, in the form with dashes
	Subject string // "kumomta.event.transient_failure"
	Payload []byte // JSON; not looked at by TestPublisher
}

// OpenPublisher gives a publisher whose other side is fresh and empty, and
// registers with t what has to be done when the test ends.
type OpenPublisher func(t *testing.T) PublisherHarness
