package sqlstore

import (
	"bytes"
	"slices"
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
	logOf  []int32           // by event: the place of its log, -1 for none
}

func newUnit(u ports.Unit) *unit {
	firsts := make([]int32, len(u.Events))
	for i := range firsts {
		firsts[i] = int32(i)
	}
	id := func(i int32) []byte { return u.Events[i].ID[:] }
	slices.SortStableFunc(firsts, func(a, b int32) int { return bytes.Compare(id(a), id(b)) })
	firsts = slices.CompactFunc(firsts, func(a, b int32) bool { return u.Events[a].ID == u.Events[b].ID })
	made := &unit{Unit: u, firsts: firsts}
	made.fold()
	return made
}

// fold is domain.Fold, but remembers which event speaks of which log: keys are
// hashes, and each is needed in several places.
func (u *unit) fold() {
	said := make([]domain.EmailLog, 0, len(u.Events))
	by := make([]int32, 0, len(u.Events)) // the event whose log it is, -1 for another's
	u.logOf = make([]int32, len(u.Events))
	for i := range u.Events {
		u.logOf[i] = -1
		said = domain.AppendLogs(said, &u.Events[i])
		for len(said) > len(by) && !said[len(said)-1].Confirmed { // there are no columns for those yet
			said = said[:len(said)-1]
		}
		if len(by) < len(said) && u.Events[i].HasLog() {
			by = append(by, int32(i))
		}
		for len(by) < len(said) {
			by = append(by, -1)
		}
	}
	order := make([]int32, len(said))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(said[a].Key[:], said[b].Key[:]) })
	u.logs = make([]domain.EmailLog, 0, len(said))
	for _, i := range order {
		if n := len(u.logs); n > 0 && u.logs[n-1].Key == said[i].Key {
			u.logs[n-1] = u.logs[n-1].Join(said[i])
		} else {
			u.logs = append(u.logs, said[i])
		}
		if by[i] >= 0 {
			u.logOf[by[i]] = int32(len(u.logs) - 1)
		}
	}
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

// announced returns the new events in their order, with the statuses that their
// logs have now. statuses has one entry a log of the unit.
func (u *unit) announced(isNew []bool, n int, statuses []domain.Status) []ports.Announced {
	list := make([]ports.Announced, 0, n)
	for i := range u.Events {
		if !isNew[i] {
			continue
		}
		a := ports.Announced{Event: &u.Events[i]}
		if at := u.logOf[i]; at >= 0 {
			a.Status, a.HasLog = statuses[at], true
		}
		list = append(list, a)
	}
	return list
}

func (u *unit) logAt(key domain.LogKey) (int, bool) {
	return slices.BinarySearchFunc(u.logs, key, func(l domain.EmailLog, k domain.LogKey) int {
		return bytes.Compare(l.Key[:], k[:])
	})
}

// heardOf returns when we first heard of each log within the unit, for those
// whose key has no time: they are kept by that.
func (u *unit) heardOf() []time.Time {
	heard := make([]time.Time, len(u.logs))
	// Keys are in order, so those without a time come first.
	if len(u.logs) == 0 || dated(u.logs[0].Key) {
		return heard
	}
	for i := range u.Events {
		at := u.logOf[i]
		if at < 0 || dated(u.logs[at].Key) {
			continue
		}
		if r := u.Events[i].ReceivedAt; heard[at].IsZero() || r.Before(heard[at]) {
			heard[at] = r
		}
	}
	return heard
}

func dated(key domain.LogKey) bool {
	_, ok := key.Time()
	return ok
}
