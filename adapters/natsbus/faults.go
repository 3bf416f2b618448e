package natsbus

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/kumotrail/kumotrail/ports"
)

// faults collects why events of one call were not acknowledged: how many, and
// the first reason of each kind.
type faults struct {
	n                    int
	unavailable, refused error
	// stale says that the server is no longer what it was when last looked at.
	stale bool
}

func (f *faults) add(err error) {
	f.n++
	f.stale = f.stale ||
		errors.Is(err, jetstream.ErrNoStreamResponse) || // stream deleted, or JetStream off
		errors.Is(err, nats.ErrMaxPayload) // connected to one that takes less
	kind, first := ports.ErrUnavailable, &f.unavailable
	if isRefusal(err) {
		kind, first = ports.ErrRefused, &f.refused
	}
	if *first == nil {
		if !errors.Is(err, kind) {
			err = fmt.Errorf("%w: %w", kind, err)
		}
		*first = err
	}
}

// err is the reason to report. What may pass comes first, for then the call is
// worth another try.
func (f *faults) err() error {
	if f.unavailable != nil {
		return f.unavailable
	}
	return f.refused
}

// isRefusal says whether the server did not like the message itself. Its other
// errors, such as no space left or too much at once, may pass.
func isRefusal(err error) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.Code == http.StatusBadRequest
	}
	return errors.Is(err, ports.ErrRefused)
}
