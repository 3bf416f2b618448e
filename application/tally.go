package application

import (
	"github.com/kumotrail/kumotrail/domain"
)

// Fate is what became of a record.
type Fate uint8

// The fates, as Receipt counts them.
const (
	FateStored Fate = iota
	FateDuplicate
	FateExpired
	FateQuarantined
	fateCount
)

// String returns the fate as it stands in the webhook's answer, in the singular.
func (f Fate) String() string {
	return [fateCount]string{"stored", "duplicate", "expired", "quarantined"}[f]
}

// Fates returns all of them.
func Fates() []Fate { return []Fate{FateStored, FateDuplicate, FateExpired, FateQuarantined} }

// Tally is told what became of records, for whoever counts them. Safe for
// concurrent use.
type Tally interface {
	// Count says that n records of a type met their fate, n at least 1. Bytes
	// that could not be read as a record are of type Unknown.
	Count(t domain.EventType, f Fate, n int)
}

// fates counts records by type and fate.
type fates [domain.XferIn + 1][fateCount]int

func (f *fates) add(t domain.EventType, fate Fate) {
	if int(t) >= len(f) {
		t = domain.Unknown
	}
	f[t][fate]++
}

// count adds the records of events that were committed.
func (f *fates) count(events []domain.EmailEvent, o Outcome) {
	for first := 0; first < len(events); {
		isNew, end := false, first
		for ; end == first || end < len(events) && events[end].Part > 0; end++ {
			isNew = isNew || o.New[end]
		}
		fate := FateDuplicate
		if _, refused := o.Refused[first]; refused {
			fate = FateQuarantined
		} else if isNew {
			fate = FateStored
		}
		f.add(events[first].Type, fate)
		first = end
	}
}

// countExpired adds the records that are not current.
func (f *fates) countExpired(events []domain.EmailEvent, isCurrent func(domain.EventID) bool) {
	for i := range events {
		if events[i].Part == 0 && !isCurrent(events[i].ID) {
			f.add(events[i].Type, FateExpired)
		}
	}
}

// of is the number of records of a fate.
func (f *fates) of(fate Fate) (n int) {
	for t := range f {
		n += f[t][fate]
	}
	return n
}

func (f *fates) tell(t Tally) {
	for of := range f {
		for fate, n := range f[of] {
			if n > 0 {
				t.Count(domain.EventType(of), Fate(fate), n)
			}
		}
	}
}
