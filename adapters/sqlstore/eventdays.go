package sqlstore

import (
	"math/bits"

	"github.com/kumotrail/kumotrail/domain"
)

// eventDays says on which days the events that speak of a log are, by the time in
// their ids: bit n stands for the nth day (UTC) from that of the log's key. Joined
// they are united. No bit means not known, which in the database is NULL: so it is
// for a log of before, and remains whatever it is joined with.
type eventDays uint64

const (
	// daysNoted are told from now on, and before daysTold were, and events without a
	// time. Logs are kept for 40 days longer than events: one that was let go of and is
	// made anew by late word does not know where others are that are left, all of them
	// of later days.
	daysNoted           = 40
	daysTold            = 62            // have a bit each
	undated   eventDays = 1 << daysTold // of events without a time in their ids
	elsewhere eventDays = undated << 1  // of events that may be on any day
)

// daysOf returns where one event is that speaks of the log.
func daysOf(key domain.LogKey, id domain.EventID) eventDays {
	first, day := dayOf(domain.EventID(key)), dayOf(id)
	switch n := (day - first) / dayLength; {
	case day == 0, first == 0, n < 0, n >= daysNoted:
		return elsewhere
	default:
		return 1 << n
	}
}

// days returns the days, the latest first, that of events without a time last and
// as 0. It is false where there may be events on any day, or on more than most.
func (d eventDays) days(key domain.LogKey, most int) ([]int64, bool) {
	if d == 0 || d&elsewhere != 0 || bits.OnesCount64(uint64(d)) > most {
		return nil, false
	}
	list := make([]int64, 0, most)
	first := dayOf(domain.EventID(key))
	for n := int64(daysTold - 1); n >= 0; n-- {
		if d&(1<<n) != 0 {
			list = append(list, first+n*dayLength)
		}
	}
	if d&undated != 0 {
		list = append(list, 0)
	}
	return list, true
}
