package application

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// askedAtOnce is how many ids the store is asked for together.
const askedAtOnce = 1000

// comparedEvery is after how many events the watcher is told.
const comparedEvery = 1 << 16

func compareIDs(a, b domain.EventID) int { return bytes.Compare(a[:], b[:]) }

// compare walks through both sides in order of ids. Events without a time, which
// are rare, are asked for one by one.
func (r *auditing) compare(ctx context.Context) error {
	from, to := r.bounds()
	nextStored, stop := iter.Pull2(r.ids(ctx, from, to))
	defer stop()
	stored, err, more := nextStored()
	if err != nil {
		return err
	}
	only := onlyStored{auditing: r}
	undated := []found{}
	n := int64(0)
	for f, err := range r.events() {
		if err != nil {
			return err
		}
		if n++; n%comparedEvery == 0 {
			r.watcher.Compared(n, r.found.count())
		}
		if _, dated := f.id.Time(); !dated {
			undated = append(undated, f)
			if undated, err = r.askUndated(ctx, undated, askedAtOnce); err != nil {
				return err
			}
			continue
		}
		for more && compareIDs(stored, f.id) < 0 {
			if err := only.add(ctx, stored); err != nil {
				return err
			}
			if stored, err, more = nextStored(); err != nil {
				return err
			}
		}
		isStored := more && stored == f.id
		r.count(&f, isStored)
		if isStored {
			if stored, err, more = nextStored(); err != nil {
				return err
			}
		}
	}
	for more {
		if err := only.add(ctx, stored); err != nil {
			return err
		}
		if stored, err, more = nextStored(); err != nil {
			return err
		}
	}
	if _, err := r.askUndated(ctx, undated, 1); err != nil {
		return err
	}
	r.watcher.Compared(n, n)
	return only.ask(ctx)
}

// bounds are the times of all that was found.
func (r *auditing) bounds() (from, to time.Time) {
	first := true
	for _, s := range r.spans {
		if f, l := time.UnixMilli(s.first), time.UnixMilli(s.last+1); first {
			from, to, first = f, l, false
		} else {
			if f.Before(from) {
				from = f
			}
			if l.After(to) {
				to = l
			}
		}
	}
	return from.UTC(), to.UTC()
}

// events yields each event that was found once, in order of id.
func (r *auditing) events() iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		var last found
		has := false
		for f, err := range r.found.all() {
			switch {
			case err != nil:
				yield(f, err)
				return
			case has && f.id == last.id:
				r.report.Copies++
				if last.lost { // the record itself says more
					last = f
				}
				continue
			case has && !yield(last, nil):
				return
			}
			last, has = f, true
		}
		if has {
			yield(last, nil)
		}
	}
}

// count counts an event of the files.
func (r *auditing) count(f *found, isStored bool) {
	row := r.row(f.node, f.id)
	row.Files++
	r.report.Events++
	if isStored {
		return
	}
	row.OnlyFiles++
	r.report.OnlyFiles++
	file := r.files.list[f.file]
	r.report.missing(file)
	if len(r.report.Missing) < r.config.Examples {
		at, _ := f.id.Time()
		r.report.Missing = append(r.report.Missing, MissingEvent{
			ID: f.id, Type: f.kind, At: at, Node: r.nodes.list[f.node], File: file, LostByHook: f.lost,
		})
	}
}

// askUndated asks the store for events if there are that many, and returns those
// that are left to be asked for.
func (r *auditing) askUndated(ctx context.Context, list []found, least int) ([]found, error) {
	if len(list) < least {
		return list, nil
	}
	ids := make([]domain.EventID, len(list))
	for i := range list {
		ids[i] = list[i].id
	}
	known, err := r.known(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range list {
		_, isStored := known[list[i].id]
		r.count(&list[i], isStored)
	}
	return list[:0], nil
}

func (r *auditing) known(ctx context.Context, ids []domain.EventID) (known map[domain.EventID]string, err error) {
	p := patience{r.config.Patience, r.watcher.Waits}
	err = p.do(ctx, func(ctx context.Context) error {
		known, err = r.index.KnownEvents(ctx, ids)
		return err
	})
	return known, err
}

// onlyStored counts events that the store has and the files have not.
type onlyStored struct {
	*auditing
	ids []domain.EventID
}

func (o *onlyStored) add(ctx context.Context, id domain.EventID) error {
	if o.ids = append(o.ids, id); len(o.ids) < askedAtOnce {
		return ctx.Err()
	}
	return o.ask(ctx)
}

// ask asks for the nodes of events and counts those that the files should have:
// of a node and an hour of which they have others, and not from before the first
// or behind the last of the node.
func (o *onlyStored) ask(ctx context.Context) error {
	if len(o.ids) == 0 {
		return nil
	}
	known, err := o.known(ctx, o.ids)
	if err != nil {
		return err
	}
	for id, name := range known {
		node, ok := o.nodes.by[name]
		if !ok {
			continue
		}
		at, _ := id.Time()
		s := o.spans[uint16(node)]
		if s == nil || at.UnixMilli() < s.first || at.UnixMilli() > s.last {
			continue
		}
		row := o.row(uint16(node), id)
		row.OnlyStore++
	}
	o.ids = o.ids[:0]
	return nil
}
