package sqlstore

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
)

// CrowdEvents returns the ids of the recipient's events, greatest first, of which
// the newest walked are walked through.
func (s *Postgres) CrowdEvents(ctx context.Context, recipient string, limit, walked int) ([]domain.EventID, error) {
	stored, err := s.crowdWithin(ctx, recipient, &eventQuery{within: uuidRange{below: maxUUID}, limit: limit}, walked)
	return idsOf(stored), err
}

// CrowdEventsWhile is CrowdEvents with something done between the walk and what is
// behind it.
func (s *Postgres) CrowdEventsWhile(ctx context.Context, recipient string, limit, walked int, between func()) ([]domain.EventID, error) {
	q := &eventQuery{within: uuidRange{below: maxUUID}, limit: limit}
	page, err := s.walkNewest(ctx, recipient, q, walked)
	if err != nil {
		return nil, err
	}
	between()
	page, err = s.crowdBehind(ctx, recipient, q, page, walked)
	return idsOf(page), err
}

func idsOf(stored []storedEvent) []domain.EventID {
	ids := make([]domain.EventID, len(stored))
	for i := range stored {
		ids[i] = stored[i].event.ID
	}
	return ids
}
