package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestSuppressions holds a store to the words of ports.Suppressions.
func TestSuppressions(t *testing.T, open Open) {
	tellAll(t, "Suppressions", open, []story{
		{"KeepsEntriesAsTheyAre", keepsSuppressions},
		{"KeepsTheFirstEntryOfAnAddress", keepsFirstSuppression},
		{"AddsOfSeveralEntriesTheFirst", addsFirstOfSeveral},
		{"ListsInOrderOfAddressInPages", listsSuppressionsInPages},
		{"ChoosesByReasonAndDomain", choosesSuppressions},
		{"GoesOnBehindWhatIsGone", goesOnBehindGone},
		{"TakesAddressesOut", takesAddressesOut},
		{"FindsThoseOfAThousand", findsThoseOfThousand},
		{"FindsNothingByNothing", findsNoSuppressions},
		{"AddsEachOnceAtTheSameTime", suppressesOnce},
		{"BehavesLikeAMap", behavesLikeMap},
		{"AnnouncesWhatWasAdded", announcesAdditions},
		{"AnnouncesWhatWasTakenOut", announcesRemovals},
		{"AnnouncesBetweenEvents", announcesBetweenEvents},
		{"AnnouncesEachChangeOnceAtTheSameTime", announcesChangesOnce},
		{"KeepsAnnouncementsUntilTheyAreDone", keepsChangesAnnounced},
		{"IsUnavailableWhenClosed", suppressionsClosed},
	})
}

// changed is when addresses are taken out.
var changed = received.Add(time.Minute)

func suppression(address string, reason domain.SuppressionReason) domain.Suppression {
	return domain.Suppression{Address: address, Reason: reason, AddedAt: received}
}

// suppress adds entries, and checks which of them the store had not got.
func suppress(t rapid.TB, s Store, want []bool, entries ...domain.Suppression) {
	t.Helper()
	given := slices.Clone(entries)
	added, err := s.Suppress(context.Background(), entries)
	fine(t, "suppress", err)
	same(t, "added", want, added)
	same(t, "entries that were given", given, entries)
}

// suppressed lists all that f chooses in pages of size.
func suppressed(t rapid.TB, s Store, f ports.SuppressionFilter, size int) []domain.Suppression {
	t.Helper()
	var all []domain.Suppression
	after := ""
	for range 1000 {
		page, err := s.ListSuppressed(context.Background(), f, after, size)
		fine(t, "list suppressed", err)
		if len(page) > size {
			t.Fatalf("list suppressed: %d entries, want at most %d", len(page), size)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Address
	}
	t.Fatalf("list suppressed: no end after 1000 pages of %d", size)
	return nil
}

// oddAddresses are in bytewise order, which is that of no language.
var oddAddresses = []string{
	`"a b@c"@example.org`, "'; drop table suppression; --@example.org", "+a@example.org", "=1+1@example.org",
	"\\@example.org", "a@example.org", "a@z.example", "aa@example.org", "z@example.org", "ä@example.org", "𝔞@example.org",
}

func keepsSuppressions(t *testing.T, s Store) {
	entries := make([]domain.Suppression, len(oddAddresses))
	added := make([]bool, len(oddAddresses))
	for i, address := range oddAddresses {
		entries[i] = suppression(address, domain.SuppressionReasons()[i%5])
		entries[i].Note = awkward[1:][i%(len(awkward)-1)]
		if i%2 == 0 {
			entries[i].EventID = domain.EventID{1, byte(i), 0, 0xff}
		}
		added[i] = true
	}
	suppress(t, s, added, entries...)
	same(t, "entries", entries, suppressed(t, s, ports.SuppressionFilter{}, 100))
	found, err := s.FindSuppressed(context.Background(), oddAddresses)
	fine(t, "find suppressed", err)
	same(t, "entries found", entries, found)
}

func keepsFirstSuppression(t *testing.T, s Store) {
	first, again := suppression("a@example.org", domain.SuppressedByComplaint), suppression("a@example.org", domain.SuppressedManually)
	first.Note, again.AddedAt = "first", received.Add(time.Hour)
	suppress(t, s, []bool{true}, first)
	suppress(t, s, []bool{false, true}, again, suppression("b@example.org", domain.SuppressedManually))
	same(t, "entry", first, suppressed(t, s, ports.SuppressionFilter{}, 1)[0])
	suppress(t, s, nil)
}

func addsFirstOfSeveral(t *testing.T, s Store) {
	a, b := suppression("b@example.org", domain.SuppressedByComplaint), suppression("a@example.org", domain.SuppressedAsInvalid)
	again := suppression("b@example.org", domain.SuppressedManually)
	suppress(t, s, []bool{true, false, true, false}, a, again, b, again)
	same(t, "entries", []domain.Suppression{b, a}, suppressed(t, s, ports.SuppressionFilter{}, 10))
}

// crowd returns n entries, in no order, of a few domains and all reasons.
func crowd(n int) []domain.Suppression {
	all := make([]domain.Suppression, n)
	for i := range all {
		k := i * 7919 % n // n is no multiple of 7919
		all[i] = suppression(fmt.Sprintf("user%d@d%d.example", k, k%3), domain.SuppressionReasons()[k%5])
	}
	return all
}

func sortedByAddress(all []domain.Suppression) []domain.Suppression {
	return slices.SortedFunc(slices.Values(all), func(a, b domain.Suppression) int { return strings.Compare(a.Address, b.Address) })
}

func listsSuppressionsInPages(t *testing.T, s Store) {
	all := crowd(60)
	suppress(t, s, slices.Repeat([]bool{true}, 60), all...)
	want := sortedByAddress(all)
	for _, size := range []int{1, 7, 59, 60, 61} {
		same(t, fmt.Sprintf("entries in pages of %d", size), want, suppressed(t, s, ports.SuppressionFilter{}, size))
	}
}

func choosesSuppressions(t *testing.T, s Store) {
	all := append(crowd(60),
		suppression(`"x@d1.example"@d2.example`, domain.SuppressedManually),
		suppression("x@sub.d1.example", domain.SuppressedManually), suppression("x@ad1.example", domain.SuppressedManually))
	suppress(t, s, slices.Repeat([]bool{true}, len(all)), all...)
	for _, f := range []ports.SuppressionFilter{
		{Reason: domain.SuppressedByComplaint}, {Domain: "d1.example"}, {Domain: "none.example"},
		{Reason: domain.SuppressedManually, Domain: "d1.example"}, {Reason: "none"},
	} {
		want := slices.DeleteFunc(sortedByAddress(all), func(e domain.Suppression) bool {
			return f.Reason != "" && e.Reason != f.Reason || f.Domain != "" && !strings.HasSuffix(e.Address, "@"+f.Domain)
		})
		same(t, fmt.Sprintf("entries of %+v", f), want, suppressed(t, s, f, 2))
	}
}

func goesOnBehindGone(t *testing.T, s Store) {
	suppress(t, s, []bool{true, true, true},
		suppression("a@e.example", "manual"), suppression("b@e.example", "manual"), suppression("d@e.example", "manual"))
	fine(t, "unsuppress", s.Unsuppress(context.Background(), "b@e.example", changed))
	suppress(t, s, []bool{true}, suppression("c@e.example", "manual"))
	page, err := s.ListSuppressed(context.Background(), ports.SuppressionFilter{}, "b@e.example", 10)
	fine(t, "list suppressed", err)
	same(t, "entries behind", []domain.Suppression{suppression("c@e.example", "manual"), suppression("d@e.example", "manual")}, page)
}

func takesAddressesOut(t *testing.T, s Store) {
	ctx := context.Background()
	first, again := suppression("a@example.org", "complaint"), suppression("a@example.org", "manual")
	suppress(t, s, []bool{true, true}, first, suppression("b@example.org", "manual"))
	fine(t, "unsuppress", s.Unsuppress(ctx, "a@example.org", changed))
	is(t, "unsuppress again", s.Unsuppress(ctx, "a@example.org", changed), ports.ErrNotFound)
	is(t, "unsuppress what never was", s.Unsuppress(ctx, "c@example.org", changed), ports.ErrNotFound)
	is(t, "unsuppress nothing", s.Unsuppress(ctx, "", changed), ports.ErrNotFound)
	suppress(t, s, []bool{true}, again)
	same(t, "entries", []domain.Suppression{again, suppression("b@example.org", "manual")},
		suppressed(t, s, ports.SuppressionFilter{}, 10))
}

func findsThoseOfThousand(t *testing.T, s Store) {
	all := crowd(2000)
	suppress(t, s, slices.Repeat([]bool{true}, 2000), all...)
	var asked []string
	var want []domain.Suppression
	for i, e := range all {
		switch i % 4 {
		case 0:
			asked = append(asked, e.Address, e.Address)
			want = append(want, e)
		case 1:
			asked = append(asked, "not."+e.Address)
		}
	}
	found, err := s.FindSuppressed(context.Background(), asked)
	fine(t, "find suppressed", err)
	same(t, "entries found", sortedByAddress(want), found)
}

func findsNoSuppressions(t *testing.T, s Store) {
	suppress(t, s, []bool{true}, suppression("a@example.org", "manual"))
	for _, asked := range [][]string{nil, {}, {""}, {"A@example.org"}, {"%"}, {"a@example.org,b@example.org"}} {
		found, err := s.FindSuppressed(context.Background(), asked)
		fine(t, "find suppressed", err)
		same(t, fmt.Sprintf("entries found by %q", asked), []domain.Suppression(nil), found)
	}
}

// suppressesOnce adds the same addresses in opposite orders at the same time.
func suppressesOnce(t *testing.T, s Store) {
	all := crowd(200)
	var mu sync.Mutex
	times := make(map[string]int)
	var wg sync.WaitGroup
	for i := range 4 {
		entries := slices.Clone(all)
		if i%2 == 1 {
			slices.Reverse(entries)
		}
		wg.Go(func() {
			added, err := s.Suppress(context.Background(), entries)
			if err != nil {
				t.Errorf("suppress: got error %v, want none", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range added {
				if added[i] {
					times[entries[i].Address]++
				}
			}
		})
	}
	wg.Wait()
	for _, e := range all {
		same(t, "times "+e.Address+" was added", 1, times[e.Address])
	}
}

// behavesLikeMap holds the store against a map through random calls.
func behavesLikeMap(t *testing.T, s Store) {
	addresses := rapid.SampledFrom(oddAddresses)
	entry := rapid.Custom(func(t *rapid.T) domain.Suppression {
		return suppression(addresses.Draw(t, "address"), rapid.SampledFrom(domain.SuppressionReasons()).Draw(t, "reason"))
	})
	model := map[string]domain.Suppression{}
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(entry, 0, 6).Draw(t, "entries")
		want := make([]bool, len(entries))
		for i, e := range entries {
			if _, known := model[e.Address]; !known {
				model[e.Address], want[i] = e, true
			}
		}
		suppress(t, s, want, entries...)
		out := addresses.Draw(t, "taken out")
		if _, known := model[out]; known {
			fine(t, "unsuppress", s.Unsuppress(context.Background(), out, changed))
		} else {
			is(t, "unsuppress", s.Unsuppress(context.Background(), out, changed), ports.ErrNotFound)
		}
		delete(model, out)
		var left []domain.Suppression
		for _, address := range oddAddresses {
			if e, ok := model[address]; ok {
				left = append(left, e)
			}
		}
		same(t, "entries", left, suppressed(t, s, ports.SuppressionFilter{}, 4))
	})
}

func suppressionsClosed(t *testing.T, s Store) {
	fine(t, "close", s.Close())
	ctx := context.Background()
	_, addErr := s.Suppress(ctx, []domain.Suppression{suppression("a@example.org", "manual")})
	_, findErr := s.FindSuppressed(ctx, []string{"a@example.org"})
	_, listErr := s.ListSuppressed(ctx, ports.SuppressionFilter{}, "", 1)
	for what, err := range map[string]error{
		"suppress": addErr, "find": findErr, "list": listErr, "unsuppress": s.Unsuppress(ctx, "a@example.org", changed),
	} {
		is(t, what+" on a closed store", err, ports.ErrUnavailable)
	}
}
