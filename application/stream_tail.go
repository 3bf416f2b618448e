package application

import "slices"

// tail is what came last, as far as it is kept in memory: for those who are a
// little behind. Not safe for concurrent use.
type tail struct {
	start, head uint64 // it has all messages after start up to head
	entries     []*entry
	bytes       int
}

// add takes the newest message. It says whether older ones went for it: down to
// three quarters of the limits, so that it seldom happens.
func (t *tail) add(e *entry, messages, bytes int) (dropped bool) {
	t.entries, t.head = append(t.entries, e), e.Sequence
	t.bytes += len(e.Payload)
	if len(t.entries) <= messages && t.bytes <= bytes {
		return false
	}
	n := 0
	for len(t.entries)-n > messages*3/4 || t.bytes > bytes*3/4 && n < len(t.entries) {
		t.start = t.entries[n].Sequence
		t.bytes -= len(t.entries[n].Payload)
		n++
	}
	t.entries = slices.Delete(t.entries, 0, n)
	return true
}

// after returns what came after a message that is not before start.
func (t *tail) after(sequence uint64) []*entry {
	i, found := slices.BinarySearchFunc(t.entries, sequence, func(e *entry, s uint64) int {
		switch {
		case e.Sequence < s:
			return -1
		case e.Sequence > s:
			return 1
		}
		return 0
	})
	if found {
		i++
	}
	return t.entries[i:]
}
