package sqlstore

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/DataDog/sketches-go/ddsketch/store"

	"github.com/kumotrail/kumotrail/ports"
)

// sums are what a roll-up knows of one bucket and group. Sums of parts add up to
// those of the whole.
type sums struct {
	kinds []kindSum // events by type, or messages by status
	// Of messages.
	tried, deferred, delivered, atFirst int64
	took                                []tookSum // delivered ones, in order of their indexes
}

// tookSum is the number of those of one latencyIndex.
type tookSum struct {
	index int32
	n     int64
}

// kindSum is the number of one kind. There are few kinds, and mostly one or two
// in a sum: a list is faster than a map.
type kindSum struct {
	kind string
	n    int64
}

func (s *sums) addKind(kind string, n int64) {
	for i := range s.kinds {
		if s.kinds[i].kind == kind {
			s.kinds[i].n += n
			return
		}
	}
	s.kinds = append(s.kinds, kindSum{kind, n})
}

func (s *sums) addTook(index int32, n int64) {
	at := len(s.took)
	if at > 0 && s.took[at-1].index >= index {
		at, _ = slices.BinarySearchFunc(s.took, index, func(t tookSum, index int32) int { return cmp.Compare(t.index, index) })
	}
	if at < len(s.took) && s.took[at].index == index {
		s.took[at].n += n
	} else {
		s.took = slices.Insert(s.took, at, tookSum{index, n})
	}
}

func (s *sums) tally(t *tally) {
	s.addKind(t.kind, t.n)
	if t.tried {
		s.tried += t.n
	}
	if t.deferred {
		s.deferred += t.n
	}
	if t.atFirst {
		s.atFirst += t.n
	}
	if t.delivered {
		s.delivered += t.n
		s.addTook(t.took, t.n)
	}
}

func (s *sums) add(o *sums) {
	for _, k := range o.kinds {
		s.addKind(k.kind, k.n)
	}
	s.tried += o.tried
	s.deferred += o.deferred
	s.delivered += o.delivered
	s.atFirst += o.atFirst
	for _, t := range o.took {
		s.addTook(t.index, t.n)
	}
}

// isZero says whether adding s changes nothing.
func (s *sums) isZero() bool {
	for _, k := range s.kinds {
		if k.n != 0 {
			return false
		}
	}
	for _, t := range s.took {
		if t.n != 0 {
			return false
		}
	}
	return s.tried == 0 && s.deferred == 0 && s.delivered == 0 && s.atFirst == 0
}

// packTo appends s to b: the kinds, the four sums, and the latencies in order of
// their indexes, each as its distance to the one before. What is zero is left
// out.
func (s *sums) packTo(b []byte) []byte {
	s.kinds = slices.DeleteFunc(s.kinds, func(k kindSum) bool { return k.n == 0 })
	s.took = slices.DeleteFunc(s.took, func(t tookSum) bool { return t.n == 0 })
	b = binary.AppendUvarint(b, uint64(len(s.kinds)))
	for _, k := range s.kinds {
		b = binary.AppendVarint(appendText(b, k.kind), k.n)
	}
	for _, n := range []int64{s.tried, s.deferred, s.delivered, s.atFirst} {
		b = binary.AppendVarint(b, n)
	}
	before := int32(0)
	for _, t := range s.took {
		b = binary.AppendVarint(b, int64(t.index-before))
		b = binary.AppendVarint(b, t.n)
		before = t.index
	}
	return b
}

// addPacked adds what packTo has packed. The latencies are left out unless they
// are wanted.
func (s *sums) addPacked(b []byte, latencies bool) error {
	r := unpacker{b: b}
	for range r.length() {
		kind := r.text()
		s.addKind(kind, r.int())
	}
	for _, sum := range []*int64{&s.tried, &s.deferred, &s.delivered, &s.atFirst} {
		*sum += r.int()
	}
	index := int32(0)
	for latencies && len(r.b) > 0 {
		index += int32(r.int())
		s.addTook(index, r.int())
	}
	return r.err()
}

// messages is the number of all messages.
func (s *sums) messages() int64 {
	var all int64
	for _, k := range s.kinds {
		all += k.n
	}
	return all
}

// percentiles returns those of the latencies by nearest rank.
func (s *sums) percentiles() (took [len(ports.Percentiles)]int64) {
	counts := store.NewDenseStore()
	for _, t := range s.took {
		if t.n > 0 {
			counts.AddWithCount(int(t.index), float64(t.n))
		}
	}
	all := int64(counts.TotalCount())
	if all == 0 {
		return took
	}
	for i, p := range ports.Percentiles {
		rank := (all*int64(p)+99)/100 - 1
		took[i] = latencyOf(int32(counts.KeyAtRank(float64(rank))))
	}
	return took
}
