package sqlstore

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// statsStore is what figures are read from.
type statsStore interface {
	dialect() *statsDialect
	// queryStats calls scan with each row.
	queryStats(ctx context.Context, query string, args []any, scan func(scanner) error) error
	// readRolled adds what the roll-up has of the plan, and all that it does not
	// have yet, as of one moment.
	readRolled(ctx context.Context, source *statsSource, a *statsAnswer) error
	// percentilesQuery answers with rows for scanLatency.
	percentilesQuery(q *ports.StatsQuery) (query string, args []any)
}

// statsAnswer sums up what parts of a query are answered with.
type statsAnswer struct {
	*statsPlan
	latencies bool // are wanted
	slots     map[statsSlot]*sums
	names     *symbols
}

// statsSlot is a row's place among others.
type statsSlot struct {
	bucket int64 // its start, in microseconds
	group  ports.Group
}

func (s statsSlot) compare(o statsSlot) int {
	return cmp.Or(cmp.Compare(s.bucket, o.bucket), strings.Compare(s.group[0], o.group[0]), strings.Compare(s.group[1], o.group[1]))
}

func (a *statsAnswer) slot(s statsSlot) *sums {
	sum, ok := a.slots[s]
	if !ok {
		sum = &sums{}
		a.slots[s] = sum
	}
	return sum
}

// slotAt returns the slot of a minute and a group.
func (a *statsAnswer) slotAt(minute int64, g ports.Group) *sums {
	width := int64(a.query.Width / time.Minute)
	return a.slot(statsSlot{floorDiv(minute, width) * width * time.Minute.Microseconds(), g})
}

// addRolled adds a row of the roll-up.
func (a *statsAnswer) addRolled(bucket int64, first, second string, packed []byte) error {
	of := a.facet.dims(first, second)
	var g ports.Group
	for i, by := range a.query.By {
		g[i] = of[slices.Index(statsDimensions[:], by)]
	}
	return a.slotAt(bucket, g).addPacked(packed, a.latencies)
}

// addDelta adds what the roll-up does not have yet, as far as it is asked for.
func (a *statsAnswer) addDelta(t *tally) {
	if t.uncounted || !a.takes(t, a.names) {
		return
	}
	var g ports.Group
	for i, by := range a.query.By {
		g[i] = a.names.texts[t.dims[slices.Index(statsDimensions[:], by)]]
	}
	a.slotAt(t.minute, g).tally(t)
}

// sorted returns the slots in order.
func (a *statsAnswer) sorted() []statsSlot {
	return slices.SortedFunc(maps.Keys(a.slots), statsSlot.compare)
}

// kindCount is a row of events or messages, before its kind has a type.
type kindCount struct {
	bucket time.Time
	group  ports.Group
	kind   string
	count  int64
}

func scanKindCount(row scanner) (kindCount, error) {
	var c kindCount
	err := scanStats(row, &c.bucket, &c.group, &c.kind, &c.count)
	return c, err
}

// countKinds counts what q chooses.
func countKinds(ctx context.Context, s statsStore, source *statsSource, q *ports.StatsQuery) ([]kindCount, error) {
	if choosesNoStats(q) {
		return nil, ctx.Err()
	}
	p := planStats(q, time.Now())
	var rows []kindCount
	add := func(row scanner) error {
		c, err := scanKindCount(row)
		rows = append(rows, c)
		return err
	}
	if len(p.rolled) == 0 {
		query, args := s.dialect().counts(source, q)
		return rows, s.queryStats(ctx, query, args, add)
	}
	a := &statsAnswer{statsPlan: p, slots: map[statsSlot]*sums{}, names: newSymbols()}
	for _, part := range a.parts() {
		query, args := s.dialect().counts(source, &part)
		if err := s.queryStats(ctx, query, args, add); err != nil {
			return nil, err
		}
	}
	for _, c := range rows {
		a.slot(statsSlot{c.bucket.UnixMicro(), c.group}).addKind(c.kind, c.count)
	}
	if err := s.readRolled(ctx, source, a); err != nil {
		return nil, err
	}
	return a.counts(), nil
}

// parts are the queries for what the roll-up does not have. What is committed
// between them and the roll-up's is in both or none, for each has times of its
// own.
func (p *statsPlan) parts() []ports.StatsQuery {
	var parts []ports.StatsQuery
	for _, r := range p.rows {
		part := *p.query
		part.From, part.To, part.Limit = r[0], r[1], 0
		parts = append(parts, part)
	}
	return parts
}

func (a *statsAnswer) counts() []kindCount {
	var rows []kindCount
	for _, s := range a.sorted() {
		kinds := a.slots[s].kinds
		slices.SortFunc(kinds, func(a, b kindSum) int { return strings.Compare(a.kind, b.kind) })
		for _, k := range kinds {
			if k.n > 0 {
				rows = append(rows, kindCount{time.UnixMicro(s.bucket).UTC(), s.group, k.kind, k.n})
			}
		}
	}
	return upTo(a.query.Limit, rows)
}

func upTo[T any](limit int, rows []T) []T {
	if limit > 0 {
		rows = rows[:min(limit, len(rows))]
	}
	return rows
}

func countEvents(ctx context.Context, s statsStore, q *ports.StatsQuery) ([]ports.EventCount, error) {
	rows, err := countKinds(ctx, s, &eventSource, q)
	if err != nil {
		return nil, err
	}
	var list []ports.EventCount
	for _, c := range rows {
		kind, _ := domain.ParseEventType(c.kind)
		list = append(list, ports.EventCount{Bucket: c.bucket, Group: c.group, Type: kind, Count: c.count})
	}
	return list, nil
}

func countMessages(ctx context.Context, s statsStore, q *ports.StatsQuery) ([]ports.MessageCount, error) {
	rows, err := countKinds(ctx, s, &logSource, q)
	if err != nil {
		return nil, err
	}
	var list []ports.MessageCount
	for _, c := range rows {
		list = append(list, ports.MessageCount{Bucket: c.bucket, Group: c.group, Status: c.kind, Count: c.count})
	}
	return list, nil
}

// measureLatencies says of what q chooses how it came through.
func measureLatencies(ctx context.Context, s statsStore, q *ports.StatsQuery) ([]ports.Latency, error) {
	if choosesNoStats(q) {
		return nil, ctx.Err()
	}
	p := planStats(q, time.Now())
	if len(p.rolled) == 0 {
		var rows []ports.Latency
		query, args := s.percentilesQuery(q)
		return rows, s.queryStats(ctx, query, args, func(row scanner) error {
			l, err := scanLatency(row)
			rows = append(rows, l)
			return err
		})
	}
	a := &statsAnswer{statsPlan: p, latencies: true, slots: map[statsSlot]*sums{}, names: newSymbols()}
	for _, part := range a.parts() {
		query, args := s.dialect().passages(&part)
		if err := s.queryStats(ctx, query, args, a.addPassage); err != nil {
			return nil, err
		}
	}
	if err := s.readRolled(ctx, &logSource, a); err != nil {
		return nil, err
	}
	return a.measures(), nil
}

// addPassage adds a row of statsDialect.passages.
func (a *statsAnswer) addPassage(row scanner) error {
	var bucket time.Time
	var group ports.Group
	var t tally
	var attempts, took, isDelivered int64
	err := scanStats(row, &bucket, &group, &t.kind, &attempts, &took, &isDelivered, &t.n)
	t.passage = passageOf(t.kind, attempts, 0, took, isDelivered > 0)
	a.slot(statsSlot{bucket.UnixMicro(), group}).tally(&t)
	return err
}

func (a *statsAnswer) measures() []ports.Latency {
	var rows []ports.Latency
	for _, s := range a.sorted() {
		sum := a.slots[s]
		if n := sum.messages(); n > 0 {
			rows = append(rows, ports.Latency{
				Bucket: time.UnixMicro(s.bucket).UTC(), Group: s.group, Messages: n,
				Tried: sum.tried, Deferred: sum.deferred, Delivered: sum.delivered, AtFirst: sum.atFirst,
				Took: sum.percentiles(),
			})
		}
	}
	return upTo(a.query.Limit, rows)
}
