package application

import (
	"bufio"
	"bytes"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/kumotrail/kumotrail/domain"
)

// found is an event that a log file has: foundBytes of memory.
type found struct {
	id   domain.EventID
	file uint32
	node uint16
	kind domain.EventType
	lost bool // known by what a log hook lost, not by its own record
}

const foundBytes = 24

// append appends the entry as it stands in a Scratch.
func (f *found) append(b []byte) []byte {
	b = append(b, f.id[:]...)
	b = binary.LittleEndian.AppendUint32(b, f.file)
	b = binary.LittleEndian.AppendUint16(b, f.node)
	lost := byte(0)
	if f.lost {
		lost = 1
	}
	return append(b, byte(f.kind), lost)
}

func readFound(b []byte) found {
	return found{
		id: domain.EventID(b[:16]), file: binary.LittleEndian.Uint32(b[16:]), node: binary.LittleEndian.Uint16(b[20:]),
		kind: domain.EventType(b[22]), lost: b[23] != 0,
	}
}

func compareFound(a, b found) int { return bytes.Compare(a.id[:], b.id[:]) }

// names gives each name a number. Safe for concurrent use.
type names struct {
	mu   sync.Mutex
	by   map[string]int
	list []string
}

func (n *names) number(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, ok := n.by[name]
	if !ok {
		if n.by == nil {
			n.by = map[string]int{}
		}
		i = len(n.list)
		n.by[name], n.list = i, append(n.list, name)
	}
	return i
}

// entries sorts what was found: in memory up to a limit, beyond it in runs that
// stand in a scratch.
type entries struct {
	scratch Scratch
	limit   int // entries in memory
	memory  []found
	runs    []run
	written int64
	buf     []byte
}

// run is sorted entries in the scratch.
type run struct{ at, size int64 }

func (e *entries) add(list []found) error {
	e.memory = append(e.memory, list...)
	if e.scratch == nil || len(e.memory) < e.limit {
		return nil
	}
	return e.spill()
}

func (e *entries) spill() error {
	e.sort()
	e.buf = e.buf[:0]
	start := e.written
	for i := range e.memory {
		if e.buf = e.memory[i].append(e.buf); len(e.buf) >= 1<<20 || i == len(e.memory)-1 {
			n, err := e.scratch.Write(e.buf)
			e.written += int64(n)
			if err != nil {
				return fmt.Errorf("keep %d entries aside: %w", len(e.memory), err)
			}
			e.buf = e.buf[:0]
		}
	}
	e.runs = append(e.runs, run{start, e.written - start})
	e.memory = e.memory[:0]
	return nil
}

func (e *entries) sort() { slices.SortFunc(e.memory, compareFound) }

// count is how many there are, copies included.
func (e *entries) count() int64 { return e.written/foundBytes + int64(len(e.memory)) }

// all yields everything in order of id. Copies of an event follow each other.
func (e *entries) all() iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		e.sort()
		sources := cursors{&cursor{memory: e.memory}}
		for _, r := range e.runs {
			sources = append(sources, &cursor{read: bufio.NewReaderSize(io.NewSectionReader(e.scratch, r.at, r.size), 64<<10)})
		}
		sources = slices.DeleteFunc(sources, func(c *cursor) bool { return !c.next() && c.err == nil })
		heap.Init(&sources)
		for len(sources) > 0 {
			c := sources[0]
			if c.err != nil {
				yield(found{}, fmt.Errorf("read entries that were kept aside: %w", c.err))
				return
			}
			if !yield(c.at, nil) {
				return
			}
			if c.next() || c.err != nil {
				heap.Fix(&sources, 0)
			} else {
				heap.Pop(&sources)
			}
		}
	}
}

// cursor stands at an entry of a run or of memory.
type cursor struct {
	memory []found
	read   *bufio.Reader
	at     found
	err    error
	buf    [foundBytes]byte
}

func (c *cursor) next() bool {
	if c.read == nil {
		if len(c.memory) == 0 {
			return false
		}
		c.at, c.memory = c.memory[0], c.memory[1:]
		return true
	}
	switch _, err := io.ReadFull(c.read, c.buf[:]); {
	case errors.Is(err, io.EOF):
		return false
	case err != nil:
		c.err = err
		return false
	}
	c.at = readFound(c.buf[:])
	return true
}

// cursors are a heap, what failed and the least entry first.
type cursors []*cursor

func (c cursors) Len() int { return len(c) }
func (c cursors) Less(i, j int) bool {
	return c[i].err != nil || c[j].err == nil && compareFound(c[i].at, c[j].at) < 0
}
func (c cursors) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *cursors) Push(x any)   { *c = append(*c, x.(*cursor)) }
func (c *cursors) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
