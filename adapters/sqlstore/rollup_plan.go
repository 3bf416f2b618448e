package sqlstore

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// minutes is a range of whole minutes of the Unix epoch, from one to before
// another. The least and the greatest number are open ends.
type minutes struct{ from, below int64 }

func (m minutes) isEmpty() bool { return m.from >= m.below }

// inner returns the whole buckets of the width that m has.
func (m minutes) inner(width int64) minutes {
	if m.from != math.MinInt64 {
		m.from = -floorDiv(-m.from, width) * width
	}
	if m.below != math.MaxInt64 {
		m.below = floorDiv(m.below, width) * width
	}
	return m
}

// stretch is a range of buckets of one width.
type stretch struct {
	width int64
	minutes
}

// statsPlan says how a query is answered: in one part from a roll-up, and in the
// other, of which there may be much, little or nothing, from all rows.
type statsPlan struct {
	query  *ports.StatsQuery
	facet  facet
	rolled []stretch
	rows   [][2]time.Time // ranges, an end that is zero is open
}

// planStats finds out what a roll-up has of q: of wide buckets what the range
// has whole, of narrow ones what is left at its ends.
func planStats(q *ports.StatsQuery, now time.Time) *statsPlan {
	p := &statsPlan{query: q}
	whole := minutes{minuteCeil(q.From, math.MinInt64), minuteFloor(q.To, math.MaxInt64)}
	var known bool
	p.facet, known = facetOf(q)
	if !known || q.Width%time.Minute != 0 || whole.isEmpty() {
		p.rows = [][2]time.Time{{q.From, q.To}}
		return p
	}
	width := int64(q.Width / time.Minute)
	for _, w := range []int64{byDay, byHour, byMinute} {
		if width%w == 0 {
			p.cover(whole, w, now)
			break
		}
	}
	p.rows = append(p.rows, partsOfMinutes(q, whole)...)
	p.joinRows()
	return p
}

// facetOf returns the smallest facet that tells apart what q does.
func facetOf(q *ports.StatsQuery) (facet, bool) {
	var f facet
	for i, d := range statsDimensions {
		if slices.Contains(q.By, d) || chosen(q, d) != "" {
			f |= 1 << i
		}
	}
	return f, slices.Contains(facets, f)
}

// chosen returns what q wants of a dimension, "" for anything.
func chosen(q *ports.StatsQuery, d ports.Dimension) string {
	switch d {
	case ports.ByProvider:
		return q.Provider
	case ports.ByDomain:
		return strings.ToLower(q.Domain)
	case ports.ByTenant:
		return q.Tenant
	case ports.ByCampaign:
		return q.Campaign
	}
	return ""
}

func minuteCeil(t time.Time, none int64) int64 {
	if t.IsZero() {
		return none
	}
	return -minuteOf(-ceilMicro(t))
}

func minuteFloor(t time.Time, none int64) int64 {
	if t.IsZero() {
		return none
	}
	return minuteOf(ceilMicro(t))
}

// cover takes whole buckets of a width, and what is left from narrower ones, or
// in the end from rows.
func (p *statsPlan) cover(m minutes, width int64, now time.Time) {
	if m.isEmpty() {
		return
	}
	inner := m.inner(width)
	switch {
	case !inner.isEmpty() && p.facet.isKept(width, inner.from, now):
		p.cover(minutes{m.from, inner.from}, narrower[width], now)
		p.rolled = append(p.rolled, stretch{width, inner})
		p.cover(minutes{inner.below, m.below}, narrower[width], now)
	case width == byMinute:
		p.rows = append(p.rows, [2]time.Time{startOf(m.from), startOf(m.below)})
	default:
		p.cover(m, narrower[width], now)
	}
}

var narrower = map[int64]int64{byDay: byHour, byHour: byMinute}

// startOf returns when a minute begins, zero for an open end.
func startOf(minute int64) time.Time {
	if minute == math.MinInt64 || minute == math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMicro(minute * time.Minute.Microseconds()).UTC()
}

// partsOfMinutes are what the range has besides whole minutes.
func partsOfMinutes(q *ports.StatsQuery, whole minutes) (parts [][2]time.Time) {
	if first := startOf(whole.from); q.From.Before(first) {
		parts = append(parts, [2]time.Time{q.From, first})
	}
	if last := startOf(whole.below); !last.IsZero() && last.Before(q.To) {
		parts = append(parts, [2]time.Time{last, q.To})
	}
	return parts
}

// joinRows makes one range of those that touch.
func (p *statsPlan) joinRows() {
	slices.SortFunc(p.rows, func(a, b [2]time.Time) int { return a[0].Compare(b[0]) })
	joined := p.rows[:0]
	for _, r := range p.rows {
		if n := len(joined); n > 0 && joined[n-1][1].Equal(r[0]) && !r[0].IsZero() {
			joined[n-1][1] = r[1]
		} else {
			joined = append(joined, r)
		}
	}
	p.rows = joined
}

// takes says whether a tally is of what the roll-up's part is about.
func (p *statsPlan) takes(t *tally, names *symbols) bool {
	inside := slices.ContainsFunc(p.rolled, func(s stretch) bool { return s.from <= t.minute && t.minute < s.below })
	for i := 0; inside && i < len(statsDimensions); i++ {
		want := chosen(p.query, statsDimensions[i])
		inside = want == "" || want == names.texts[t.dims[i]]
	}
	return inside
}

// wanted returns what the query wants of the roll-up's columns a and b, "" for
// anything.
func (p *statsPlan) wanted() (a, b string) {
	var want [len(statsDimensions)]string
	for i, d := range statsDimensions {
		want[i] = chosen(p.query, d)
	}
	return group(p.facet, &want)
}
