package sqlstore

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/kumotrail/kumotrail/domain"
)

// A log begins with the message's reception, so that of which a unit has the
// reception is most likely new. COPY saves a fifth of what a new log costs the
// server, indexes and triggers included; but if one of them is there after all, for
// what came next was committed before, the whole unit has to be tried again.

// copying is which of the logs that begin in a unit are copied.
type copying uint8

const (
	newLogs     copying = iota
	settledLogs         // those of which nothing more is to be expected soon
	noLogs
)

// leastCopied is how many logs COPY has to have to be worth a statement of its own.
var leastCopied = 50

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
	isCopied, n := c.copied()
	if n > 0 {
		c.copyLogs(isCopied)
	}
	if n < len(c.logs) {
		c.joinLogs(isCopied, len(c.logs)-n)
	}
}

// copied says of each log whether it is copied, and of how many.
func (c *postgresCommit) copied() (isCopied []bool, n int) {
	isCopied = make([]bool, len(c.logs))
	if c.copying == noLogs {
		return isCopied, 0
	}
	for _, i := range c.added {
		at := c.logOf[i]
		if at < 0 || isCopied[at] || c.Events[i].Type != domain.Reception {
			continue
		}
		if c.copying == newLogs || c.logs[at].Decision.Status > domain.Deferred {
			isCopied[at] = true
			n++
		}
	}
	if n < leastCopied {
		clear(isCopied)
		return isCopied, 0
	}
	return isCopied, n
}

func (c *postgresCommit) copyLogs(isCopied []bool) {
	t := &c.newRows
	t.startCopy()
	for i := range c.logs {
		if !isCopied[i] {
			continue
		}
		l := c.logs[i]
		t.copyRow(34)
		t.log(l, c.heardOf(i), c.onDays[i], &c.store.statements)
		if l.Confirmed {
			c.standings[i] = standing{true, l.Decision.Status}
		}
	}
	t.endCopy()
	c.exchange.copyIn(stmtNewLogs, t.buf)
}

// joinLogs joins the n logs that are not copied.
func (c *postgresCommit) joinLogs(isCopied []bool, n int) {
	t, types := &c.logRows, &c.store.statements
	t.startArray(n, types.logRow)
	for i := range c.logs {
		if !isCopied[i] {
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
