package sqlstore

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// storedChange is a change of the list of suppressions as the outbox keeps it.
type storedChange struct {
	ID      string    `json:"id"`
	Removed bool      `json:"removed,omitzero"`
	Address string    `json:"address"`
	Reason  string    `json:"reason"`
	Note    string    `json:"note,omitzero"`
	EventID string    `json:"event_id,omitzero"`
	AddedAt time.Time `json:"added_at"`
	At      time.Time `json:"at"`
}

// additions returns the changes that entries are, those that were added, in their
// order.
func additions(entries []domain.Suppression, added []bool) []domain.SuppressionChange {
	var changes []domain.SuppressionChange
	for i := range entries {
		if added[i] {
			changes = append(changes, domain.NewSuppressionChange(entries[i], false, entries[i].AddedAt, rand.Uint64()))
		}
	}
	return changes
}

func removal(s domain.Suppression, at time.Time) []domain.SuppressionChange {
	return []domain.SuppressionChange{domain.NewSuppressionChange(s, true, at, rand.Uint64())}
}

// changesText returns changes as the outbox keeps them.
func changesText(changes []domain.SuppressionChange) (string, error) {
	list := make([]storedChange, len(changes))
	for i := range changes {
		c := &changes[i]
		list[i] = storedChange{
			ID: c.ID.String(), Removed: c.Removed, Address: c.Address, Reason: string(c.Reason), Note: c.Note,
			AddedAt: c.AddedAt, At: c.At,
		}
		if c.EventID != (domain.EventID{}) {
			list[i].EventID = c.EventID.String()
		}
	}
	b, err := json.Marshal(list)
	return string(b), err
}

// announcedChanges is the inverse of changesText.
func announcedChanges(text string) ([]ports.Announced, error) {
	var list []storedChange
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("changes of %d bytes: %w", len(text), err)
	}
	changes := make([]ports.Announced, len(list))
	for i, c := range list {
		change := &domain.SuppressionChange{Removed: c.Removed, At: c.At.UTC()}
		change.Suppression = domain.Suppression{
			Address: c.Address, Reason: domain.SuppressionReason(c.Reason), Note: c.Note, AddedAt: c.AddedAt.UTC(),
		}
		var err error
		if change.ID, err = domain.ParseEventID(c.ID); err != nil {
			return nil, fmt.Errorf("id of a change: %w", err)
		}
		if c.EventID != "" {
			if change.EventID, err = domain.ParseEventID(c.EventID); err != nil {
				return nil, fmt.Errorf("event of a change: %w", err)
			}
		}
		changes[i].Change = change
	}
	return changes, nil
}
