package sqlstore

import (
	"context"
	"errors"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// queued is a row of the outbox.
type queued struct {
	id      ports.AnnouncementID
	ids     []byte // of the events
	changes text   // of the list of suppressions
}

// toldEvent is a stored event and the status of its log, nil without one.
type toldEvent struct {
	storedEvent
	status *domain.Status
}

// outboxReader is what a dialect knows of announcements.
type outboxReader interface {
	// told returns what is stored of ids, in their order.
	told(ctx context.Context, ids []byte) ([]toldEvent, error)
	restorer(ctx context.Context) *restorer
	Done(ctx context.Context, ids []ports.AnnouncementID) error
}

// announcements reads what rows announce. Those whose events were pruned
// meanwhile have what is left of them; without any they are removed.
func announcements(ctx context.Context, r outboxReader, rows []queued) ([]ports.Announcement, error) {
	list := make([]ports.Announcement, 0, len(rows))
	var empty []ports.AnnouncementID
	for _, row := range rows {
		events, err := tellRow(ctx, r, &row)
		switch {
		case err != nil:
			return nil, err
		case len(events) == 0:
			empty = append(empty, row.id)
		default:
			list = append(list, ports.Announcement{ID: row.id, Events: events})
		}
	}
	if len(empty) == 0 {
		return list, nil
	}
	return list, r.Done(ctx, empty)
}

func tellRow(ctx context.Context, r outboxReader, row *queued) ([]ports.Announced, error) {
	if row.changes != "" {
		return announcedChanges(string(row.changes))
	}
	return announced(ctx, r, row.ids)
}

// announced returns what is stored of ids with the statuses of now. Records that
// are damaged, or pruned just now, hold nothing back: their events are told by
// what the columns say.
func announced(ctx context.Context, r outboxReader, ids []byte) ([]ports.Announced, error) {
	told, err := r.told(ctx, ids)
	if err != nil {
		return nil, err
	}
	restorer := r.restorer(ctx)
	defer restorer.release()
	list := make([]ports.Announced, len(told))
	for i := range told {
		e, err := restorer.restore(&told[i].storedEvent)
		if err != nil && !errors.Is(err, errChunk) {
			return nil, err
		}
		list[i].Event = &e
		if _, ok := e.LogKey(); ok && told[i].status != nil {
			list[i].Status, list[i].HasLog = *told[i].status, true
		}
	}
	return list, nil
}
