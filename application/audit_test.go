package application_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// scratch is one in memory.
type scratch struct{ bytes.Buffer }

func (s *scratch) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(s.Bytes()).ReadAt(p, at)
}

func audit(files map[string]string, index ports.EventIndex, config application.AuditConfig) *application.Audit {
	clock := func() time.Time { return noon.AddDate(0, 0, 1) }
	return application.NewAudit(memory.NewSegments(files, 7), decoder, index, 30, clock, config)
}

func audited(t *testing.T, a *application.Audit) application.AuditReport {
	t.Helper()
	report, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// atNode returns the line of another node.
func atNode(node, line string) string {
	return strings.ReplaceAll(line, "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10", node)
}

// taken has the store take lines as from a node.
func taken(t *testing.T, store ports.Journal, lines ...string) {
	t.Helper()
	if _, err := ingest(store).Ingest(t.Context(), strings.Join(lines, "\n")); err != nil {
		t.Fatal(err)
	}
}

func textOf(lines ...string) string { return strings.Join(lines, "\n") + "\n" }

func TestAuditFindsNothingWhereAllIsStored(t *testing.T) {
	store := memory.NewStore()
	all := files([]string{"a/1", "b/1"}, 30)
	all["c"] = all["a/1"]
	run(t, replay(all, store, application.ReplayConfig{}))
	report := audited(t, audit(all, store, application.AuditConfig{}))
	if !report.Complete() || report.Read != 180 || report.Events != 120 || report.Copies != 60 ||
		report.OnlyFiles+report.OnlyStore != 0 || report.Files != 3 {
		t.Errorf("got %+v", report)
	}
}

func TestAuditNamesWhatEachSideLacks(t *testing.T) {
	const one, two, three = "node-1", "node-2", "node-3"
	hour := func(node string, h, n int) string {
		return atNode(node, lineAt(noon.Add(time.Duration(h)*time.Hour+time.Duration(n)*time.Second), "Delivery", n))
	}
	store := memory.NewStore()
	all := map[string]string{
		"1": textOf(hour(one, 0, 1), hour(one, 0, 2), hour(one, 2, 9)),
		"2": textOf(hour(two, 0, 3), hour(two, 0, 4), hour(two, 0, 5), hour(two, -24*60, 6)),
	}
	taken(t, store,
		hour(one, 0, 1), hour(one, 2, 9), hour(two, 0, 3),
		hour(two, 0, 5),
		lineAt(noon.Add(1500*time.Millisecond), "Bounce", 7),              // of no node of the files
		atNode(one, lineAt(noon.Add(1500*time.Millisecond), "Bounce", 8)), // within
		hour(one, 1, 0), hour(three, 0, 1), // of an hour and a node that the files lack
		atNode(two, lineAt(noon.Add(2*time.Second), "Bounce", 9)), atNode(two, lineAt(noon.Add(6*time.Second), "Bounce", 9)), // before and behind
	)
	report := audited(t, audit(all, store, application.AuditConfig{}))
	want := []application.AuditRow{
		{Node: one, Hour: noon, Files: 2, OnlyFiles: 1, OnlyStore: 1},
		{Node: one, Hour: noon.Add(2 * time.Hour), Files: 1},
		{Node: two, Hour: noon, Files: 3, OnlyFiles: 1},
	}
	if diff := cmp.Diff(want, report.Rows); diff != "" {
		t.Error(diff)
	}
	if report.Complete() || report.OnlyFiles != 2 || report.OnlyStore != 1 || report.Expired != 1 || report.Events != 6 {
		t.Errorf("got %+v", report)
	}
	var missing []string
	for _, m := range report.Missing {
		missing = append(missing, fmt.Sprint(m.File, " ", m.Node, " ", m.Type, " ", m.At.Sub(noon)))
	}
	if diff := cmp.Diff([]string{"1 node-1 delivery 2s", "2 node-2 delivery 4s"}, missing); diff != "" {
		t.Error(diff)
	}
}

func TestAuditAsksForTimeAndEventsWithoutOne(t *testing.T) {
	store := memory.NewStore()
	undated := []string{lineAt(time.Unix(0, 0), "Delivery", 1), lineAt(time.Unix(0, 0), "Bounce", 2)}
	all := map[string]string{"a": textOf(append(undated, line("Delivery", 3), line("Delivery", 5), line("Delivery", 7))...)}
	taken(t, store, undated[1], line("Delivery", 7))
	report := audited(t, audit(all, store, application.AuditConfig{}))
	want := []application.AuditRow{
		{Node: "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10", Files: 2, OnlyFiles: 1},
		{Node: "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10", Hour: noon, Files: 3, OnlyFiles: 2},
	}
	if diff := cmp.Diff(want, report.Rows); diff != "" {
		t.Error(diff)
	}
	config := application.AuditConfig{Since: noon.Add(4 * time.Second), Until: noon.Add(6 * time.Second)}
	if report := audited(t, audit(all, store, config)); report.Outside != 4 || report.Events != 1 || report.OnlyFiles != 1 {
		t.Errorf("got %+v", report)
	}
}

func TestAuditTellsWhatHooksLost(t *testing.T) {
	store := memory.NewStore()
	all := map[string]string{"a": textOf(
		ofHook("Delivery", 100, `{}`),
		ofHook("Bounce", 102, `{"log_record":`+line("Delivery", 1)+`}`),
		ofHook("Expiration", 103, `{"log_record":`+line("Delivery", 2)+`}`),
		ofHook("AdminBounce", 104, `{"log_record":`+line("Delivery", 3)+`}`),
		ofHook("Bounce", 105, `{}`),
		line("Delivery", 2), line("Delivery", 3), "{broken", "# other", `{"other":1}`,
	)}
	taken(t, store, line("Delivery", 3))
	report := audited(t, audit(all, store, application.AuditConfig{}))
	if diff := cmp.Diff(application.AuditReport{
		Read: 10, Hook: 5, Skipped: 2, Broken: 1, Events: 3, Copies: 2, OnlyFiles: 2,
		Lost: map[string]int64{"webhook": 4}, Unnamed: 1, MissingIn: map[string]int64{"a": 2}, Files: 1,
	}, report, cmpopts.IgnoreUnexported(application.AuditReport{}), cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(application.AuditReport{}, "Rows", "Missing", "Bytes")); diff != "" {
		t.Error(diff)
	}
	if m := report.Missing; len(m) != 2 || !m[0].LostByHook || m[1].LostByHook {
		t.Errorf("missing: %+v", m)
	}
}

func TestFixTakesMissingEventsAlone(t *testing.T) {
	store := &journal{Store: memory.NewStore()}
	all := files([]string{"a", "b", "c"}, 20)
	for _, file := range []string{"a", "c"} {
		taken(t, store, strings.TrimSpace(all[file]))
	}
	taken(t, store, strings.Split(all["b"], "\n")[:30]...)
	report := audited(t, audit(all, store, application.AuditConfig{}))
	if diff := cmp.Diff(map[string]int64{"b": 10}, report.MissingIn); diff != "" {
		t.Fatal(diff)
	}
	store.units = nil
	r := replay(all, store, application.ReplayConfig{Missing: true}).WithCheckpoint(report.Found())
	fixed := run(t, r)
	wantCounts(t, application.ReplayCounts{Read: 40, Stored: 10, Duplicates: 30}, fixed.ReplayCounts)
	if report := audited(t, audit(all, store, application.AuditConfig{})); !report.Complete() {
		t.Errorf("after the fix: %+v", report)
	}
}

func TestAuditOfManyEventsIsThatOfTwoSets(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		inFiles := rapid.SliceOfN(rapid.IntRange(0, 200), 1, 150).Draw(rt, "files")
		inStore := rapid.SliceOf(rapid.IntRange(0, 200)).Draw(rt, "store")
		store, f, s := memory.NewStore(), map[int]bool{}, map[int]bool{}
		texts := map[string]string{}
		for i, n := range inFiles {
			f[n] = true
			texts[fmt.Sprint("file ", i%3)] += line("Delivery", n) + "\n"
		}
		for _, n := range inStore {
			s[n] = true
			if _, err := ingest(store).Ingest(rt.Context(), line("Delivery", n)); err != nil {
				rt.Fatal(err)
			}
		}
		first, last := 1000, -1
		for n := range f {
			first, last = min(first, n), max(last, n)
		}
		want := application.AuditReport{Read: int64(len(inFiles)), Events: int64(len(f)), Copies: int64(len(inFiles) - len(f))}
		for n := range f {
			if !s[n] {
				want.OnlyFiles++
			}
		}
		for n := range s {
			if !f[n] && first <= n && n <= last {
				want.OnlyStore++
			}
		}
		a := audit(texts, store, application.AuditConfig{Entries: rapid.IntRange(1, 50).Draw(rt, "entries")})
		if rapid.Bool().Draw(rt, "with scratch") {
			a = a.WithScratch(&scratch{})
		}
		report, err := a.Run(rt.Context())
		if err != nil {
			rt.Fatal(err)
		}
		got := application.AuditReport{
			Read: report.Read, Events: report.Events, Copies: report.Copies,
			OnlyFiles: report.OnlyFiles, OnlyStore: report.OnlyStore,
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(application.AuditReport{})); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// shaky is an index that goes away in the midst of it.
type shaky struct {
	*memory.Store
	asked int
}

func (s *shaky) EventIDs(ctx context.Context, from, to time.Time) iter.Seq2[domain.EventID, error] {
	return func(yield func(domain.EventID, error) bool) {
		s.asked++
		n := 0
		for id, err := range s.Store.EventIDs(ctx, from, to) {
			if n++; n > 5 && s.asked < 9 {
				yield(id, fmt.Errorf("away: %w", ports.ErrUnavailable))
				return
			}
			if !yield(id, err) {
				return
			}
		}
	}
}

func TestAuditWaitsForStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &shaky{Store: memory.NewStore()}
		all := files([]string{"a"}, 40)
		run(t, replay(all, store, application.ReplayConfig{}))
		if report := audited(t, audit(all, store, application.AuditConfig{})); !report.Complete() || report.OnlyStore != 0 {
			t.Errorf("got %+v", report)
		}
		if store.asked != 9 {
			t.Errorf("asked %d times", store.asked)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := audit(all, store, application.AuditConfig{}).Run(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := audit(all, store, application.AuditConfig{Patience: time.Minute}).Run(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}
