package domain

import (
	"fmt"
	"slices"
	"strings"
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

// matcher finds pieces of text in one pass (Aho and Corasick, 1975). Its states
// are the beginnings of pieces, as far as several share them or one is told by
// them; what is left of that one is compared where its beginning is found, which
// takes a quarter of the states. They are numbered by length, so that the
// children of one stand together; those near the root, where most bytes of a
// text that matches nothing end up, have whole rows.
type matcher struct {
	texts   string // of all pieces, one after the other
	pieces  []piece
	class   [256]uint8 // of each byte; 0 is all bytes that no piece has
	classes int
	nodes   []node
	rows    []uint16 // of the first whole states, classes entries each
	whole   uint16
	ends    spans // of each node.out, the pieces whose beginnings end there
}

// piece is a text to find. Where it begins or ends with a letter the text
// around it must not go on with a letter or digit.
type piece struct {
	at        uint32 // where in texts
	length    uint16
	beginning uint16 // length of what its state stands for
	begin     bool   // with a letter
	end       bool
}

type node struct {
	first    uint16 // child
	fail     uint16 // where the longest proper suffix of this state's text leads
	out      uint16 // 0 is none
	children uint8
	label    uint8 // class of the byte that leads here
}

// wholeDepth is how long beginnings may be whose states have whole rows.
const wholeDepth = 2

// newMatcher compiles texts, which are sorted and differ, into one that finds
// the i-th as piece i.
func newMatcher(texts []string) (matcher, error) {
	m := matcher{classes: 1, texts: strings.Join(texts, ""), pieces: make([]piece, 0, len(texts))}
	if len(texts) > maxPieces {
		return m, fmt.Errorf("%d pieces of text, want at most %d", len(texts), maxPieces)
	}
	at := uint32(0)
	for _, text := range texts {
		m.pieces = append(m.pieces, piece{
			at: at, length: uint16(len(text)), begin: isLetter(text[0]), end: isLetter(text[len(text)-1]),
		})
		at += uint32(len(text))
		for i := range len(text) {
			if m.class[text[i]] == 0 {
				m.class[text[i]] = uint8(m.classes)
				m.classes++
			}
		}
	}
	ending, err := m.grow(texts)
	if err != nil {
		return m, err
	}
	m.link(ending)
	m.fill()
	return m, nil
}

// count is how many pieces there are.
func (m *matcher) count() int { return len(m.pieces) }

// noPiece is where no piece's beginning ends.
const noPiece = maxPieces

// branch is the sorted texts that share the beginning of a state.
type branch struct{ from, to int }

// grow builds the tree level by level and returns the piece whose beginning ends
// at each node.
func (m *matcher) grow(texts []string) ([]uint16, error) {
	m.nodes = make([]node, 1, 4*len(texts)+1)
	ending := make([]uint16, 1, 4*len(texts)+1)
	ending[0] = noPiece
	level, next := []branch{{0, len(texts)}}, []branch(nil)
	at := 0
	for depth := 0; len(level) > 0; depth++ {
		next = next[:0]
		for _, b := range level {
			if b.to > b.from && depth > 0 && (b.to == b.from+1 || len(texts[b.from]) == depth) {
				ending[at] = uint16(b.from)
				m.pieces[b.from].beginning = uint16(depth)
				b.from++
			}
			m.nodes[at].first = uint16(len(m.nodes))
			for b.from < b.to {
				child := branch{b.from, b.from + 1}
				first := texts[b.from][depth]
				for child.to < b.to && texts[child.to][depth] == first {
					child.to++
				}
				next = append(next, child)
				m.nodes = append(m.nodes, node{label: m.class[first]})
				ending = append(ending, noPiece)
				m.nodes[at].children++
				b.from = child.to
			}
			at++
		}
		if depth <= wholeDepth {
			m.whole = uint16(at)
		}
		if len(m.nodes) >= 1<<16 {
			return nil, fmt.Errorf("pieces of text with %d different beginnings, want fewer than %d", len(m.nodes), 1<<16)
		}
		level, next = next, level
	}
	m.nodes = slices.Clone(m.nodes)
	return ending, nil
}

// link sets where each state goes when no child fits, and lists what ends there.
func (m *matcher) link(ending []uint16) {
	m.ends.starts = []uint32{0, 0}
	for s := range m.nodes {
		n := &m.nodes[s]
		own := len(m.ends.values)
		if ending[s] != noPiece {
			m.ends.values = append(m.ends.values, ending[s])
		}
		// The suffix is shorter, so it is done.
		m.ends.values = append(m.ends.values, m.ends.of(int(m.nodes[n.fail].out))...)
		if len(m.ends.values) > own {
			n.out = uint16(len(m.ends.starts) - 1)
			m.ends.starts = append(m.ends.starts, uint32(len(m.ends.values)))
		}
		for child := n.first; child < n.first+uint16(n.children); child++ {
			if s > 0 {
				m.nodes[child].fail = m.step(n.fail, m.nodes[child].label)
			}
		}
	}
	m.ends.values, m.ends.starts = slices.Clone(m.ends.values), slices.Clone(m.ends.starts)
}

// fill makes the whole rows: that of the suffix, with the children's own.
func (m *matcher) fill() {
	m.rows = make([]uint16, int(m.whole)*m.classes)
	for s := range int(m.whole) {
		n, row := &m.nodes[s], m.rows[s*m.classes:(s+1)*m.classes]
		if s > 0 {
			copy(row, m.rows[int(n.fail)*m.classes:])
		}
		for child := n.first; child < n.first+uint16(n.children); child++ {
			row[m.nodes[child].label] = child
		}
	}
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

// mark adds those of pieces, whose beginnings end before text[end], that are there
// and stand alone.
func (m *matcher) mark(pieces []uint16, text []byte, end int, found *pieceSet) {
	for _, number := range pieces {
		p := &m.pieces[number]
		start := end - int(p.beginning)
		after := start + int(p.length)
		if after > len(text) ||
			p.begin && start > 0 && isWord(text[start-1]) ||
			p.end && after < len(text) && isWord(text[after]) {
			continue
		}
		rest := m.texts[p.at+uint32(p.beginning) : p.at+uint32(p.length)]
		if string(text[end:after]) == rest {
			found.add(number)
		}
	}
}
