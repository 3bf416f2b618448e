package application

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// maxHops bounds how far a message is followed from node to node.
const maxHops = 16

// story returns those of a message's events that concern the log, and the reports
// on the message that concern no log of it: they name an address that somebody
// forwarded it to. Of whose copy that came nobody can know.
func (l *Lookup) story(ctx context.Context, log *domain.EmailLog, events []domain.EmailEvent) ([]domain.EmailEvent, error) {
	var story, elsewhere []domain.EmailEvent
	for _, e := range events {
		switch {
		case e.Concerns(log):
			story = append(story, e)
		case e.Original != nil && e.Original.MessageID == log.MessageID:
			elsewhere = append(elsewhere, e)
		}
	}
	if len(elsewhere) == 0 {
		return story, nil
	}
	all, err := l.logs.FindLogs(ctx, log.MessageID, MaxCandidates)
	isKnown := slices.ContainsFunc(all, func(l domain.EmailLog) bool { return l.Key == log.Key })
	if err != nil || !isKnown || len(all) == MaxCandidates { // there may be others
		return story, err
	}
	for _, e := range elsewhere {
		if !slices.ContainsFunc(all, func(l domain.EmailLog) bool { return e.Concerns(&l) }) {
			story = append(story, e)
		}
	}
	return story, nil
}

// follow returns the logs that the message of log had before and has after its
// transfers between nodes, and adds what happened to it there to its events. A
// log that nobody but the other node has spoken of is not among them.
func (l *Lookup) follow(ctx context.Context, log *domain.EmailLog, events []domain.EmailEvent) ([]domain.EmailLog, []domain.EmailEvent, error) {
	var transfers []domain.EmailLog
	seen := map[string]bool{"": true, log.MessageID: true}
	next := []string{log.PriorID, log.NextID}
	for hops := 0; len(next) > 0 && hops < maxHops; {
		id := next[0]
		if next = next[1:]; seen[id] {
			continue
		}
		seen[id] = true
		hops++
		other := domain.EmailLog{Key: domain.NewLogKey(id, log.Recipient), MessageID: id, Recipient: log.Recipient}
		found, err := l.logs.FindLogs(ctx, other.Key.String(), 1)
		if err != nil {
			return nil, nil, err
		}
		if len(found) == 1 && found[0].Key == other.Key {
			transfers = append(transfers, found[0])
			next = append(next, found[0].PriorID, found[0].NextID)
		}
		there, err := l.logs.Events(ctx, id)
		if err != nil {
			return nil, nil, err
		}
		if there, err = l.story(ctx, &other, there); err != nil {
			return nil, nil, err
		}
		events = append(events, there...)
	}
	return transfers, events, nil
}

// inOrder sorts by time and id, and leaves out copies.
func inOrder(events []domain.EmailEvent) []domain.EmailEvent {
	slices.SortFunc(events, func(a, b domain.EmailEvent) int {
		return cmp.Or(a.OccurredAt.Compare(b.OccurredAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return slices.CompactFunc(events, func(a, b domain.EmailEvent) bool { return a.ID == b.ID })
}

// Waits returns for each event of a timeline, if it is an attempt to hand the
// message on, how long that came after the attempt before, or for the first one
// after acceptance; -1 for all others, and where a time is not known.
func (f *Found) Waits() []time.Duration {
	waits := make([]time.Duration, len(f.Timeline))
	var last time.Time
	if len(f.Candidates) == 1 {
		last = f.Candidates[0].AcceptedAt
		for _, l := range f.Transfers {
			if !l.AcceptedAt.IsZero() && l.AcceptedAt.Before(last) {
				last = l.AcceptedAt
			}
		}
	}
	for i := range f.Timeline {
		e := &f.Timeline[i]
		waits[i] = -1
		if !isAttempt(e) || e.OccurredAt.IsZero() {
			continue
		}
		if !last.IsZero() {
			waits[i] = max(0, e.OccurredAt.Sub(last)) // clocks of two nodes may differ
		}
		last = e.OccurredAt
	}
	return waits
}

// isAttempt asks what the event says of its message: only an attempt counts one
// more than there were before it.
func isAttempt(e *domain.EmailEvent) bool {
	said := domain.AppendLogs(nil, e)
	return len(said) > 0 && said[0].Attempts == e.Attempts+1
}
