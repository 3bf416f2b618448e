package sqlstore

import (
	"slices"
	"sync"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// unit is what a commit can work out of a ports.Unit before it has to know what
// is stored.
type unit struct {
	ports.Unit
	// firsts are the places of events in order of their ids, of copies only the
	// first: in that order a B-tree takes them fastest.
	firsts []int32
	logs   []domain.EmailLog // folded, in order of their keys
	keys   []placed          // by log, each with the place of what was said of it first
	onDays []eventDays       // by log, of the unit's events
	logOf  []int32           // by event: the place of its log, -1 for none
	heard  []time.Time       // by log, of those without a time in their keys
}

func newUnit(u ports.Unit) *unit {
	ids := make([]placed, len(u.Events))
	for i := range ids {
		ids[i] = placedAt(u.Events[i].ID, i)
	}
	slices.SortFunc(ids, placed.compare)
	made := &unit{Unit: u, firsts: make([]int32, 0, len(ids))}
	for i := range ids {
		if i == 0 || !ids[i].isAs(ids[i-1]) {
			made.firsts = append(made.firsts, ids[i].at)
		}
	}
	made.fold()
	return made
}

// fold is domain.Fold, but remembers which event speaks of which log: keys are
// hashes, and each is needed in several places.
func (u *unit) fold() {
	room := rooms.Get().(*[]domain.EmailLog)
	defer letGo(room)
	said := slices.Grow(*room, len(u.Events))
	by := make([]saying, 0, len(u.Events))
	u.logOf = make([]int32, len(u.Events))
	for i := range u.Events {
		u.logOf[i] = -1
		said = domain.AppendLogs(said, &u.Events[i])
		for own := u.Events[i].HasLog(); len(by) < len(said); own = false {
			by = append(by, saying{int32(i), own})
		}
	}
	*room = said
	order := make([]placed, len(said))
	for i := range order {
		order[i] = placedAt(said[i].Key, i)
	}
	slices.SortFunc(order, placed.compare)
	n := distinct(order)
	u.logs, u.keys, u.onDays = make([]domain.EmailLog, 0, n), order[:0], make([]eventDays, n)
	for _, p := range order {
		at := len(u.logs) - 1
		if at >= 0 && p.isAs(u.keys[at]) {
			u.logs[at].Add(&said[p.at])
		} else {
			at++
			u.logs, u.keys = append(u.logs, said[p.at]), append(u.keys, p)
		}
		u.heed(at, by[p.at])
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

// rooms has rooms for what events say one by one. It is of use for a moment only
// and was an eighth of all memory that a record took.
var rooms = sync.Pool{New: func() any { return new([]domain.EmailLog) }}

// letGo forgets what is in a room, and the room if it is too large to keep.
func letGo(room *[]domain.EmailLog) {
	const most = 8 << 10
	if cap(*room) > most {
		return
	}
	clear(*room)
	*room = (*room)[:0]
	rooms.Put(room)
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
	isNew = make([]bool, len(u.Events))
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
