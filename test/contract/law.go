package contract

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// testLaw holds a store against the domain on random sequences of units: what
// is stored is the first copy of each event and the join of all, and each event
// is new, and announced, once.
func testLaw(t *testing.T, open Open) {
	t.Run("StoredLogsAreJoinOfAllEvents", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			units := Units().Draw(rt, "units")
			s := open(t)
			l := newLedger()
			for i, u := range units {
				want := l.take(u)
				c := commit(rt, s, u)
				same(rt, fmt.Sprintf("New of unit %d", i), want, c.New)
				same(rt, fmt.Sprintf("announced of unit %d", i), l.announced(u, want), c.Announcement.Events)
			}
			l.check(rt, s)
			fine(rt, "close", s.Close())
		})
	})
}

// announced is what a unit that has just been taken announces.
func (l *ledger) announced(u ports.Unit, isNew []bool) []ports.Announced {
	status := map[domain.LogKey]domain.Status{} // of logs that are shown
	for _, log := range domain.Fold(l.said) {
		if log.Confirmed {
			status[log.Key] = log.Status()
		}
	}
	var all []ports.Announced
	for i := range u.Events {
		if isNew[i] {
			key, ok := u.Events[i].LogKey()
			st, isShown := status[key]
			all = append(all, ports.Announced{Event: &u.Events[i], Status: st, HasLog: ok && isShown})
		}
	}
	return all
}
