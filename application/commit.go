package application

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Outcome is what became of the events of a unit.
type Outcome struct {
	// New says of each event whether it was not known before.
	New []bool
	// Refused has the reason for each event that the store did not take. Its
	// record is in quarantine.
	Refused map[int]string
}

// Commits takes units. It is Committer, or Group in front of it.
type Commits interface {
	// Commit returns when the unit is durable, and uses no unit longer than
	// that; u.Hold is its own to set. Its error is ErrUnavailable or
	// ErrOverloaded, and ErrRefused beside it where not even quarantine takes a
	// reject of the unit; the unit may be stored in part then, and committing it
	// again is safe.
	Commit(ctx context.Context, u ports.Unit) (Outcome, error)
}

// Announcer is told of what was committed.
type Announcer interface {
	// Hold is how long the next announcement should be kept from others, since
	// it is going to be offered here; 0 if it should not. It may wait a little.
	Hold(ctx context.Context) time.Duration
	// Offer hands over an announcement that is held at least until then. It does
	// not wait.
	Offer(a ports.Announcement, until time.Time)
}

// Committer commits units one by one. Where the store refuses a unit for its
// content the unit is halved until the records at fault stand alone; they go to
// quarantine and hold back nobody else.
type Committer struct {
	journal  ports.Journal
	announce Announcer
}

// NewCommitter needs a journal. Without an announcer, nil, announcements are
// left to whoever claims them.
func NewCommitter(journal ports.Journal, announce Announcer) *Committer {
	if announce == nil {
		announce = silence{}
	}
	return &Committer{journal, announce}
}

// Commit implements Commits.
func (c *Committer) Commit(ctx context.Context, u ports.Unit) (Outcome, error) {
	u.Hold = c.announce.Hold(ctx)
	until := time.Now().Add(u.Hold) // the store's hold begins later
	committed, err := c.journal.Commit(ctx, u)
	if errors.Is(err, ports.ErrRefused) {
		return c.commitApart(ctx, u, err)
	}
	if err != nil {
		return Outcome{}, err
	}
	if u.Hold > 0 && committed.Announcement.ID != 0 {
		c.announce.Offer(committed.Announcement, until)
	}
	return Outcome{New: committed.New}, nil
}

func (c *Committer) commitApart(ctx context.Context, u ports.Unit, why error) (Outcome, error) {
	first, second := halve(u)
	if len(second.Events)+len(second.Rejects) == 0 {
		return c.quarantine(ctx, first, why)
	}
	a, err := c.Commit(ctx, first)
	if err != nil {
		return Outcome{}, err
	}
	b, err := c.Commit(ctx, second)
	if err != nil {
		return Outcome{}, err
	}
	return joinOutcomes(a, b), nil
}

// quarantine puts the one record of u there.
func (c *Committer) quarantine(ctx context.Context, u ports.Unit, why error) (Outcome, error) {
	if len(u.Events) == 0 { // it was on its way there
		return Outcome{}, fmt.Errorf("quarantine: %w: %w", ports.ErrUnavailable, why)
	}
	reason := "the store refuses it: " + why.Error()
	e := &u.Events[0]
	reject := domain.Reject{Reason: reason, Raw: e.Raw, ReceivedAt: e.ReceivedAt}
	if _, err := c.Commit(ctx, ports.Unit{Rejects: []domain.Reject{reject}}); err != nil {
		return Outcome{}, err
	}
	o := Outcome{New: make([]bool, len(u.Events)), Refused: make(map[int]string, len(u.Events))}
	for i := range u.Events {
		o.Refused[i] = reason
	}
	return o, nil
}

// halve splits a unit between two records, rejects from events first. The second
// half of a unit of one record is empty.
func halve(u ports.Unit) (first, second ports.Unit) {
	events, rejects := middle(u.Events), len(u.Rejects)
	if len(u.Events) == 0 {
		rejects = (rejects + 1) / 2
	} else if rejects > 0 {
		events, rejects = len(u.Events), 0
	}
	first = ports.Unit{Events: u.Events[:events], Rejects: u.Rejects[:rejects]}
	second = ports.Unit{Events: u.Events[events:], Rejects: u.Rejects[rejects:]}
	return first, second
}

// middle is where a record begins, as near as can be before the middle of the
// events, and the end of a single record.
func middle(events []domain.EmailEvent) int {
	for i := len(events) / 2; i > 0; i-- {
		if events[i].Part == 0 {
			return i
		}
	}
	for i := len(events)/2 + 1; i < len(events); i++ {
		if events[i].Part == 0 {
			return i
		}
	}
	return len(events)
}

func joinOutcomes(a, b Outcome) Outcome {
	sum := Outcome{New: slices.Concat(a.New, b.New)}
	if len(a.Refused)+len(b.Refused) > 0 {
		sum.Refused = maps.Clone(a.Refused)
		if sum.Refused == nil {
			sum.Refused = map[int]string{}
		}
		for i, reason := range b.Refused {
			sum.Refused[len(a.New)+i] = reason
		}
	}
	return sum
}

// silence announces nothing itself.
type silence struct{}

func (silence) Hold(context.Context) time.Duration  { return 0 }
func (silence) Offer(ports.Announcement, time.Time) {}
