package sqlstore

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// chunkID orders chunks by the day of their events, then by commit: the day's
// first millisecond (48 bits, 0 for ids without a time), the commit's (48), and
// 32 random ones.
type chunkID [16]byte

func newChunkID(day int64, now time.Time) chunkID {
	var id chunkID
	putMillis(id[0:], day)
	putMillis(id[6:], now.UnixMilli())
	binary.BigEndian.PutUint32(id[12:], rand.Uint32())
	return id
}

// dayOf returns the first millisecond of the day in an event's id, 0 for none.
// Its chunk goes with that day.
func dayOf(id domain.EventID) int64 {
	ms := millisOf(id[:])
	return ms - ms%dayLength
}

func dayStart(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// chunk gathers raw records.
type chunk struct {
	day    int64
	id     chunkID
	n      int
	last   string
	buf    []byte
	blocks []chunkPart // that are full
}

// chunkPart is where the records up to a place end.
type chunkPart struct{ n, bytes int }

// blockSize is how much of a chunk is packed by itself: who asks for a record unpacks
// its block. Of a unit of 870 kB that takes 31 us in place of 266, and packed it has
// 85,700 bytes in place of 82,000; with blocks of half the size 17 us and 91,800.
const blockSize = 128 << 10

// add puts a record at the end and returns its place.
func (c *chunk) add(raw string) int {
	c.buf = binary.AppendUvarint(c.buf, uint64(len(raw)))
	c.buf = append(c.buf, raw...)
	c.last = raw
	c.n++
	if len(c.buf)-c.full().bytes >= blockSize {
		c.blocks = append(c.blocks, chunkPart{c.n, len(c.buf)})
	}
	return c.n - 1
}

// full is where the last full block ends.
func (c *chunk) full() chunkPart {
	if len(c.blocks) == 0 {
		return chunkPart{}
	}
	return c.blocks[len(c.blocks)-1]
}

// chunkSet makes one chunk a day of the events that it is given.
type chunkSet struct {
	now time.Time
	// expected is how many bytes the first chunk has room for from the start.
	expected int

	chunks []*chunk
	spare  [][]byte // buffers that may be used again
	places []chunkPlace
}

// chunkPlace is where an event's record is.
type chunkPlace struct {
	chunk *chunk
	at    int
}

// reset forgets the chunks, whose buffers the next ones use.
func (s *chunkSet) reset(now time.Time) {
	for _, c := range s.chunks {
		if cap(c.buf) <= maxIdleBuffer && len(s.spare) < maxSpare {
			s.spare = append(s.spare, c.buf[:0])
		}
	}
	clear(s.chunks)
	clear(s.places)
	s.now, s.chunks, s.places, s.expected = now, s.chunks[:0], s.places[:0], 0
}

// gather keeps the records of events anew, of those that isNew chooses, or of all
// if it is nil. Then places has where each is.
func (s *chunkSet) gather(now time.Time, events []domain.EmailEvent, isNew []bool) {
	s.reset(now)
	s.expect(events)
	for i := range events {
		var p chunkPlace
		if isNew == nil || isNew[i] {
			p.chunk, p.at = s.place(&events[i])
		}
		s.places = append(s.places, p)
	}
}

const (
	// maxIdleBuffer is the largest buffer that is kept for the next unit.
	maxIdleBuffer = 4 << 20
	// maxSpare is more days than a unit has but for odd ones.
	maxSpare = 4
)

// expect tells how large the records of events are together.
func (s *chunkSet) expect(events []domain.EmailEvent) {
	for i := range events {
		if events[i].Part == 0 {
			s.expected += len(events[i].Raw) + binary.MaxVarintLen32
		}
	}
}

// place keeps the event's record and says where. Parts of one record come one
// after another and keep it once.
func (s *chunkSet) place(e *domain.EmailEvent) (*chunk, int) {
	c := s.ofDay(dayOf(e.ID))
	if e.Part > 0 && c.n > 0 && c.last == e.Raw {
		return c, c.n - 1
	}
	return c, c.add(e.Raw)
}

func (s *chunkSet) ofDay(day int64) *chunk {
	for _, c := range s.chunks {
		if c.day == day {
			return c
		}
	}
	c := &chunk{day: day, id: newChunkID(day, s.now)}
	if n := len(s.spare); n > 0 {
		c.buf, s.spare = s.spare[n-1], s.spare[:n-1]
	}
	c.buf = slices.Grow(c.buf, s.expected) // most units are of one day
	s.expected = 0
	s.chunks = append(s.chunks, c)
	return c
}

// putMillis writes the low 48 bits of ms, the most significant first.
func putMillis(b []byte, ms int64) {
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
}

// millisOf is the inverse of putMillis.
func millisOf(b []byte) int64 {
	return int64(binary.BigEndian.Uint32(b))<<16 | int64(binary.BigEndian.Uint16(b[4:]))
}
