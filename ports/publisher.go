package ports

import "context"

// Publisher tells others of events, and of changes of the list of suppressions.
type Publisher interface {
	// Publish sends the events in their order and waits until each is
	// acknowledged, refused, or ctx ends. acked has one entry an event: true if
	// it is durable on the other side, be it from an earlier try. err says why
	// others are not, ErrUnavailable if that may pass.
	Publish(ctx context.Context, events []Announced) (acked []bool, err error)
}
