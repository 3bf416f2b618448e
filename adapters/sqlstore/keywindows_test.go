package sqlstore

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// keyStore is a windowStore of keys, the least first, that counts what it is asked.
type keyStore struct {
	keys   []uuid
	chosen func(uuid) bool   // nil for all
	before func(asked int)   // is called before each answer
	fails  func(int) error   // by the number of the answer
	logs   []domain.EmailLog // one for all answers, where they are taken one by one
	beside bool              // they are not
	lock   sync.Mutex

	asked, counted, downwards int
	given                     int // logs
	most                      int // in one answer
}

func (s *keyStore) ask() error {
	s.asked++
	if s.before != nil {
		s.before(s.asked)
	}
	if s.fails != nil {
		return s.fails(s.asked)
	}
	return nil
}

func (s *keyStore) within(r uuidRange) []uuid {
	at := func(u uuid) int {
		i, _ := slices.BinarySearchFunc(s.keys, u, compareUUIDs)
		return i
	}
	return s.keys[at(r.least):max(at(r.least), at(r.below))]
}

func (s *keyStore) nthKey(_ context.Context, r uuidRange, n int) (uuid, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.counted++
	err := s.ask()
	keys := s.within(r)
	if len(keys) < n {
		return r.least, err
	}
	return keys[len(keys)-n], err
}

func (s *keyStore) upward(_ context.Context, r uuidRange, limit int) ([]domain.EmailLog, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	err := s.ask()
	return s.answer(s.within(r), limit), err
}

func (s *keyStore) downward(_ context.Context, r uuidRange, limit int) ([]domain.EmailLog, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.downwards++
	err := s.ask()
	keys := slices.Clone(s.within(r))
	slices.Reverse(keys)
	return s.answer(keys, limit), err
}

func (s *keyStore) answer(keys []uuid, limit int) []domain.EmailLog {
	logs := s.logs[:0]
	for _, key := range keys {
		if s.chosen == nil || s.chosen(key) {
			logs = append(logs, domain.EmailLog{Key: domain.LogKey(key)})
		}
		if len(logs) == limit {
			break
		}
	}
	if !s.beside {
		s.logs = logs
	}
	s.given, s.most = s.given+len(logs), max(s.most, len(logs))
	return logs
}

// walk returns the keys of all windows, and how many windows there were.
func (s *keyStore) walk(t fataler, f ports.LogFilter) (keys []uuid, pages int) {
	next := newWindows(s, keyRanges(&f, domain.LogKey{})).next
	for more := true; more; {
		var read readPages
		var err error
		if read, more, err = next(context.Background()); err != nil {
			t.Fatalf("window %d: %v", pages, err)
		}
		for logs, err := range read(context.Background()) {
			if err != nil {
				t.Fatalf("window %d: %v", pages, err)
			}
			for i := range logs {
				keys = append(keys, uuid(logs[i].Key))
			}
			pages++
		}
	}
	return keys, pages
}

type fataler interface{ Fatalf(string, ...any) }

func compareUUIDs(a, b uuid) int { return bytes.Compare(a[:], b[:]) }

// keysOver returns n keys over a time, evenly but for a little: all that is not the
// time is random.
func keysOver(random *rand.Rand, from time.Time, over time.Duration, n int) []uuid {
	keys := make([]uuid, n)
	for i := range keys {
		keys[i] = keyAt(from.Add(over/time.Duration(n)*time.Duration(i)).UnixMilli(), random)
	}
	slices.SortFunc(keys, compareUUIDs)
	return keys
}

func keyAt(milli int64, random *rand.Rand) (u uuid) {
	binary.BigEndian.PutUint64(u[:8], uint64(milli)<<16|random.Uint64()>>48)
	binary.BigEndian.PutUint64(u[8:], random.Uint64())
	return u
}

var (
	windowsFrom = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	seeded      = func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
)

// newestFirst returns those of keys that f's times may choose, the greatest first.
func newestFirst(keys []uuid, f ports.LogFilter, chosen func(uuid) bool) []uuid {
	var list []uuid
	for _, key := range slices.Backward(keys) {
		t, isDated := domain.LogKey(key).Time()
		isWithin := !isDated || !t.Before(f.From) && (f.To.IsZero() || t.Before(f.To))
		if isWithin && (chosen == nil || chosen(key)) {
			list = append(list, key)
		}
	}
	return list
}

// anyKeys are bursts, of a millisecond or of one message, quiet stretches, and
// logs without a time.
func anyKeys(t *rapid.T) []uuid {
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	var keys []uuid
	for range rapid.IntRange(0, 4).Draw(t, "stretches") {
		n := rapid.SampledFrom([]int{1, 300, 1999, 2000, 3000, 9000}).Draw(t, "logs")
		from := windowsFrom.Add(time.Duration(rapid.Int64Range(0, int64(100*24*time.Hour)).Draw(t, "from")))
		over := rapid.SampledFrom([]time.Duration{0, time.Millisecond, time.Second, time.Hour, 30 * 24 * time.Hour}).Draw(t, "over")
		stretch := keysOver(random, from, over, n)
		switch rapid.SampledFrom([]string{"messages", "messages", "message", "undated"}).Draw(t, "of") {
		case "message":
			for i := range stretch {
				copy(stretch[i][:11], stretch[0][:11])
			}
		case "undated":
			for i := range stretch {
				copy(stretch[i][:6], make([]byte, 6))
			}
		}
		keys = append(keys, stretch...)
	}
	slices.SortFunc(keys, compareUUIDs)
	return slices.Compact(keys)
}

// anyTimes are bounds, or none.
func anyTimes(t *rapid.T) (f ports.LogFilter) {
	bound := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return windowsFrom.Add(time.Duration(rapid.Int64Range(-1, 140*24*3600*1000).Draw(t, "ms")) * time.Millisecond)
	})
	f.From, f.To = bound.Draw(t, "from"), bound.Draw(t, "to")
	return f
}

func TestWindowsGiveEachChosenLogOnceNewestFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, f := &keyStore{keys: anyKeys(t)}, anyTimes(t)
		share := rapid.SampledFrom([]byte{255, 128, 10, 1}).Draw(t, "share")
		s.chosen = func(u uuid) bool { return u[15] <= share }
		got, _ := s.walk(t, f)
		if want := newestFirst(s.keys, f, s.chosen); !slices.Equal(got, want) {
			t.Fatalf("%d logs, want %d, or in another order", len(got), len(want))
		}
		if s.most > windowLimit {
			t.Errorf("%d logs at once, want %d at most", s.most, windowLimit)
		}
	})
}

// TestWindowsReadBesideEachOtherGiveEachLogOnce has windows be guessed while others
// are read, and many come in between statements.
func TestWindowsReadBesideEachOtherGiveEachLogOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := anyKeys(t)
		s, more := &keyStore{keys: slices.Clone(old), beside: true}, anyKeys(t)
		s.before = func(asked int) {
			if asked == 4 {
				s.keys = slices.Concat(s.keys, more)
				slices.SortFunc(s.keys, compareUUIDs)
				s.keys = slices.Compact(s.keys)
			}
		}
		var got []uuid
		for l, err := range streamLogs(context.Background(), make(chan struct{}, 1), func() nextPages {
			return newWindows(s, []uuidRange{{below: maxUUID}}).next
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, uuid(l.Key))
		}
		upward := slices.Clone(got)
		slices.Reverse(upward)
		if !slices.IsSortedFunc(upward, compareUUIDs) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("logs in another order, or twice")
		}
		for _, key := range old {
			if _, found := slices.BinarySearchFunc(upward, key, compareUUIDs); !found {
				t.Fatalf("%d logs, of %d from before one is missing", len(got), len(old))
			}
		}
		if s.most > windowLimit {
			t.Errorf("%d logs at once, want %d at most", s.most, windowLimit)
		}
	})
}

// TestWindowsKeepTheirPlaceWhileLogsComeIn has many come in between statements,
// anywhere: those of before are shown, once and in order.
func TestWindowsKeepTheirPlaceWhileLogsComeIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := anyKeys(t)
		s := &keyStore{keys: slices.Clone(old)}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		most := rapid.SampledFrom([]int{1, 100, 9000}).Draw(t, "at once")
		s.before = func(asked int) {
			if asked > 12 { // there is an end of it
				return
			}
			from := windowsFrom.AddDate(0, 0, random.IntN(130))
			if len(old) > 0 && random.IntN(2) == 0 {
				if at, isDated := domain.LogKey(old[random.IntN(len(old))]).Time(); isDated {
					from = at
				}
			}
			s.keys = append(s.keys, keysOver(random, from, time.Duration(random.Int64N(int64(time.Hour))), 1+random.IntN(most))...)
			slices.SortFunc(s.keys, compareUUIDs)
		}
		got, _ := s.walk(t, ports.LogFilter{})
		if !slices.IsSortedFunc(got, func(a, b uuid) int { return compareUUIDs(b, a) }) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Fatalf("logs in another order, or twice")
		}
		for _, key := range old {
			if _, found := slices.BinarySearchFunc(got, key, func(a, b uuid) int { return compareUUIDs(b, a) }); !found {
				t.Fatalf("%d logs, of %d from before one is missing", len(got), len(old))
			}
		}
		if s.most > windowLimit {
			t.Errorf("%d logs at once, want %d at most", s.most, windowLimit)
		}
	})
}

// TestWindowsOfSteadyMailAreGuessed holds windows to counting keys once where logs
// are equally dense.
func TestWindowsOfSteadyMailAreGuessed(t *testing.T) {
	s := &keyStore{keys: keysOver(seeded(), windowsFrom, 20*24*time.Hour, 200_000)}
	_, pages := s.walk(t, ports.LogFilter{})
	beside := &keyStore{keys: s.keys, beside: true}
	for _, err := range streamLogs(t.Context(), make(chan struct{}, 1), func() nextPages {
		return newWindows(beside, []uuidRange{{below: maxUUID}}).next
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if beside.counted > 2 || beside.given != 200_000 {
		t.Errorf("beside each other: counted %d times, read %d logs, want 2 at most and 200000", beside.counted, beside.given)
	}
	if most := 200_000/windowAim + 6; s.counted > 2 || pages > most || s.given != 200_000 {
		t.Errorf("counted %d times for %d windows, read %d logs, want 2 and %d at most and 200000", s.counted, pages, s.given, most)
	}
}

// TestWindowsPassOverSilenceAtOnce has a few days of mail in 20 years.
func TestWindowsPassOverSilenceAtOnce(t *testing.T) {
	s, random := new(keyStore), seeded()
	for year := range 19 {
		s.keys = append(s.keys, keysOver(random, windowsFrom.AddDate(year, 0, 0), 24*time.Hour, 100)...)
	}
	got, pages := s.walk(t, ports.LogFilter{})
	if len(got) != 1900 || pages != 1 {
		t.Errorf("%d logs in %d windows, want 1900 in 1", len(got), pages)
	}
	s = &keyStore{keys: slices.Concat(keysOver(random, windowsFrom, 24*time.Hour, 20_000),
		keysOver(random, windowsFrom.AddDate(10, 0, 0), 24*time.Hour, 20_000))}
	if got, _ = s.walk(t, ports.LogFilter{}); len(got) != 40_000 || s.asked > 20 {
		t.Errorf("%d logs by %d statements, want 40000 by 20 at most", len(got), s.asked)
	}
}

// TestWindowsOfBurstAreAsSmallAsItsLogs has as many logs as an hour of mail in one
// millisecond, and in one message.
func TestWindowsOfBurstAreAsSmallAsItsLogs(t *testing.T) {
	random := seeded()
	burst := keysOver(random, windowsFrom.Add(time.Hour), time.Millisecond, 100_000)
	crowd := keysOver(random, windowsFrom.Add(90*time.Minute), time.Millisecond, 50_000)
	for i := range crowd {
		copy(crowd[i][:11], crowd[0][:11])
	}
	s := &keyStore{keys: slices.Concat(keysOver(random, windowsFrom, 2*time.Hour, 100_000), burst, crowd)}
	slices.SortFunc(s.keys, compareUUIDs)
	n := len(s.keys)
	got, pages := s.walk(t, ports.LogFilter{})
	if len(got) != n || s.most > windowLimit || s.given > n+6*windowLimit || pages > n/windowAim*3/2 {
		t.Errorf("%d logs of %d, %d at once, %d read, in %d windows", len(got), n, s.most, s.given, pages)
	}
}

// TestWindowsOfFewChosenLogsLookAtMoreKeys chooses one log in a thousand.
func TestWindowsOfFewChosenLogsLookAtMoreKeys(t *testing.T) {
	s := &keyStore{keys: keysOver(seeded(), windowsFrom, 20*24*time.Hour, 1_000_000)}
	s.chosen = func(u uuid) bool { return binary.BigEndian.Uint16(u[14:]) < 65 }
	got, _ := s.walk(t, ports.LogFilter{})
	if want := newestFirst(s.keys, ports.LogFilter{}, s.chosen); len(got) != len(want) || s.asked > 40 || s.counted > 10 {
		t.Errorf("%d logs, want %d, by %d statements, want 40 at most, of which %d count, want 10", len(got), len(want), s.asked, s.counted)
	}
}

// TestWindowsLearnThatMoreIsChosen chooses one log in a thousand of some time, and
// all before: of many keys there is then a window too many.
func TestWindowsLearnThatMoreIsChosen(t *testing.T) {
	s := &keyStore{keys: keysOver(seeded(), windowsFrom, 20*24*time.Hour, 400_000)}
	few := s.keys[len(s.keys)/2]
	s.chosen = func(u uuid) bool { return compareUUIDs(u, few) < 0 || binary.BigEndian.Uint16(u[14:]) < 65 }
	got, _ := s.walk(t, ports.LogFilter{})
	want := newestFirst(s.keys, ports.LogFilter{}, s.chosen)
	if !slices.Equal(got, want) || s.given > len(want)+3*windowLimit || s.downwards > 1 {
		t.Errorf("%d logs, want %d, %d read, want %d more at most, %d windows downward, want 1 at most",
			len(got), len(want), s.given, 3*windowLimit, s.downwards)
	}
}

// TestWindowThatFillsUpIsReadDownward has more logs come in than a window may hold
// between the counting of its keys and its reading.
func TestWindowThatFillsUpIsReadDownward(t *testing.T) {
	random := seeded()
	old := keysOver(random, windowsFrom, time.Hour, 10_000)
	s := &keyStore{keys: slices.Clone(old)}
	s.before = func(asked int) {
		if asked == 2 {
			s.keys = append(s.keys, keysOver(random, windowsFrom.Add(time.Hour-time.Minute), 59*time.Second, 50_000)...)
			slices.SortFunc(s.keys, compareUUIDs)
		}
	}
	got, _ := s.walk(t, ports.LogFilter{})
	if want := newestFirst(s.keys, ports.LogFilter{}, nil); !slices.Equal(got, want) || s.most != windowLimit || s.downwards != 1 {
		t.Errorf("%d logs, want %d, %d at once, want %d, %d windows downward, want 1", len(got), len(want), s.most, windowLimit, s.downwards)
	}
}

// TestWindowsEndAtAnyError fails each kind of statement in turn.
func TestWindowsEndAtAnyError(t *testing.T) {
	broken := errors.New("broken")
	for fails := 1; fails <= 6; fails++ {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			random, told := seeded(), 0
			s := &keyStore{keys: keysOver(random, windowsFrom, time.Hour, 20_000), beside: true}
			s.before = func(asked int) {
				switch asked {
				case 2:
					s.keys = keysOver(random, windowsFrom, time.Hour, 200_000)
				case 6: // what is guessed is too much
					s.keys = keysOver(random, windowsFrom, time.Hour, 600_000)
				}
			}
			s.fails = func(asked int) error {
				if asked == fails {
					return broken
				}
				return nil
			}
			var last error
			for _, err := range streamLogs(t.Context(), nil, func() nextPages {
				return newWindows(s, []uuidRange{{below: maxUUID}}).next
			}) {
				if last = err; err == nil {
					told++
				}
			}
			if !errors.Is(last, broken) || s.asked != fails {
				t.Errorf("%v after %d statements", last, s.asked)
			}
			if fails <= 2 && told > 0 {
				t.Errorf("%d logs of a window that was not read whole", told)
			}
		})
	}
}

func TestWindowsAreForWhatNoListHas(t *testing.T) {
	some, failed := []domain.Status{domain.Delivered}, []domain.Status{domain.Bounced, domain.Expired}
	for _, c := range []struct {
		f    ports.LogFilter
		want bool
	}{
		{ports.LogFilter{}, true}, {ports.LogFilter{From: windowsFrom, To: windowsFrom.AddDate(0, 1, 0), Reports: true}, true},
		{ports.LogFilter{Cause: domain.CauseRecipient}, true}, {ports.LogFilter{Statuses: some}, true},
		{ports.LogFilter{Statuses: append(some, failed...)}, true}, {ports.LogFilter{Statuses: failed}, false},
		{ports.LogFilter{MessageID: "m"}, false}, {ports.LogFilter{ApplicationID: "a"}, false},
		{ports.LogFilter{Recipient: "a@example.com"}, false}, {ports.LogFilter{Domain: "example.com"}, false},
		{ports.LogFilter{Tenant: "t"}, false}, {ports.LogFilter{Campaign: "c"}, false},
		{ports.LogFilter{Provider: "google"}, false}, {ports.LogFilter{EgressSource: "ip-1"}, false},
		{ports.LogFilter{Cause: "\x00"}, false},
	} {
		if got := walksKeys(&c.f); got != c.want {
			t.Errorf("%+v: %t, want %t", c.f, got, c.want)
		}
	}
}
