package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// LogPages gives logs page by page. Logs that are not confirmed are not shown.
type LogPages interface {
	// LogPage returns up to limit (1 or more) of the logs that f chooses whose
	// keys are below the key before, greatest key first; the zero key starts at
	// the greatest. A log keeps its key, so pages that are asked for with the
	// last key of the one before show each log once and leave out none that was
	// there, whatever comes or changes between them. That is newest acceptance
	// first, but for logs whose message id has no time in it: these come last.
	// None is an empty slice and a nil error; so it is for texts that no log can
	// have, with a NUL in them or broken UTF-8.
	LogPage(ctx context.Context, f LogFilter, before domain.LogKey, limit int) ([]domain.EmailLog, error)
}

// EventFilter chooses events; zero fields choose all.
type EventFilter struct {
	// MessageID chooses the events of that message, in any spelling of its id,
	// and the reports that are tied to it. Where it has logs, what speaks of none
	// need not be found: rejections, to which KumoMTA gives no id, and events
	// without a recipient.
	MessageID string
	// Recipient chooses by the logs of that recipient, exact, the domain in any
	// case: the events whose message and recipient are those of such a log, shown
	// or not, and the reports that are tied to it. What speaks of no log need not
	// be found: rejections, a log hook's own messages, and a report that names
	// several recipients by others than its first.
	Recipient string
	Types     []domain.EventType
	// From and To bound the time in the event's id, rounded up to milliseconds:
	// in [From, To). It is that of OccurredAt, for an OOB that in the id of the
	// report. Events whose id has no time lie in no range.
	From, To time.Time
}

// EventRow is an event as far as it is kept beside its record: without Raw,
// Meta, Queue, Site, AcceptedAt, Size, Response.Command, Peer*, EgressPool,
// SourceAddress, *Protocol, SessionID, ProviderName, ApplicationID, TransferID,
// Report, Original and OfReport. RecordType is "" but for types that are Unknown,
// Classification "" for Uncategorized.
type EventRow struct {
	domain.EmailEvent
	// OriginalLog is the log that a report is tied to, of several recipients that
	// of the first; zero for none.
	OriginalLog domain.LogKey
	TiedBy      domain.Tie
}

// EventPages gives events page by page.
type EventPages interface {
	// EventPage returns up to limit (1 or more) of the events that f chooses
	// whose ids are below the id before, greatest id first; the zero id starts at
	// the greatest. That is the latest first, but for events whose id has no time:
	// these come last. Otherwise as LogPages.LogPage.
	EventPage(ctx context.Context, f EventFilter, before domain.EventID, limit int) ([]EventRow, error)
	// Event returns one event whole, with the raw bytes of its record, as
	// LogReader.Events does, or ErrNotFound.
	Event(ctx context.Context, id domain.EventID) (domain.EmailEvent, error)
}
