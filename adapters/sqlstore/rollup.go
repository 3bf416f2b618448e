package sqlstore

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// facet is a set of dimensions, a bit for each in the order of statsDimensions,
// that a roll-up tells apart. It is stored.
type facet uint8

// facets are all that are kept: the whole, each dimension, and each pair but
// those with the domain, of which there would be nearly as many as messages.
var facets = func() []facet {
	list := []facet{0}
	for f := facet(1); f < 1<<len(statsDimensions); f++ {
		if f.size() == 1 || f.size() == 2 && f&(1<<domainPlace) == 0 {
			list = append(list, f)
		}
	}
	return list
}()

// facetNumbers are facets as a statement has them.
var facetNumbers = func() string {
	var list []string
	for _, f := range facets {
		list = append(list, decimal(int64(f)))
	}
	return strings.Join(list, ", ")
}()

func (f facet) size() int { return bits.OnesCount8(uint8(f)) }

// hasMinutes says whether the facet is kept for each minute. Of pairs there
// would be as many as messages.
func (f facet) hasMinutes() bool { return f.size() <= 1 }

// group returns what the facet tells apart.
func (f facet) group(d *dims) (a, b string) {
	if f == 0 {
		return "", ""
	}
	first := bits.TrailingZeros8(uint8(f))
	if rest := f & (f - 1); rest != 0 {
		b = d[bits.TrailingZeros8(uint8(rest))]
	}
	return d[first], b
}

// dims is the inverse of group.
func (f facet) dims(a, b string) (d dims) {
	if f != 0 {
		d[bits.TrailingZeros8(uint8(f))] = a
		if rest := f & (f - 1); rest != 0 {
			d[bits.TrailingZeros8(uint8(rest))] = b
		}
	}
	return d
}

// Widths of buckets in minutes. They are stored.
const (
	byMinute = 1
	byHour   = 60
	byDay    = 24 * 60
)

// minutesKept is how long roll-ups have each minute. Readers rely on a little
// less, for clocks differ.
const (
	minutesKept   = 8 * 24 * time.Hour
	minutesUsable = minutesKept - 12*time.Hour
)

// rollupKey is the key of a row of a roll-up.
type rollupKey struct {
	facet  facet
	width  int16
	bucket int64 // its start, in minutes of the Unix epoch
	a, b   string
}

func (k rollupKey) compare(o rollupKey) int {
	return cmp.Or(cmp.Compare(k.facet, o.facet), cmp.Compare(k.width, o.width), cmp.Compare(k.bucket, o.bucket),
		cmp.Compare(k.a, o.a), cmp.Compare(k.b, o.b))
}

// rollup collects tallies, and says what that changes in the roll-up of events,
// or in that of messages.
type rollup struct {
	alike map[alike]*sums
	// The last that was added to: neighbours are often alike.
	key  alike
	sums *sums
}

// alike is what tallies have in common that no roll-up tells apart.
type alike struct {
	minute int64
	dims   dims
}

func newRollup() *rollup { return &rollup{alike: map[alike]*sums{}} }

func (r *rollup) add(t *tally) {
	if key := (alike{t.minute, t.dims}); r.sums == nil || key != r.key {
		s, ok := r.alike[key]
		if !ok {
			s = &sums{}
			r.alike[key] = s
		}
		r.key, r.sums = key, s
	}
	r.sums.tally(t)
}

// rows returns what has to be added to which row, in order of their keys. For
// minutes before since there are none.
func (r *rollup) rows(since time.Time) (keys []rollupKey, rows map[rollupKey]*sums) {
	rows = map[rollupKey]*sums{}
	for key, s := range r.alike {
		if s.isZero() {
			continue
		}
		for _, f := range facets {
			width := int64(byHour)
			if f.hasMinutes() {
				width = byMinute
			}
			a, b := f.group(&key.dims)
			addRow(rows, rollupKey{f, int16(width), floorDiv(key.minute, width) * width, a, b}, s)
		}
	}
	widen(rows, byMinute, byHour)
	widen(rows, byHour, byDay)
	first := minuteOf(since.UnixMicro())
	for key, s := range rows {
		if s.isZero() || key.width == byMinute && key.bucket < first {
			delete(rows, key)
			continue
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, rollupKey.compare)
	return keys, rows
}

// widen adds the rows of one width to those of another.
func widen(rows map[rollupKey]*sums, from, to int16) {
	wide := map[rollupKey]*sums{}
	for key, s := range rows {
		if key.width == from {
			key.width, key.bucket = to, floorDiv(key.bucket, int64(to))*int64(to)
			addRow(wide, key, s)
		}
	}
	for key, s := range wide {
		addRow(rows, key, s)
	}
}

func addRow(rows map[rollupKey]*sums, key rollupKey, s *sums) {
	sum, ok := rows[key]
	if !ok {
		sum = &sums{}
		rows[key] = sum
	}
	sum.add(s)
}

// bucketsBefore are those of a width that begin before a minute.
type bucketsBefore struct {
	source       *statsSource
	width, below int64
}

// oldBuckets are those that end before the cut-offs, of which a zero one lets go
// of nothing.
func oldBuckets(events, logs time.Time) (old []bucketsBefore) {
	for _, of := range []struct {
		source *statsSource
		cut    time.Time
	}{{&eventSource, events}, {&logSource, logs}} {
		for _, width := range []int64{byMinute, byHour, byDay} {
			if !of.cut.IsZero() {
				old = append(old, bucketsBefore{of.source, width, floorDiv(minuteOf(of.cut.UnixMicro()), width) * width})
			}
		}
	}
	return old
}
