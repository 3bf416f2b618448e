package sqlstore

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

// TestEventsAreOnTheDaysOfTheirMessage commits units and looks for each event, by
// each message that it concerns, where that message's logs say.
func TestEventsAreOnTheDaysOfTheirMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := map[domain.LogKey]eventDays{}
		var events []domain.EmailEvent
		for _, next := range contract.Units().Draw(t, "units") {
			u := newUnit(next)
			for i, l := range u.logs {
				days[l.Key] |= u.onDays[i]
			}
			events = append(events, next.Events...)
		}
		for _, e := range events {
			ids := []string{domain.NormalizeMessageID(e.MessageID)}
			if e.Original != nil {
				ids = append(ids, e.Original.MessageID)
			}
			for _, id := range ids {
				if e.ConcernsMessage(id) && !isOn(daysOfMessage(days, id), id, e.ID) {
					t.Fatalf("a %s of %s is not on the days of message %q", e.Type, e.ID, id)
				}
			}
		}
	})
}

func daysOfMessage(all map[domain.LogKey]eventDays, id string) (days eventDays) {
	least, greatest := domain.KeysOfMessage(id)
	for key, d := range all {
		if bytes.Compare(least[:], key[:]) <= 0 && bytes.Compare(key[:], greatest[:]) <= 0 {
			days |= d
		}
	}
	return days
}

func isOn(days eventDays, messageID string, event domain.EventID) bool {
	key, _ := domain.KeysOfMessage(messageID)
	list, told := days.days(key, daysTold+1)
	return days != 0 && (!told || slices.Contains(list, dayOf(event)))
}

// Logs of before note events without a time.
func TestEventsWithoutATimeAreLookedForLast(t *testing.T) {
	key := domain.LogKey(uuidAt(time.Date(2031, 5, 4, 0, 0, 0, 0, time.UTC).UnixMilli()))
	got, told := (1 | undated).days(key, 3)
	if diff := cmp.Diff([]int64{dayOf(domain.EventID(key)), 0}, got); diff != "" || !told {
		t.Errorf("told: %v, -want +got\n%s", told, diff)
	}
}

func TestEventDaysTellOfDaysWithinFortyDays(t *testing.T) {
	accepted := time.Date(2031, 5, 4, 23, 59, 59, 0, time.UTC)
	first := dayStart(accepted).UnixMilli()
	key := domain.LogKey(uuidAt(accepted.UnixMilli()))
	after := func(days int) domain.EventID {
		return domain.EventID(uuidAt(dayStart(accepted).AddDate(0, 0, days).UnixMilli()))
	}
	for name, c := range map[string]struct {
		key    domain.LogKey
		events []domain.EventID
		days   []int64 // nil for not told
	}{
		"the same day":          {key, []domain.EventID{after(0)}, []int64{first}},
		"some, latest first":    {key, []domain.EventID{after(0), after(1), after(30)}, []int64{first + 30*dayLength, first + dayLength, first}},
		"the last that is told": {key, []domain.EventID{after(39)}, []int64{first + 39*dayLength}},
		"one later":             {key, []domain.EventID{after(0), after(40)}, nil},
		"the day before":        {key, []domain.EventID{after(-1)}, nil},
		"without a time":        {key, []domain.EventID{{15: 1}, after(0)}, nil},
		"a key without a time":  {domain.LogKey{15: 1}, []domain.EventID{after(0)}, nil},
		"neither has a time":    {domain.LogKey{15: 1}, []domain.EventID{{15: 1}}, nil},
		"more than most":        {key, []domain.EventID{after(0), after(1), after(2), after(3)}, nil},
		"of before":             {key, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var days eventDays
			for _, id := range c.events {
				days |= daysOf(c.key, id)
			}
			got, told := days.days(c.key, 3)
			if diff := cmp.Diff(c.days, got); diff != "" || told != (c.days != nil) {
				t.Errorf("told: %v, -want +got\n%s", told, diff)
			}
		})
	}
}
