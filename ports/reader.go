package ports

import (
	"context"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// LogFilter chooses logs; zero fields choose all.
type LogFilter struct {
	MessageID     string
	ApplicationID string
	Recipient     string // exact, the domain in any case
	Domain        string // the recipient's, in any case
	Statuses      []domain.Status
	Tenant        string
	Campaign      string
	Provider      string
	EgressSource  string
	Cause         domain.Cause
	// From and To choose AcceptedAt in [From, To). Where the message id has a time
	// in it AcceptedAt is that, so a store may look at keys of that range alone.
	From, To time.Time
	// Reports chooses logs of reports that came to us instead of those of mail.
	Reports bool
}

// LogReader answers questions about what is stored. Logs that are not confirmed
// are not shown.
type LogReader interface {
	// Logs streams the logs that f chooses, greatest key first, in constant
	// memory. That is newest acceptance first, but for logs whose message id has
	// no time in it: these come last. The sequence ends at its first error.
	Logs(ctx context.Context, f LogFilter) iter.Seq2[domain.EmailLog, error]
	// FindLogs returns up to limit logs that id may mean, greatest key first.
	// The id of a log (its key in any spelling of a UUID) means that log alone;
	// every other id means the logs of the message of that id, in any spelling,
	// and those with that application id, spelled the same. Logs of reports are
	// among them. None is an empty slice and a nil error; so it is for the empty
	// id and for one that no event can have, with a NUL in it or broken UTF-8.
	FindLogs(ctx context.Context, id string, limit int) ([]domain.EmailLog, error)
	// Events returns the events of one message's story (EmailEvent.ConcernsMessage),
	// and the reports that are tied to it, in order of time and id, with the raw
	// bytes of their records. The id takes any spelling. What an event meant when it
	// came it means for good: provider, verdict, response hash and tie are as stored,
	// whatever the rules say now.
	Events(ctx context.Context, messageID string) ([]domain.EmailEvent, error)
}
