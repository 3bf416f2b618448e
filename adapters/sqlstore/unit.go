package sqlstore

import (
	"slices"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// unit is what a commit can work out of a ports.Unit before it has to know what
// is stored. Its memory is used again once it is released.
type unit struct {
	ports.Unit
	// firsts are the places of events in order of their ids, of copies only the
	// first: in that order a B-tree takes them fastest.
	firsts []int32
	logs   []*domain.EmailLog // folded, in order of their keys
	keys   []placed           // by log, each with the place of what was said of it first
	onDays []eventDays        // by log, of the unit's events
	logOf  []int32            // by event: the place of its log, -1 for none
	heard  []time.Time        // by log, of those without a time in their keys

	order []placed          // of events, by their ids
	said  []domain.EmailLog // by events one by one; logs are among them
	by    []saying          // by what was said
}

var units = sync.Pool{New: func() any { return new(unit) }}

func newUnit(u ports.Unit) *unit {
	made := units.Get().(*unit)
	made.Unit = u
	made.sort()
	made.fold()
	return made
}

// release ends the use of the unit. What it says of events is kept, if that is not
// too much: it was most of what a commit allocated.
func (u *unit) release() {
	const most = 8 << 10
	if cap(u.said) > most {
		return
	}
	clear(u.said)
	clear(u.logs)
	*u = unit{
		firsts: u.firsts[:0], logs: u.logs[:0], keys: u.keys[:0], onDays: u.onDays[:0], logOf: u.logOf[:0],
		heard: u.heard[:0], order: u.order[:0], said: u.said[:0], by: u.by[:0],
	}
	units.Put(u)
}

// sort puts the events in order.
func (u *unit) sort() {
	for i := range u.Events {
		u.order = append(u.order, placedAt(u.Events[i].ID, i))
	}
	slices.SortFunc(u.order, placed.compare)
	for i := range u.order {
		if i == 0 || !u.order[i].isAs(u.order[i-1]) {
			u.firsts = append(u.firsts, u.order[i].at)
		}
	}
}

// fold is domain.Fold, but remembers which event speaks of which log: keys are
// hashes, and each is needed in several places.
func (u *unit) fold() {
	u.said = slices.Grow(u.said, len(u.Events))
	for i := range u.Events {
		u.logOf = append(u.logOf, -1)
		u.said = domain.AppendLogs(u.said, &u.Events[i])
		for own := u.Events[i].HasLog(); len(u.by) < len(u.said); own = false {
			u.keys = append(u.keys, placedAt(u.said[len(u.by)].Key, len(u.by)))
			u.by = append(u.by, saying{int32(i), own})
		}
	}
	said := u.keys // one or more of a log
	slices.SortFunc(said, placed.compare)
	u.keys = said[:0]
	for _, p := range said {
		at := len(u.logs) - 1
		if at >= 0 && p.isAs(u.keys[at]) {
			u.logs[at].Add(&u.said[p.at])
		} else {
			at++
			u.logs, u.keys, u.onDays = append(u.logs, &u.said[p.at]), append(u.keys, p), append(u.onDays, 0)
		}
		u.heed(at, u.by[p.at])
	}
}

// heed notes of the log in that place who speaks of it. Logs come in order.
func (u *unit) heed(at int, by saying) {
	e, key := &u.Events[by.event], u.logs[at].Key
	u.onDays[at] |= daysOf(key, e.ID)
	if by.own {
		u.logOf[by.event] = int32(at)
	}
	// Keys are in order, so those without a time come first.
	if at <= len(u.heard) && !dated(key) {
		u.hear(at, e.ReceivedAt)
	}
}

// saying is who speaks of a log, and whether the log is that of EmailEvent.LogKey.
type saying struct {
	event int32
	own   bool
}

// hear notes when we heard of the log in that place.
func (u *unit) hear(at int, received time.Time) {
	switch {
	case at == len(u.heard):
		u.heard = append(u.heard, received)
	case received.Before(u.heard[at]):
		u.heard[at] = received
	}
}

// heardOf returns when we first heard within the unit of the log in that place,
// if its key has no time: it is kept by that.
func (u *unit) heardOf(at int) time.Time {
	if at < len(u.heard) {
		return u.heard[at]
	}
	return time.Time{}
}

// messageKey is the key of the event's message and recipient, and false for an
// event without a message. Reports have one too, that of no log.
func (u *unit) messageKey(i int32) (domain.LogKey, bool) {
	e := &u.Events[i]
	switch {
	case u.logOf[i] >= 0 && !e.Type.IsReport():
		return u.logs[u.logOf[i]].Key, true
	case e.MessageID != "":
		return domain.NewLogKey(e.MessageID, e.Recipient), true
	}
	return domain.LogKey{}, false
}

// ids returns the distinct ids one after another.
func (u *unit) ids() []byte {
	b := make([]byte, 0, len(u.firsts)*len(domain.EventID{}))
	for _, i := range u.firsts {
		b = append(b, u.Events[i].ID[:]...)
	}
	return b
}

// newOf says of each event whether it is new, and returns the places of those
// that are in order of their ids.
func (u *unit) newOf(known map[domain.EventID]bool) (isNew []bool, added []int32) {
	isNew, added = make([]bool, len(u.Events)), make([]int32, 0, len(u.firsts))
	for _, i := range u.firsts {
		if !known[u.Events[i].ID] {
			isNew[i] = true
			added = append(added, i)
		}
	}
	return isNew, added
}

// standing is what a log of the unit has become with it. That of a log that is
// not confirmed is the zero standing.
type standing struct {
	confirmed bool
	status    domain.Status
}

// announced returns the new events in their order, with the statuses that their
// logs have now. standings has one entry a log of the unit.
func (u *unit) announced(isNew []bool, n int, standings []standing) []ports.Announced {
	list := make([]ports.Announced, 0, n)
	for i := range u.Events {
		if !isNew[i] {
			continue
		}
		a := ports.Announced{Event: &u.Events[i]}
		if at := u.logOf[i]; at >= 0 {
			a.Status, a.HasLog = standings[at].status, standings[at].confirmed
		}
		list = append(list, a)
	}
	return list
}

// logAt returns the place of the log of that key, false if there is none.
func (u *unit) logAt(key domain.LogKey) (int, bool) {
	of := placedAt(key, 0)
	at, _ := slices.BinarySearchFunc(u.keys, of, placed.compare)
	return at, at < len(u.keys) && u.keys[at].isAs(of)
}

func dated(key domain.LogKey) bool {
	_, ok := key.Time()
	return ok
}
