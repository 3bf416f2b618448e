package sqlstore

import (
	"bytes"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// uuid is a log's key or an event's id: both begin with a time in milliseconds,
// 0 for none.
type uuid [16]byte

// uuidRange holds those from least to below, which is not in it.
type uuidRange struct{ least, below uuid }

func (r uuidRange) isEmpty() bool { return bytes.Compare(r.least[:], r.below[:]) >= 0 }

// until returns what of r is below before; the zero uuid is no bound.
func (r uuidRange) until(before uuid) uuidRange {
	if before != (uuid{}) && bytes.Compare(before[:], r.below[:]) < 0 {
		r.below = before
	}
	return r
}

var (
	// maxUUID is above every key: a time of all ones is past year 10,000.
	maxUUID = uuid{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	// firstDated is the least that has a time.
	firstDated = uuid{5: 1}
)

// uuidAt returns the least of that millisecond.
func uuidAt(milli int64) uuid {
	const most = 1<<48 - 1
	var u uuid
	putMillis(u[:], min(max(milli, 1), most))
	return u
}

func ceilMilli(t time.Time) int64 { return t.Add(time.Millisecond - 1).UnixMilli() }

// keyRanges returns where the keys of what f chooses can be, greatest first.
// Those without a time stand apart, at the end, whenever they were accepted.
func keyRanges(f *ports.LogFilter, before domain.LogKey) []uuidRange {
	if f.MessageID != "" {
		least, greatest := domain.KeysOfMessage(f.MessageID)
		// The greatest has a recipient's hash of all ones, and is the bound too: a
		// key ends behind its 16th byte.
		return kept(uuidRange{uuid(least), successor(uuid(greatest))}.until(uuid(before)))
	}
	if f.From.IsZero() && f.To.IsZero() {
		return kept(uuidRange{below: maxUUID}.until(uuid(before)))
	}
	dated := uuidRange{firstDated, maxUUID}
	if !f.From.IsZero() {
		dated.least = uuidAt(f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		dated.below = uuidAt(ceilMilli(f.To))
	}
	return kept(dated.until(uuid(before)), uuidRange{below: firstDated}.until(uuid(before)))
}

func kept(ranges ...uuidRange) []uuidRange {
	var list []uuidRange
	for _, r := range ranges {
		if !r.isEmpty() {
			list = append(list, r)
		}
	}
	return list
}

// successor returns the uuid after u, maxUUID for itself.
func successor(u uuid) uuid {
	if u == maxUUID {
		return u
	}
	for i := len(u) - 1; ; i-- {
		if u[i]++; u[i] != 0 {
			return u
		}
	}
}

// inSteps cuts ranges so that what is newest is looked at first: a day, a week,
// and the rest. Pages are usually full within the first, and a filter that few
// logs pass costs no look into each day for one of them.
func inSteps(ranges []uuidRange, now time.Time) []uuidRange {
	var list []uuidRange
	for _, r := range ranges {
		newest := now
		if t, ok := domain.LogKey(r.below).Time(); ok && t.Before(now) {
			newest = t
		}
		for _, days := range []int{1, 8} {
			at := uuidAt(newest.AddDate(0, 0, -days).UnixMilli())
			if bytes.Compare(r.least[:], at[:]) < 0 && bytes.Compare(at[:], r.below[:]) < 0 {
				list = append(list, uuidRange{at, r.below})
				r.below = at
			}
		}
		list = append(list, r)
	}
	return list
}

// pageOf reads ranges one after another until there is a page of logs.
func pageOf(ranges []uuidRange, limit int, read func(r uuidRange, limit int) ([]domain.EmailLog, error)) ([]domain.EmailLog, error) {
	var page []domain.EmailLog
	for _, r := range ranges {
		logs, err := read(r, limit-len(page))
		if err != nil {
			return nil, err
		}
		if page = append(page, logs...); len(page) >= limit {
			break
		}
	}
	return page, nil
}
