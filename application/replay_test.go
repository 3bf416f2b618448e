package application_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// files returns log files of n messages each, received and delivered.
func files(names []string, n int) map[string]string {
	all := map[string]string{}
	for f, name := range names {
		var text strings.Builder
		for i := f * n; i < (f+1)*n; i++ {
			text.WriteString(line("Reception", i) + "\n" + line("Delivery", i) + "\n")
		}
		all[name] = text.String()
	}
	return all
}

func replay(files map[string]string, store replayed, config application.ReplayConfig) *application.Replay {
	return application.NewReplay(memory.NewSegments(files, 7), ingest(store), store, config)
}

type replayed interface {
	ports.Journal
	ports.EventIndex
}

func run(t *testing.T, r *application.Replay) application.ReplayReport {
	t.Helper()
	report, err := r.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func wantCounts(t *testing.T, want, got application.ReplayCounts) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestReplayStoresWhatFilesHaveOnce(t *testing.T) {
	store := memory.NewStore()
	all := files([]string{"a/1", "a/2", "b/1"}, 50)
	report := run(t, replay(all, store, application.ReplayConfig{}))
	wantCounts(t, application.ReplayCounts{Read: 300, Stored: 300}, report.ReplayCounts)
	size := int64(0)
	for _, text := range all {
		size += int64(len(text))
	}
	if report.Files() != 3 || report.Bytes != size || report.Total != size || !report.Complete() {
		t.Errorf("%d files, %d of %d bytes, complete %t", report.Files(), report.Bytes, report.Total, report.Complete())
	}
	again := run(t, replay(all, store, application.ReplayConfig{}))
	wantCounts(t, application.ReplayCounts{Read: 300, Duplicates: 300}, again.ReplayCounts)
	if n := stored(t, store); n != 300 {
		t.Errorf("%d events are stored", n)
	}
}

func TestReplayTellsRecordsFromOtherLines(t *testing.T) {
	text := strings.Join([]string{
		"# a header of the segment",
		line("Delivery", 1),
		`{"type":"Authentication","timestamp":"2026-03-01T12:00:00Z","success":true}`,
		`{"level":"info","msg":"another program's"}`,
		`{"type":"Delivery","response":{"code":250}}`,
		`{"type":"Delivery"}`,
		line("Delivery", 2)[:100],
		line("Delivery", 3),
		`Delivery: in a template of one's own`,
		line("Delivery", 4) + line("Delivery", 5),
	}, "\n") + "\n"
	store := memory.NewStore()
	report := run(t, replay(map[string]string{"log": text}, store, application.ReplayConfig{}))
	wantCounts(t, application.ReplayCounts{Read: 11, Stored: 4, Quarantined: 3, Skipped: 4}, report.ReplayCounts)
	if n := len(quarantined(t, store)); n != 3 || report.Complete() {
		t.Errorf("%d entries in quarantine, complete %t", n, report.Complete())
	}
}

// A decoder gives up a text that is bad all over, but a log has other lines.
func TestReplayTakesGoodLinesAmongThousandsOfOthers(t *testing.T) {
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "{\"level\":%d}\n", i)
		if i%1000 == 999 {
			text.WriteString(line("Delivery", i) + "\n")
		}
	}
	for i := range 1500 {
		fmt.Fprintf(&text, "{\"broken\":%d\n", i)
	}
	text.WriteString(line("Delivery", 9000) + "\n")
	store := memory.NewStore()
	segments := memory.NewSegments(map[string]string{"log": text.String()}, 100_000)
	report := run(t, application.NewReplay(segments, ingest(store), store, application.ReplayConfig{}))
	wantCounts(t, application.ReplayCounts{Read: 4504, Stored: 4, Quarantined: 1500, Skipped: 3000}, report.ReplayCounts)
}

func TestReplayTakesTimeThatIsAskedFor(t *testing.T) {
	store := memory.NewStore()
	report := run(t, replay(files([]string{"a"}, 50), store, application.ReplayConfig{
		Since: noon.Add(10 * time.Second), Until: noon.Add(30 * time.Second),
	}))
	wantCounts(t, application.ReplayCounts{Read: 100, Stored: 40, Outside: 60}, report.ReplayCounts)
}

func TestReplayLeavesOutWhatIsNoLongerKept(t *testing.T) {
	store := memory.NewStore()
	later := application.NewIngest(decoder, application.NewCommitter(store, nil), 1, func() time.Time { return noon.AddDate(0, 0, 3) })
	text := line("Delivery", 1) + "\n" + lineAt(noon.AddDate(0, 0, 3), "Bounce", 1) + "\n"
	segments := memory.NewSegments(map[string]string{"log": text}, 10)
	for _, dry := range []bool{true, false} {
		report := run(t, application.NewReplay(segments, later, store, application.ReplayConfig{DryRun: dry}))
		wantCounts(t, application.ReplayCounts{Read: 2, Stored: 1, Expired: 1}, report.ReplayCounts)
	}
}

func TestDryReplayWritesNothing(t *testing.T) {
	store, checkpoint := memory.NewStore(), memory.NewCheckpoint()
	all := files([]string{"a", "b"}, 20)
	run(t, replay(map[string]string{"a": all["a"]}, store, application.ReplayConfig{}))
	all["b"] += "{\"broken\n"
	r := replay(all, store, application.ReplayConfig{DryRun: true}).WithCheckpoint(checkpoint)
	report := run(t, r)
	wantCounts(t, application.ReplayCounts{Read: 81, Stored: 40, Duplicates: 40, Quarantined: 1}, report.ReplayCounts)
	if n, q := stored(t, store), len(quarantined(t, store)); n != 40 || q != 0 || checkpoint.Saves() != 0 {
		t.Errorf("%d events, %d entries in quarantine, %d checkpoints", n, q, checkpoint.Saves())
	}
}

func TestReplayOfMissingRecordsLeavesOthersAlone(t *testing.T) {
	store := &journal{Store: memory.NewStore()}
	all := files([]string{"a", "b"}, 20)
	run(t, replay(map[string]string{"a": all["a"]}, store, application.ReplayConfig{}))
	store.units = nil
	report := run(t, replay(all, store, application.ReplayConfig{Missing: true}))
	wantCounts(t, application.ReplayCounts{Read: 80, Stored: 40, Duplicates: 40}, report.ReplayCounts)
	n := 0
	for _, size := range store.sizes() {
		n += size
	}
	if n != 40 {
		t.Errorf("%d events were committed, want those that were missing", n)
	}
}

// ofHook returns the record of a hook's own message. What it carries is in its
// meta, if the policy puts it there.
func ofHook(kind string, n int, meta string) string {
	var record map[string]any
	if err := json.Unmarshal([]byte(line(kind, n)), &record); err != nil {
		panic(err)
	}
	record["reception_protocol"], record["queue"], record["meta"] = "LogRecord", "webhook.log_hook", json.RawMessage(meta)
	text, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestReplayRestoresWhatHookLost(t *testing.T) {
	quoted, err := json.Marshal(line("Delivery", 3))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join([]string{
		ofHook("Delivery", 100, `{}`),
		ofHook("TransientFailure", 101, `{}`),
		ofHook("Bounce", 102, `{"log_record":`+line("Delivery", 1)+`}`),
		ofHook("Expiration", 103, `{"log_record":`+line("Delivery", 2)+`}`),
		ofHook("AdminBounce", 104, `{"log_record":`+string(quoted)+`}`),
		ofHook("Bounce", 105, `{}`),
		ofHook("Bounce", 106, `{"log_record":{"no":"record"}}`),
		ofHook("Bounce", 107, `{"log_record":`+ofHook("Bounce", 1, `{}`)+`}`),
		line("Delivery", 2),
	}, "\n") + "\n"
	store := memory.NewStore()
	r := application.NewReplay(memory.NewSegments(map[string]string{"log": text}, 100), ingest(store), store, application.ReplayConfig{})
	report := run(t, r)
	wantCounts(t, application.ReplayCounts{
		Read: 9, Stored: 1, Hook: 8, Lost: map[string]int64{"webhook": 6}, Restored: 2, Known: 1, Unrestored: 3,
	}, report.ReplayCounts)
	if n := stored(t, store); n != 3 {
		t.Errorf("%d events are stored", n)
	}
	again := run(t, r)
	wantCounts(t, application.ReplayCounts{
		Read: 9, Duplicates: 1, Hook: 8, Lost: map[string]int64{"webhook": 6}, Known: 3, Unrestored: 3,
	}, again.ReplayCounts)
}

// stubborn is a store that fails as it is told.
type stubborn struct {
	*memory.Store
	fail func(u ports.Unit) error
}

func (s *stubborn) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	if err := s.fail(u); err != nil {
		return ports.Committed{}, err
	}
	return s.Store.Commit(ctx, u)
}

func TestReplayWaitsForStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		store := &stubborn{Store: memory.NewStore(), fail: func(ports.Unit) error {
			if age := time.Since(start); age > 5*time.Second && age < 65*time.Second {
				return fmt.Errorf("away: %w", ports.ErrUnavailable)
			}
			time.Sleep(time.Second)
			return nil
		}}
		report := run(t, replay(files([]string{"a", "b"}, 50), store, application.ReplayConfig{UnitEvents: 10}))
		wantCounts(t, application.ReplayCounts{Read: 200, Stored: 200}, report.ReplayCounts)
	})
}

func TestReplayEndsWhereStoreStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commits := 0
		store := &stubborn{Store: memory.NewStore(), fail: func(ports.Unit) error {
			if commits++; commits > 5 {
				return fmt.Errorf("away: %w", ports.ErrUnavailable)
			}
			return nil
		}}
		checkpoint := memory.NewCheckpoint()
		all := files([]string{"a", "b"}, 50)
		config := application.ReplayConfig{UnitEvents: 10, Workers: 1, Patience: time.Minute}
		report, err := replay(all, store, config).WithCheckpoint(checkpoint).Run(t.Context())
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Fatalf("got %v", err)
		}
		if n := stored(t, store.Store); n == 0 || int64(n) != report.Stored {
			t.Errorf("%d events are stored, the report says %d", n, report.Stored)
		}
		store.fail = func(ports.Unit) error { return nil }
		rest := run(t, replay(all, store, config).WithCheckpoint(checkpoint))
		wantCounts(t, application.ReplayCounts{Read: 200 - report.Read, Stored: 200 - report.Stored}, rest.ReplayCounts)
	})
}

func TestInterruptedReplayGoesOnWhereItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, interrupt := context.WithCancelCause(t.Context())
		why := errors.New("interrupted")
		commits := 0
		store := &stubborn{Store: memory.NewStore(), fail: func(ports.Unit) error {
			if commits++; commits == 4 {
				interrupt(why)
			}
			time.Sleep(time.Second) // and is finished all the same
			return nil
		}}
		checkpoint := memory.NewCheckpoint()
		all := files([]string{"a", "b", "c"}, 50)
		config := application.ReplayConfig{UnitEvents: 10, Workers: 1}
		report, err := replay(all, store, config).WithCheckpoint(checkpoint).Run(ctx)
		if !errors.Is(err, why) {
			t.Fatalf("got %v", err)
		}
		if n := stored(t, store.Store); n == 0 || n == 300 || int64(n) != report.Stored {
			t.Errorf("%d events are stored, the report says %d", n, report.Stored)
		}
		rest := run(t, replay(all, store, config).WithCheckpoint(checkpoint))
		wantCounts(t, application.ReplayCounts{Read: 300 - report.Read, Stored: 300 - report.Stored}, rest.ReplayCounts)
	})
}

// unwritable is a checkpoint that cannot be written.
type unwritable struct{ *memory.Checkpoint }

func (unwritable) Save(context.Context, map[string]ports.Mark) error { return errors.New("disk full") }

func TestReplayFailsWhereCheckpointCannotBeKept(t *testing.T) {
	r := replay(files([]string{"a"}, 5), memory.NewStore(), application.ReplayConfig{})
	if _, err := r.WithCheckpoint(unwritable{memory.NewCheckpoint()}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("got %v", err)
	}
}

// spoiled are segments with what cannot be read.
type spoiled struct{ memory.Segments }

func (s spoiled) Read(ctx context.Context, done map[string]ports.Mark) iter.Seq2[ports.Slice, error] {
	return func(yield func(ports.Slice, error) bool) {
		yield(ports.Slice{File: "broken", Lost: "bytes 10 to 20: no frame"}, nil)
		yield(ports.Slice{File: ".hidden", Passed: "its name begins with a dot"}, nil)
		for slice, err := range s.Segments.Read(ctx, done) {
			if !yield(slice, err) {
				return
			}
		}
		yield(ports.Slice{}, errors.New("no such folder"))
	}
}

func TestReplaySaysWhatCouldNotBeRead(t *testing.T) {
	store := memory.NewStore()
	r := application.NewReplay(spoiled{memory.NewSegments(files([]string{"a"}, 10), 7)}, ingest(store), store, application.ReplayConfig{})
	report, err := r.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such folder") {
		t.Errorf("got %v", err)
	}
	wantCounts(t, application.ReplayCounts{Read: 20, Stored: 20}, report.ReplayCounts)
	if diff := cmp.Diff([]application.UnreadPart{{"broken", "bytes 10 to 20: no frame"}}, report.Unread); diff != "" || report.Complete() {
		t.Error(diff, report.Complete())
	}
	if !maps.Equal(report.Passed(), map[string]string{".hidden": "its name begins with a dot"}) {
		t.Errorf("passed over: %v", report.Passed())
	}
}

// note remembers what a replay told.
type note struct {
	reports []application.ReplayReport
	waits   int
}

func (n *note) Took(_ *ports.Slice, r *application.ReplayReport) { n.reports = append(n.reports, *r) }
func (n *note) Waits(error, time.Duration)                       { n.waits++ }

func TestReplayTellsHowItGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := true
		store := &stubborn{Store: memory.NewStore(), fail: func(ports.Unit) error {
			if away {
				away = false
				return fmt.Errorf("away: %w", ports.ErrUnavailable)
			}
			return nil
		}}
		var n note
		run(t, replay(files([]string{"a"}, 50), store, application.ReplayConfig{Workers: 1}).WithWatcher(&n))
		last := n.reports[len(n.reports)-1]
		if n.waits != 1 || len(n.reports) < 100/7 || last.Stored != 100 || last.Bytes != last.Total {
			t.Errorf("%d waits, %d reports, last %+v", n.waits, len(n.reports), last)
		}
	})
}

// Whatever the store does and whenever the replay ends, what its checkpoint is
// past is stored, and another replay adds the rest.
func TestCheckpointIsNeverPastWhatIsStored(t *testing.T) {
	all := files([]string{"a", "b"}, 60)
	for seed := range 60 {
		synctest.Test(t, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			var commits atomic.Int64
			store := &stubborn{Store: memory.NewStore(), fail: func(ports.Unit) error {
				n := int(commits.Add(1))
				time.Sleep(time.Duration((n*7919+seed*104729)%5000) * time.Millisecond)
				if n == 3+seed%15 {
					interrupt()
				}
				if (n+seed)%4 == 0 {
					return fmt.Errorf("away: %w", ports.ErrUnavailable)
				}
				return nil
			}}
			checkpoint := memory.NewCheckpoint()
			config := application.ReplayConfig{UnitEvents: 5, Workers: 1 + seed%4}
			_, err := replay(all, store, config).WithCheckpoint(checkpoint).Run(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("got %v", err)
			}
			checkDone(t, all, checkpoint, store.Store)
			run(t, replay(all, store.Store, config).WithCheckpoint(checkpoint))
			if n := stored(t, store.Store); n != 240 {
				t.Errorf("%d events are stored in the end", n)
			}
		})
	}
}

func checkDone(t *testing.T, files map[string]string, c *memory.Checkpoint, store *memory.Store) {
	t.Helper()
	marks, err := c.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for file, mark := range marks {
		done := strings.SplitAfter(files[file], "\n")[:mark.Lines]
		var ids []domain.EventID
		for _, e := range unit(done...).Events {
			ids = append(ids, e.ID)
		}
		known, err := store.KnownEvents(t.Context(), ids)
		if err != nil {
			t.Fatal(err)
		}
		if len(known) != len(ids) {
			t.Errorf("%s: %d lines are done, but only %d events are stored", file, len(ids), len(known))
		}
	}
}
