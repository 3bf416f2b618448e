package sqlstore

import (
	"encoding/binary"
	"slices"
	"sync/atomic"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// A log begins with the message's reception, so that of which a unit has the
// reception is most likely new. COPY saves a fifth of what a new log costs the
// server, indexes and triggers included; but if one of them is there after all, for
// what came next was committed before, the whole unit has to be tried again.
//
// Logs are copied to the tables of their days, where no trigger fires: what there is to
// note of them is known here.

// copying is which of the logs that begin in a unit are copied.
type copying uint8

const (
	newLogs     copying = iota
	settledLogs         // those of which nothing more is to be expected soon
	noLogs
)

// copyRule says when logs of a day are copied.
type copyRule struct {
	least int           // how many have to be: COPY is a statement of its own
	age   time.Duration // how old the day may be
}

// copyRules of stores that are opened. A day that is let go of may be detached already,
// and is found by its name for a moment more: what is copied there would go with it,
// where a join waits for the day to be made anew. Logs are kept for 40 days at least, so
// younger days are safe.
var copyRules = copyRule{least: 50, age: 30 * day}

// allows says whether n logs of a day, 0 for that of time 0, are copied.
func (r copyRule) allows(dayMillis int64, n int, now time.Time) bool {
	return n >= r.least && (dayMillis == 0 || now.Sub(time.UnixMilli(dayMillis)) < r.age)
}

// cautiousUnits is for how many units fewer logs are copied after one that was there
// already: where messages are delivered as soon as they are received, by connections
// that pass each other, that goes on.
const cautiousUnits = 100

// caution counts the units that are still to be cautious.
type caution struct{ units atomic.Int32 }

func (c *caution) take() { c.units.Store(cautiousUnits) }

// next says what the next unit is to copy.
func (c *caution) next() copying {
	if c.units.Load() > 0 && c.units.Add(-1) >= 0 {
		return settledLogs
	}
	return newLogs
}

// writeLogs copies logs or joins them with what is there.
func (c *postgresCommit) writeLogs() {
	c.standings = make([]standing, len(c.logs))
	if c.copied > 0 {
		c.copyLogs()
		c.copyRare()
	}
	if c.copied < len(c.logs) {
		c.joinLogs(len(c.logs) - c.copied)
	}
}

// chooseCopied chooses the logs that are copied, all of them confirmed: of each day none
// or enough.
func (c *postgresCommit) chooseCopied() {
	c.isCopied, c.copied = make([]bool, len(c.logs)), 0
	if c.copying == noLogs {
		return
	}
	for _, i := range c.added {
		if at := c.logOf[i]; at >= 0 && c.Events[i].Type == domain.Reception {
			l := c.logs[at]
			c.isCopied[at] = l.Confirmed && (c.copying == newLogs || l.Decision.Status > domain.Deferred)
		}
	}
	c.eachDay(func(day int64, from, to int) {
		chosen := c.isCopied[from:to]
		n := countTrue(chosen)
		if !c.store.copyRule.allows(day, n, c.now) {
			clear(chosen)
			n = 0
		}
		c.copied += n
	})
}

func countTrue(list []bool) (n int) {
	for _, is := range list {
		n += int(boolValue(is))
	}
	return n
}

// eachDay calls visit with each day of the logs and where those of it are.
func (c *postgresCommit) eachDay(visit func(day int64, from, to int)) {
	for from := 0; from < len(c.logs); {
		day, to := c.dayOfLog(from), from+1
		for to < len(c.logs) && c.dayOfLog(to) == day {
			to++
		}
		visit(day, from, to)
		from = to
	}
}

func (c *postgresCommit) dayOfLog(i int) int64 { return dayOf(domain.EventID(c.logs[i].Key)) }

// copyLogs copies logs to their days.
func (c *postgresCommit) copyLogs() {
	t := &c.newRows
	c.eachDay(func(day int64, from, to int) {
		t.startCopy()
		n := len(t.buf)
		for i := from; i < to; i++ {
			if c.isCopied[i] {
				t.copyRow(34)
				t.log(c.logs[i], c.heardOf(i), c.onDays[i], &c.store.statements)
				c.standings[i] = standing{true, c.logs[i].Decision.Status}
			}
		}
		if len(t.buf) > n {
			t.endCopy()
			c.exchange.copyInto(copyLogs(day), t.buf)
		}
	})
}

// copyRare lists those that are copied and have a rare status.
func (c *postgresCommit) copyRare() {
	t := &c.rareRows
	t.startCopy()
	n := len(t.buf)
	for i, l := range c.logs {
		if c.isCopied[i] && slices.Contains(rareStatuses, l.Decision.Status) {
			t.rare(l)
		}
	}
	if len(t.buf) > n {
		t.endCopy()
		c.exchange.copyIn(stmtNewRare, t.buf)
	}
}

// joinLogs joins the n logs that are not copied.
func (c *postgresCommit) joinLogs(n int) {
	t, types := &c.logRows, &c.store.statements
	t.startArray(n, types.logRow)
	for i := range c.logs {
		if !c.isCopied[i] {
			t.arrayRow(27, func() { t.log(c.logs[i], c.heardOf(i), c.onDays[i], types) })
		}
	}
	if len(c.added) == 0 {
		c.exchange.exec(stmtLogsQuietly, nil, t.buf)
		return
	}
	c.exchange.exec(stmtLogs, func(values [][]byte) {
		if values[1] != nil {
			at, _ := c.logAt(domain.LogKey(values[0]))
			c.standings[at] = standing{true, domain.Status(binary.BigEndian.Uint32(values[1]))}
		}
	}, t.buf)
}
