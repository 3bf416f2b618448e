package sqlstore

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"
)

// facet is a set of dimensions, a bit for each in the order of statsDimensions,
// that a roll-up tells apart. It is stored.
type facet uint8

// Facets of one dimension.
const (
	ofProvider facet = 1 << iota
	ofDomain
	ofTenant
	ofCampaign
	ofEgressSource
	ofCause
)

// level is a width of buckets.
type level struct {
	width  int64   // in minutes; stored
	facets []facet // that have such buckets
	kept   time.Duration
}

// Widths of levels.
const (
	byMinute = 1
	byHour   = 60
	byDay    = 24 * 60
)

const day = 24 * time.Hour

// levels are what is kept, the last as long as what it counts. Others are as
// long as the longest range that anybody asks for with such buckets, and a little.
//
// Every facet costs a row for each of its values in each bucket. So there are few
// of many values: of domains and campaigns no minutes, of domains no pairs, for
// there would be nearly as many as messages, and other pairs of many by day only.
var levels = func() []level {
	minutes := []facet{0, ofProvider, ofTenant, ofEgressSource, ofCause}
	hours := []facet{ofDomain, ofCampaign, ofProvider | ofEgressSource, ofProvider | ofCause, ofEgressSource | ofCause}
	days := []facet{ofProvider | ofTenant, ofProvider | ofCampaign, ofTenant | ofCampaign, ofTenant | ofEgressSource, ofTenant | ofCause}
	hours = append(hours, minutes...)
	return []level{{byMinute, minutes, 8 * day}, {byHour, hours, 33 * day}, {byDay, append(days, hours...), 0}}
}()

// since is the first minute that a level has, the least number without an end.
// Readers rely on a little less, for clocks differ.
func (l *level) since(now time.Time) int64 {
	if l.kept == 0 {
		return math.MinInt64
	}
	return minuteOf(now.Add(-l.kept).UnixMicro())
}

// isKept says whether the level of that width has a facet from a minute on.
func (f facet) isKept(width, from int64, now time.Time) bool {
	for i := range levels {
		if l := &levels[i]; l.width == width {
			return slices.Contains(l.facets, f) && (l.kept == 0 || from >= l.since(now.Add(day/2)))
		}
	}
	return false
}

// facets are all that there are, those of the widest level.
var facets = levels[len(levels)-1].facets

// facetNumbers are facets as a statement has them.
var facetNumbers = func() string {
	var list []string
	for _, f := range facets {
		list = append(list, decimal(int64(f)))
	}
	return strings.Join(list, ", ")
}()

// group returns what a facet tells apart.
func group[T string | symbol](f facet, d *[len(statsDimensions)]T) (a, b T) {
	if f == 0 {
		return a, b
	}
	first := bits.TrailingZeros8(uint8(f))
	if rest := f & (f - 1); rest != 0 {
		b = d[bits.TrailingZeros8(uint8(rest))]
	}
	return d[first], b
}

// dims is the inverse of group.
func (f facet) dims(a, b string) (d [len(statsDimensions)]string) {
	if f != 0 {
		d[bits.TrailingZeros8(uint8(f))] = a
		if rest := f & (f - 1); rest != 0 {
			d[bits.TrailingZeros8(uint8(rest))] = b
		}
	}
	return d
}

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

// rollupRow is what is added to the row of that key.
type rollupRow struct {
	rollupKey
	*sums
}

// rollup collects tallies, and says what that changes in the roll-up of events,
// or in that of messages.
type rollup struct {
	names *symbols
	parts [len(collections)]collected
}

// collections are the dimensions and the least width that tallies are collected
// by. Every facet of a level is within one of them: by all dimensions together
// there would be nearly as many sums as tallies.
var collections = [...]struct {
	of    facet
	width int64
}{
	{ofProvider | ofTenant | ofEgressSource | ofCause, byMinute},
	{ofProvider | ofTenant | ofCampaign, byHour},
	{ofDomain, byHour},
}

// collectionOf is the place of that which has a facet by a width.
func collectionOf(f facet, width int64) int {
	for i, c := range collections {
		if f&^c.of == 0 && c.width <= width {
			return i
		}
	}
	panic("sqlstore: a facet that is not collected") // a mistake in levels
}

// alike is what tallies have in common that no roll-up tells apart.
type alike struct {
	minute int64
	dims   dims
}

type collected struct {
	sums map[alike]*sums
	// The last that was added to: neighbours are often alike.
	last alike
	sum  *sums
}

// newRollups returns one of events and one of messages.
func newRollups() [2]*rollup {
	names := newSymbols()
	return [2]*rollup{newRollup(names), newRollup(names)}
}

func newRollup(names *symbols) *rollup {
	r := &rollup{names: names}
	for i := range r.parts {
		r.parts[i].sums = map[alike]*sums{}
	}
	return r
}

func (r *rollup) add(t *tally) {
	for i := range collections {
		c := &collections[i]
		key := alike{minute: t.minute}
		if c.width != byMinute {
			key.minute = floorDiv(t.minute, c.width) * c.width
		}
		for d := range key.dims {
			if c.of>>d&1 != 0 {
				key.dims[d] = t.dims[d]
			}
		}
		r.parts[i].of(key).tally(t)
	}
}

// of returns the sum of what is alike.
func (c *collected) of(key alike) *sums {
	if c.sum != nil && key == c.last {
		return c.sum
	}
	sum, ok := c.sums[key]
	if !ok {
		sum = &sums{}
		c.sums[key] = sum
	}
	c.last, c.sum = key, sum
	return sum
}

// rows returns what has to be added to which row, in order of their keys.
func (r *rollup) rows(now time.Time) (rows []rollupRow) {
	for i := range levels {
		l := &levels[i]
		for part := range r.parts {
			if c := &r.parts[part]; collections[part].width < l.width {
				c.widen(l.width)
			}
		}
		for _, f := range l.facets {
			rows = r.appendRows(rows, l, f, now)
		}
	}
	slices.SortFunc(rows, func(a, b rollupRow) int { return a.compare(b.rollupKey) })
	return rows
}

// widen makes the buckets as wide as that. They are narrower.
func (c *collected) widen(width int64) {
	wide := collected{sums: make(map[alike]*sums, len(c.sums))}
	for key, s := range c.sums {
		key.minute = floorDiv(key.minute, width) * width
		if sum, ok := wide.sums[key]; ok {
			sum.add(s)
		} else {
			wide.sums[key] = s
		}
	}
	*c = wide
}

// appendRows appends the rows of a facet that change.
func (r *rollup) appendRows(rows []rollupRow, l *level, f facet, now time.Time) []rollupRow {
	type place struct {
		minute int64
		a, b   symbol
	}
	since, sorted := l.since(now), map[place]*sums{}
	for key, s := range r.parts[collectionOf(f, l.width)].sums {
		if key.minute < since {
			continue
		}
		at := place{minute: key.minute}
		at.a, at.b = group(f, (*[len(statsDimensions)]symbol)(&key.dims))
		sum, ok := sorted[at]
		if !ok {
			sum = &sums{}
			sorted[at] = sum
		}
		sum.add(s)
	}
	for at, sum := range sorted {
		if !sum.isZero() {
			rows = append(rows, rollupRow{rollupKey{f, int16(l.width), at.minute, r.names.texts[at.a], r.names.texts[at.b]}, sum})
		}
	}
	return rows
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
		for _, l := range levels {
			if !of.cut.IsZero() {
				old = append(old, bucketsBefore{of.source, l.width, floorDiv(minuteOf(of.cut.UnixMicro()), l.width) * l.width})
			}
		}
	}
	return old
}

// outlived are the buckets that a roll-up no longer needs.
func outlived(source *statsSource, now time.Time) (old []bucketsBefore) {
	for i := range levels {
		if l := &levels[i]; l.kept > 0 {
			old = append(old, bucketsBefore{source, l.width, l.since(now)})
		}
	}
	return old
}
