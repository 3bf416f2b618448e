package domain

import (
	"fmt"
	"slices"
)

// maxPieces is how many pieces of text a matcher can look for.
const maxPieces = 8192

// pieceSet is a set of pieces by their numbers.
type pieceSet [maxPieces / 64]uint64

func (s *pieceSet) add(piece uint16)      { s[piece/64] |= 1 << (piece % 64) }
func (s *pieceSet) has(piece uint16) bool { return s[piece/64]&(1<<(piece%64)) != 0 }

func (s *pieceSet) meets(o *pieceSet) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

// spans is a list of lists in two arrays.
type spans struct {
	starts []uint32 // one more than there are lists
	values []uint16
}

func (s *spans) of(i int) []uint16 { return s.values[s.starts[i]:s.starts[i+1]] }

func newSpans(lists [][]uint16) spans {
	s := spans{starts: make([]uint32, 1, len(lists)+1)}
	for _, list := range lists {
		s.values = append(s.values, list...)
		s.starts = append(s.starts, uint32(len(s.values)))
	}
	return s
}

// matcher finds pieces of text in one pass (Aho and Corasick, 1975). States are
// numbered by depth, so that the children of one stand together; those near the
// root, where most bytes of a text that matches nothing end up, have whole rows.
type matcher struct {
	pieces  []piece
	class   [256]uint8 // of each byte; 0 is all bytes that no piece has
	classes int
	nodes   []node
	rows    []uint16 // of the first whole states, classes entries each
	whole   uint16
	ends    spans // of each node.out, the pieces that end there
}

// piece is a text to find. Where it begins or ends with a letter the text
// around it must not go on with a letter or digit.
type piece struct {
	length     uint16
	begin, end bool
}

type node struct {
	first    uint16 // child
	fail     uint16 // where the longest proper suffix of this state's text leads
	out      uint16 // 0 is none
	children uint8
	label    uint8 // class of the byte that leads here
}

// wholeDepth is how deep states have whole rows.
const wholeDepth = 2

// newMatcher compiles texts, which are sorted and differ, into one that finds
// the i-th as piece i.
func newMatcher(texts []string) (matcher, error) {
	m := matcher{classes: 1}
	if len(texts) > maxPieces {
		return m, fmt.Errorf("%d pieces of text, want at most %d", len(texts), maxPieces)
	}
	for _, text := range texts {
		m.pieces = append(m.pieces, piece{
			length: uint16(len(text)), begin: isLetter(text[0]), end: isLetter(text[len(text)-1]),
		})
		for i := range len(text) {
			if m.class[text[i]] == 0 {
				m.class[text[i]] = uint8(m.classes)
				m.classes++
			}
		}
	}
	lists, err := m.grow(texts)
	if err != nil {
		return m, err
	}
	m.link(lists)
	m.fill()
	return m, nil
}

// count is how many pieces there are.
func (m *matcher) count() int { return len(m.pieces) }

// grow builds the tree level by level and returns the piece that ends at each
// node. A node is a range of the sorted texts that share its path.
func (m *matcher) grow(texts []string) ([][]uint16, error) {
	type span struct{ from, to int }
	level, depth := []span{{0, len(texts)}}, 0
	m.nodes = make([]node, 1)
	ending := make([][]uint16, 1)
	at := 0
	for ; len(level) > 0; depth++ {
		if depth == wholeDepth+1 {
			m.whole = uint16(at)
		}
		var next []span
		for _, s := range level {
			if s.from < s.to && len(texts[s.from]) == depth {
				ending[at] = []uint16{uint16(s.from)}
				s.from++
			}
			m.nodes[at].first = uint16(len(m.nodes))
			for s.from < s.to {
				b := texts[s.from][depth]
				to := s.from
				for to < s.to && texts[to][depth] == b {
					to++
				}
				next = append(next, span{s.from, to})
				m.nodes = append(m.nodes, node{label: m.class[b]})
				ending = append(ending, nil)
				m.nodes[at].children++
				s.from = to
			}
			at++
		}
		if len(m.nodes) > 1<<16-1 {
			return nil, fmt.Errorf("pieces of text with more than %d different beginnings", 1<<16-1)
		}
		level = next
	}
	if depth <= wholeDepth+1 {
		m.whole = uint16(len(m.nodes))
	}
	m.nodes = slices.Clip(m.nodes)
	return ending, nil
}

// link sets where each state goes when no child fits, and joins what ends there.
func (m *matcher) link(ending [][]uint16) {
	lists := [][]uint16{nil}
	for s := range m.nodes {
		n := &m.nodes[s]
		if s > 0 {
			// The suffix is shorter, so it is done.
			ending[s] = append(ending[s], ending[n.fail]...)
		}
		if len(ending[s]) > 0 {
			n.out = uint16(len(lists))
			lists = append(lists, ending[s])
		}
		for child := n.first; child < n.first+uint16(n.children); child++ {
			if s > 0 {
				m.nodes[child].fail = m.step(n.fail, m.nodes[child].label)
			}
		}
	}
	m.ends = newSpans(lists)
}

// fill makes the whole rows.
func (m *matcher) fill() {
	rows := make([]uint16, int(m.whole)*m.classes)
	for s := range m.whole {
		for c := range m.classes {
			rows[int(s)*m.classes+c] = m.step(s, uint8(c))
		}
	}
	m.rows = rows
}

// step follows the byte's class by children and suffixes alone.
func (m *matcher) step(s uint16, class uint8) uint16 {
	for {
		if child, ok := m.child(s, class); ok {
			return child
		}
		if s == 0 {
			return 0
		}
		s = m.nodes[s].fail
	}
}

func (m *matcher) child(s uint16, class uint8) (uint16, bool) {
	n := &m.nodes[s]
	for child := n.first; child < n.first+uint16(n.children); child++ {
		if m.nodes[child].label == class {
			return child, true
		}
	}
	return 0, false
}

// find adds to found the pieces that stand in a folded text.
func (m *matcher) find(text []byte, found *pieceSet) {
	s := uint16(0)
	for i, b := range text {
		s = m.next(s, m.class[b])
		if out := m.nodes[s].out; out != 0 {
			m.mark(m.ends.of(int(out)), text, i+1, found)
		}
	}
}

// next is step, quick where most texts are: near the root.
func (m *matcher) next(s uint16, class uint8) uint16 {
	for s >= m.whole {
		if child, ok := m.child(s, class); ok {
			return child
		}
		s = m.nodes[s].fail
	}
	return m.rows[int(s)*m.classes+int(class)]
}

// mark adds those of pieces, which end before text[end], that stand alone.
func (m *matcher) mark(pieces []uint16, text []byte, end int, found *pieceSet) {
	for _, number := range pieces {
		p := &m.pieces[number]
		start := end - int(p.length)
		if p.begin && start > 0 && isWord(text[start-1]) || p.end && end < len(text) && isWord(text[end]) {
			continue
		}
		found.add(number)
	}
}
