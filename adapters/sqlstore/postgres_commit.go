package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// passingTries is how often a transaction is tried that others' keep from
// succeeding.
const passingTries = 8

// Commit implements ports.Journal in one transaction and, where all events are
// new, one round trip.
func (s *Postgres) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	c := postgresCommits.Get().(*postgresCommit)
	defer postgresCommits.Put(c)
	c.start(s, u)
	defer c.forget()
	if err := s.commit(ctx, c); err != nil {
		return ports.Committed{}, postgresError("commit", err)
	}
	return c.committed(), nil
}

func (s *Postgres) commit(ctx context.Context, c *postgresCommit) error {
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := s.state.err(); err != nil {
		return err
	}
	for tries := 1; ; tries++ {
		err := s.try(ctx, c)
		if isMissingDay(err) {
			err = s.withDays(ctx, c.days(), func() error { return s.try(ctx, c) })
		}
		switch {
		case isDuplicate(err, eventTable):
			// Ends, for each time another writer has committed an event of ours.
			c.look = true
		case isDuplicate(err, logTable) && c.copying != noLogs:
			s.cfg.Log.Debug("log was there before its reception: unit is tried again", slog.Int("logs", len(c.logs)))
			s.caution.take()
			c.copying = noLogs
		case (isPassing(err) || isMissingDay(err)) && tries < passingTries:
			c.copying = noLogs // see write
		default:
			return err
		}
	}
}

func (s *Postgres) try(ctx context.Context, c *postgresCommit) error {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if err = c.run(ctx, conn.Conn()); spoilsConnection(err) {
		_ = conn.Conn().Close(ctx)
	}
	return err
}

// expectation remembers whether the last unit had events that were known: then
// the next one is looked up first, for a COPY that fails has written most of
// what it was given, and a sender that repeats itself repeats much.
type expectation struct{ known atomic.Bool }

// postgresCommit is a unit on its way. Its buffers are used again.
type postgresCommit struct {
	*unit
	store   *Postgres
	now     time.Time
	look    bool // for what is known, before anything is written
	copying copying

	isCopied  []bool // of the logs
	copied    int    // how many are
	isNew     []bool
	added     []int32    // new events in order of their ids
	standings []standing // of the logs
	outboxID  int64

	exchange   pgExchange
	eventRows  pgTuples
	newRows    pgTuples
	logRows    pgTuples
	rejectRows pgTuples
	rareRows   pgTuples
	tallies    tallyPacker
	messages   messagePacker
	chunks     chunkSet
	packed     []byte
	ids        []byte
}

var postgresCommits = sync.Pool{New: func() any { return new(postgresCommit) }}

func (c *postgresCommit) start(s *Postgres, u ports.Unit) {
	c.store, c.now = s, time.Now()
	if c.look = s.resent.known.Load(); !c.look {
		// Most likely all are new. Events have their texts from their records, so this
		// comes first: copying goes through that memory in order, reading does not.
		c.chunks.gather(c.now, u.Events, nil)
	}
	c.unit = newUnit(u)
	c.copying = s.caution.next()
}

// forget lets go of the unit's memory. Any text of it would keep the whole body.
func (c *postgresCommit) forget() {
	c.tallies.reset()
	c.messages.reset()
	for _, b := range []*[]byte{&c.exchange.buf, &c.eventRows.buf, &c.newRows.buf, &c.logRows.buf, &c.rejectRows.buf,
		&c.rareRows.buf, &c.tallies.buf, &c.messages.buf, &c.messages.list, &c.packed, &c.ids} {
		if cap(*b) > maxIdleBuffer {
			*b = nil
		}
	}
	c.release()
	c.unit, c.store, c.isNew, c.added, c.isCopied, c.standings = nil, nil, nil, nil, nil, nil
	c.chunks.reset(time.Time{})
	clear(c.exchange.rows)
}

func (c *postgresCommit) committed() ports.Committed {
	done := ports.Committed{New: c.isNew}
	if c.outboxID != 0 {
		done.Announcement.ID = ports.AnnouncementID(c.outboxID)
		done.Announcement.Events = c.announced(c.isNew, len(c.added), c.standings)
	}
	return done
}

func (c *postgresCommit) run(ctx context.Context, conn *pgx.Conn) error {
	if err := c.store.statements.prepare(ctx, conn); err != nil {
		return err
	}
	known := map[domain.EventID]bool{}
	if c.look && len(c.firsts) > 0 {
		if err := c.findKnown(ctx, conn, known); err != nil {
			return err
		}
	}
	c.store.resent.known.Store(len(known) > 0)
	c.isNew, c.added = c.newOf(known)
	return c.write(ctx, conn)
}

func (c *postgresCommit) findKnown(ctx context.Context, conn *pgx.Conn, known map[domain.EventID]bool) error {
	x := &c.exchange
	x.reset()
	n := len(c.firsts)
	least, greatest := c.Events[c.firsts[0]].ID, c.Events[c.firsts[n-1]].ID
	x.exec(stmtKnown, func(values [][]byte) { known[domain.EventID(values[0])] = true },
		c.idArray(), least[:], greatest[:])
	return x.run(ctx, conn)
}

// write is one transaction. All writers touch events before rejects before logs,
// each in order of keys: so none waits for one that waits for it. But logs that are
// copied come before those that are joined: two units that each begin a message of
// which the other has more could wait for each other. PostgreSQL then ends one of
// them, which is tried again with all its logs in order.
func (c *postgresCommit) write(ctx context.Context, conn *pgx.Conn) error {
	x := &c.exchange
	x.reset()
	c.outboxID = 0
	c.chooseCopied()
	if len(c.added) > 0 {
		c.addEvents()
		c.tally()
		c.announce()
	}
	if len(c.Rejects) > 0 {
		c.quarantine()
	}
	if len(c.logs) > 0 {
		c.writeLogs()
	}
	if len(x.rows) == 0 {
		return ctx.Err()
	}
	return x.run(ctx, conn)
}

func (c *postgresCommit) addEvents() {
	if c.look || len(c.added) < len(c.Events) {
		c.chunks.gather(c.now, c.Events, c.isNew)
	}
	c.eventRows.startCopy()
	for _, i := range c.added {
		key, ok := c.messageKey(i)
		p := &c.chunks.places[i]
		c.eventRows.event(&c.Events[i], key, ok, p.chunk.id, p.at)
	}
	c.eventRows.endCopy()
	c.exchange.copyIn(stmtEvents, c.eventRows.buf)
	for _, ch := range c.chunks.chunks {
		c.packed = c.store.packer.packChunk(c.packed[:0], ch)
		c.exchange.exec(stmtChunk, nil, ch.id[:], c.packed)
	}
}

// tally notes what the new events add to the figures, and the logs that are copied to
// figures and lists. What others change is noted by triggers, who alone know what they
// were.
func (c *postgresCommit) tally() {
	c.tallies.reset()
	for _, i := range c.added {
		c.tallies.add(&c.Events[i])
	}
	c.messages.reset()
	for i, l := range c.logs {
		if c.isCopied[i] {
			c.messages.add(l)
		}
	}
	events, messages := c.tallies.packed(), c.messages.packed()
	if events != nil || messages != nil {
		c.exchange.exec(stmtTallies, nil, events, messages)
	}
}

func (c *postgresCommit) announce() {
	c.ids = c.ids[:0]
	for i := range c.Events {
		if c.isNew[i] {
			c.ids = append(c.ids, c.Events[i].ID[:]...)
		}
	}
	hold := binary.BigEndian.AppendUint64(nil, uint64(max(0, c.Hold.Microseconds())))
	c.exchange.exec(stmtOutbox, func(values [][]byte) {
		c.outboxID = int64(binary.BigEndian.Uint64(values[0]))
	}, c.ids, hold)
}

func (c *postgresCommit) quarantine() {
	byID := make([]int, len(c.Rejects))
	ids := make([]domain.QuarantineID, len(c.Rejects))
	for i := range c.Rejects {
		byID[i], ids[i] = i, c.Rejects[i].ID()
	}
	slices.SortFunc(byID, func(a, b int) int { return bytes.Compare(ids[a][:], ids[b][:]) })
	t := &c.rejectRows
	t.startArray(len(c.Rejects), c.store.statements.rejectRow)
	for _, i := range byID {
		t.reject(&c.Rejects[i], c.store.packer.pack([]byte(c.Rejects[i].Raw)))
	}
	c.exchange.exec(stmtRejects, nil, t.buf)
}

// idArray returns the unit's distinct ids as a uuid[].
func (c *postgresCommit) idArray() []byte {
	var t pgTuples
	t.startArray(len(c.firsts), pgtype.UUIDOID)
	for _, i := range c.firsts {
		t.uuid(c.Events[i].ID)
	}
	return t.buf
}
