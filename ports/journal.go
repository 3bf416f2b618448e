package ports

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Unit is what one transaction takes.
type Unit struct {
	// Events may hold the same event twice, with other meta or size. The parts
	// of a record stand together in their order, the first with Part 0, and
	// share one Raw.
	Events []domain.EmailEvent
	// Rejects go to quarantine, the same bytes once.
	Rejects []domain.Reject
	// Hold keeps the unit's announcement from Claim for that long, because the
	// caller is going to publish it itself; 0 leaves it to Claim at once.
	Hold time.Duration
}

// Committed is what became of a unit.
type Committed struct {
	// New says of each of the unit's events whether it was not known before. Of
	// several copies in the unit the first is the new one.
	New []bool
	// Announcement has the new events, in their order. Without any its ID is 0
	// and nothing is queued.
	Announcement Announcement
}

// Journal keeps events and what they say of their messages.
type Journal interface {
	// Commit takes the unit whole or not at all: events not yet known are added
	// with the raw bytes of their record; what all of them say, known ones
	// included, is joined into the stored logs as domain.EmailLog.Join does;
	// the announcement of the new events is queued; rejects are quarantined.
	// When it returns without error all of it survives a crash of the machine.
	//
	// A unit that the store does not take for its content is ErrRefused, every
	// other failure ErrUnavailable; then nothing of it is stored, or in the
	// case of a lost answer all of it: committing it again is safe.
	Commit(ctx context.Context, u Unit) (Committed, error)
}

// AnnouncementID names a queued announcement. They grow in order of commit.
type AnnouncementID int64

// Announcement is what one transaction has to tell: the new events of a unit, or
// changes of the list of suppressions.
type Announcement struct {
	ID     AnnouncementID
	Events []Announced
}

// Announced is one new event and the status of its log when it was announced, or
// one change of the list of suppressions.
type Announced struct {
	Event *domain.EmailEvent // nil for a change
	// Status is Pending and HasLog false for events that speak of no log.
	Status domain.Status
	HasLog bool
	Change *domain.SuppressionChange // nil for an event
}

// ID is that of the event or the change.
func (a *Announced) ID() domain.EventID {
	if a.Change != nil {
		return a.Change.ID
	}
	return a.Event.ID
}

// Since is when we heard of the event, or when the list changed.
func (a *Announced) Since() time.Time {
	if a.Change != nil {
		return a.Change.At
	}
	return a.Event.ReceivedAt
}

// Type is what is announced by the name that it has in subjects, behind their
// first word and for events behind the second ("transient_failure",
// "suppression.added").
func (a *Announced) Type() string {
	if a.Change != nil {
		return a.Change.Type()
	}
	return a.Event.Type.String()
}

// Outbox is the relay's side of the journal.
type Outbox interface {
	// Claim takes up to limit announcements that nobody holds, oldest first,
	// and holds them for hold (at least a second). One that is not Done by then
	// comes back with the same id. Its statuses are those of now. None is an
	// empty slice and a nil error; a closed store is ErrUnavailable.
	Claim(ctx context.Context, limit int, hold time.Duration) ([]Announcement, error)
	// Done removes announcements that were published. Unknown ids are ignored.
	Done(ctx context.Context, ids []AnnouncementID) error
}

// Pruner lets go of what is older than it is kept.
type Pruner interface {
	// Prune removes, in steps that let commits through, events and quarantined
	// bytes from before events and logs from before logs, by the time in their
	// ids, or by when they came where that has none. A zero time keeps all. It
	// says how many rows went.
	Prune(ctx context.Context, events, logs time.Time) (int64, error)
}

// Health says whether a part can work.
type Health interface {
	// Ping is nil if the part can do its work now.
	Ping(ctx context.Context) error
}
