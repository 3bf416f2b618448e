package sqlstore

import (
	"context"

	"github.com/kumotrail/kumotrail/domain"
)

// CrowdEvents returns the ids of the recipient's events, greatest first, of which
// the newest walked are walked through.
func (s *Postgres) CrowdEvents(ctx context.Context, recipient string, limit, walked int) ([]domain.EventID, error) {
	stored, err := s.crowdWithin(ctx, recipient, &eventQuery{within: uuidRange{below: maxUUID}, limit: limit}, walked)
	ids := make([]domain.EventID, len(stored))
	for i := range stored {
		ids[i] = stored[i].event.ID
	}
	return ids, err
}
