package contract

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestQuarantine holds a store to the words of ports.Quarantine.
func TestQuarantine(t *testing.T, open Open) {
	tellAll(t, "Quarantine", open, []story{
		{"KeepsBytesAndFirstArrival", keepsBytes},
		{"ListsNewestFirstInPages", listsInPages},
		{"ListsSameInstantOnceInPages", listsTiesInPages},
		{"FindsNothingOfUnknownID", findsNoUnknown},
		{"RemovesEntries", removesEntries},
	})
}

// rejects returns n rejects, one a minute, in an order that is not theirs.
func rejects(n int) []domain.Reject {
	all := make([]domain.Reject, n)
	for i := range all {
		minute := i * 7 % n // n is no multiple of 7
		all[i] = domain.Reject{
			Index: i, Reason: fmt.Sprintf("reason %d", minute), Raw: fmt.Sprintf("{%d", minute),
			ReceivedAt: received.Add(time.Duration(minute) * time.Minute),
		}
	}
	return all
}

func entryOf(r domain.Reject) ports.Quarantined {
	return ports.Quarantined{ID: r.ID(), Reason: r.Reason, ReceivedAt: r.ReceivedAt, Size: len(r.Raw), Raw: r.Raw}
}

func keepsBytes(t *testing.T, s Store) {
	for i, text := range append(awkward[1:], "\xff\xfe\x00 raw \xc3", "\x00") {
		r := domain.Reject{Index: i, Reason: "not JSON: " + text, Raw: text, ReceivedAt: received}
		again := r
		again.ReceivedAt = received.Add(time.Hour)
		if len(text) > 2 && text[len(text)-1] == 0xc3 || text == "\x00" {
			r.Reason, again.Reason = "not UTF-8", "not UTF-8"
		}
		commit(t, s, ports.Unit{Rejects: []domain.Reject{r}})
		commit(t, s, ports.Unit{Rejects: []domain.Reject{again}})
		got, err := s.Get(context.Background(), r.ID())
		fine(t, "get", err)
		same(t, "entry", entryOf(r), got)
	}
}

// list reads the whole quarantine in pages of size.
func list(t *testing.T, s Store, size int) []ports.Quarantined {
	t.Helper()
	var all []ports.Quarantined
	var after domain.QuarantineID
	for range 100 {
		page, err := s.List(context.Background(), after, size)
		fine(t, "list", err)
		if len(page) > size {
			t.Fatalf("list: %d entries, want at most %d", len(page), size)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].ID
	}
	t.Fatalf("list: no end after 100 pages of %d", size)
	return nil
}

func listsInPages(t *testing.T, s Store) {
	all := rejects(10)
	commit(t, s, ports.Unit{Rejects: all[:6]})
	commit(t, s, ports.Unit{Rejects: all[6:]})
	var want []ports.Quarantined
	for _, r := range all {
		e := entryOf(r)
		e.Raw = ""
		want = append(want, e)
	}
	slices.SortFunc(want, func(a, b ports.Quarantined) int { return b.ReceivedAt.Compare(a.ReceivedAt) })
	for _, size := range []int{1, 3, 5, 10, 100} {
		same(t, fmt.Sprintf("entries in pages of %d", size), want, list(t, s, size))
	}
}

func listsTiesInPages(t *testing.T, s Store) {
	all := rejects(9)
	want := map[domain.QuarantineID]int{}
	for i := range all {
		all[i].ReceivedAt = received
		want[all[i].ID()] = 1
	}
	commit(t, s, ports.Unit{Rejects: all})
	got := map[domain.QuarantineID]int{}
	for _, q := range list(t, s, 2) {
		got[q.ID]++
	}
	same(t, "times each entry is listed", want, got)
}

func findsNoUnknown(t *testing.T, s Store) {
	_, err := s.Get(context.Background(), domain.QuarantineID{1})
	is(t, "get an unknown id", err, ports.ErrNotFound)
	same(t, "entries", 0, len(list(t, s, 10)))
}

func removesEntries(t *testing.T, s Store) {
	all := rejects(4)
	commit(t, s, ports.Unit{Rejects: all})
	ctx := context.Background()
	fine(t, "remove none", s.Remove(ctx))
	fine(t, "remove", s.Remove(ctx, all[0].ID(), domain.QuarantineID{1}, all[2].ID()))
	fine(t, "remove again", s.Remove(ctx, all[0].ID()))
	_, err := s.Get(ctx, all[0].ID())
	is(t, "get a removed entry", err, ports.ErrNotFound)
	same(t, "entries left", 2, len(list(t, s, 10)))
	commit(t, s, ports.Unit{Rejects: all[:1]})
	same(t, "entries after one came again", 3, len(list(t, s, 10)))
}
