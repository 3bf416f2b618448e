package application

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Register takes what applications announce of their messages.
type Register struct {
	store ports.Registrations
	now   func() time.Time
}

// NewRegister keeps registrations in store, with the times of now.
func NewRegister(store ports.Registrations, now func() time.Time) *Register {
	return &Register{store, now}
}

// Registered is what became of the registration for one recipient.
type Registered struct {
	Registration domain.Registration
	// New says whether it was not known before. What was known stays as it was.
	New bool
}

// Register registers a message for each of its recipients once, and says in
// their order what became of each. message has all but the recipient and the
// time. When it returns without error all of it survives a crash, and a Lookup
// sees it; all of it may be registered again.
func (r *Register) Register(ctx context.Context, message domain.Registration, recipients []string) ([]Registered, error) {
	message.RegisteredAt = r.now().UTC().Truncate(time.Microsecond)
	regs := make([]domain.Registration, 0, len(recipients))
	known := make(map[string]struct{}, len(recipients))
	for _, recipient := range recipients {
		message.Recipient = domain.NormalizeRecipient(recipient)
		if _, ok := known[message.Recipient]; !ok {
			known[message.Recipient] = struct{}{}
			regs = append(regs, message)
		}
	}
	added, err := r.store.Register(ctx, regs)
	if err != nil {
		return nil, err
	}
	outcome := make([]Registered, len(regs))
	for i := range regs {
		outcome[i] = Registered{regs[i], added[i]}
	}
	return outcome, nil
}
