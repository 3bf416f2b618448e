package segments_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
)

// follower collects what a tailer tells, in a bubble.
type follower struct {
	t    *testing.T
	stop context.CancelFunc
	done sync.WaitGroup
	mu   sync.Mutex
	got  map[string]told
	err  error
}

const poll = time.Second

// follow follows paths in the bubble of t, by polls alone.
func follow(t *testing.T, marks map[string]ports.Mark, paths ...string) *follower {
	return followOn(t, marks, nil, paths...)
}

// followOn adds to what was told before.
func followOn(t *testing.T, marks map[string]ports.Mark, before map[string]told, paths ...string) *follower {
	s := newSegments(t, segments.Config{Paths: paths, Follow: true, PollOnly: true, Poll: poll})
	return followWith(t, s, marks, before)
}

func followWith(t *testing.T, s *segments.Segments, marks map[string]ports.Mark, before map[string]told) *follower {
	ctx, stop := context.WithCancel(t.Context())
	f := &follower{t: t, stop: stop, got: map[string]told{}}
	maps.Copy(f.got, before)
	f.done.Go(func() {
		for slice, err := range s.Read(ctx, marks) {
			f.mu.Lock()
			if f.err = err; err == nil {
				f.got[slice.File] = f.got[slice.File].with(t, slice)
			}
			f.mu.Unlock()
		}
	})
	return f
}

// settle lets the follower look at what there is, and returns what it knows of a
// file.
func (f *follower) settle(path string) told {
	f.t.Helper()
	<-time.After(2 * poll)
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.got[path]
}

// end ends the follower.
func (f *follower) end() {
	f.t.Helper()
	f.stop()
	f.done.Wait()
	if !errors.Is(f.err, context.Canceled) {
		f.t.Errorf("ended with %v, want the context's error", f.err)
	}
}

func appendTo(t testing.TB, path string, content []byte) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func finish(t testing.TB, path string) {
	t.Helper()
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
}

func TestFollowGivesLinesAsTheyComeUntilTheFileIsFinished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "20260314-150926.535897932")
		frame := cutFrameOf(recordsOf(0, 10), recordsOf(10, 10)+record(20)[:30], record(20)[30:])
		end := frameOf("")
		putOpen(t, path, nil)
		f := follow(t, nil, filepath.Dir(path))
		for i := range frame {
			appendTo(t, path, frame[i:i+1])
			if i%100 == 0 {
				f.settle(path)
			}
		}
		if got := f.settle(path); got.Text != recordsOf(0, 21) || got.Done || got.Cut {
			t.Errorf("of a frame that goes on: %d lines, done %v, cut %v", got.Lines, got.Done, got.Cut)
		}
		appendTo(t, path, end[len(end)-3:]) // the last block, without content
		appendTo(t, path, frameOf(recordsOf(21, 5)))
		if got := f.settle(path); got.Text != recordsOf(0, 26) || got.Done {
			t.Errorf("of a frame that was appended: %d lines, done %v", got.Lines, got.Done)
		}
		finish(t, path)
		if got := f.settle(path); got.Text != recordsOf(0, 26) || !got.Done || got.Lost != "" || !got.mark.Done {
			t.Errorf("of a finished file: %d lines, done %v, lost %q", got.Lines, got.Done, got.Lost)
		}
		f.end()
	})
}

func TestFollowGoesOnWithNewFilesAndFolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		f := follow(t, nil, dir)
		f.settle(dir)
		first := putOpen(t, filepath.Join(dir, "1"), []byte(recordsOf(0, 5)))
		f.settle(first)
		second := putOpen(t, filepath.Join(dir, "2"), cutFrameOf(recordsOf(5, 5)))
		mkdir(t, filepath.Join(dir, "node", "bounce"))
		third := putOpen(t, filepath.Join(dir, "node", "bounce", "1"), cutFrameOf(recordsOf(10, 5)))
		f.settle(third)
		for path, want := range map[string]string{first: recordsOf(0, 5), second: recordsOf(5, 5), third: recordsOf(10, 5)} {
			if got := f.settle(path); got.Text != want {
				t.Errorf("%s: %d lines, want 5", path, got.Lines)
			}
		}
		// The first grows though others are newer: one of another record type.
		appendTo(t, first, []byte(recordsOf(15, 2)))
		if got := f.settle(first); got.Lines != 7 {
			t.Errorf("%d lines of a file that grew, want 7", got.Lines)
		}
		f.end()
	})
}

func TestFollowSurvivesWhatIsDoneToFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "1")
		f := follow(t, nil, dir)
		putOpen(t, path, cutFrameOf(recordsOf(0, 5)))
		f.settle(path)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if got := f.settle(path); got.Lines != 5 || !got.Done {
			t.Errorf("of a file that was taken away: %d lines, done %v", got.Lines, got.Done)
		}
		putOpen(t, path, []byte(recordsOf(10, 3)))
		if got := f.settle(path); got.Text != recordsOf(0, 5)+recordsOf(10, 3) {
			t.Errorf("of a file in its place: %d lines, want 5 and 3", got.Lines)
		}
		putOpen(t, path, []byte(recordsOf(20, 2)))
		if got := f.settle(path); !strings.HasSuffix(got.Text, recordsOf(20, 2)) || !strings.Contains(got.Lost, "shorter") {
			t.Errorf("of a file that became shorter: %d lines, lost %q", got.Lines, got.Lost)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if got := f.settle(dir); got.Lost == "" {
			t.Error("no word of a folder that went away")
		}
		mkdir(t, dir)
		putOpen(t, path, []byte(recordsOf(30, 2)))
		if got := f.settle(path); !strings.HasSuffix(got.Text, recordsOf(30, 2)) {
			t.Errorf("of a folder that came back: %d lines", got.Lines)
		}
		f.end()
	})
}

func TestFollowTellsOnceOfWhatItDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		dot := putOpen(t, filepath.Join(dir, ".tailer"), nil)
		image := put(t, filepath.Join(dir, "image"), []byte("\x89PNG\r\n\x1a\n\x00"))
		f := follow(t, nil, dir)
		for range 5 {
			f.settle(dot)
		}
		for _, path := range []string{dot, image} {
			if got := f.settle(path); got.slices != 1 || got.Passed == "" {
				t.Errorf("%s: told %d times, passed over %q", path, got.slices, got.Passed)
			}
		}
		f.end()
	})
}

func TestFollowGoesOnFromMarks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		done := put(t, filepath.Join(dir, "1"), frameOf(recordsOf(0, 500)))
		open := putOpen(t, filepath.Join(dir, "2"), cutFrameOf(recordsOf(0, 100), recordsOf(100, 100)))
		f := follow(t, nil, dir)
		marks := map[string]ports.Mark{done: f.settle(done).mark, open: f.settle(open).mark}
		f.end()
		f = follow(t, marks, dir)
		if got := f.settle(done); got.Passed != "done before" || got.Lines != 0 {
			t.Errorf("of what is done: %d lines, passed over %q", got.Lines, got.Passed)
		}
		if got := f.settle(open); got.Lines != 0 {
			t.Errorf("%d lines twice", got.Lines)
		}
		putOpen(t, open, cutFrameOf(recordsOf(0, 100), recordsOf(100, 100), recordsOf(200, 7)))
		if got := f.settle(open); got.Text != recordsOf(200, 7) {
			t.Errorf("of what came behind the mark: %d lines, want 7", got.Lines)
		}
		f.end()
	})
}

// TestFollowHearsOfChanges follows without polls: what it does not hear of, it
// would wait for until the test ends.
func TestFollowHearsOfChanges(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "node")
	mkdir(t, below)
	first, second := filepath.Join(dir, "1"), filepath.Join(below, "2")
	begun := cutFrameOf(recordsOf(0, 10))
	putOpen(t, first, begun)
	steps := []func(){
		func() { appendTo(t, first, cutFrameOf(recordsOf(0, 10), recordsOf(10, 10))[len(begun):]) },
		func() { putOpen(t, second, []byte(recordsOf(20, 10))) },
		func() { appendTo(t, second, []byte(recordsOf(30, 10))) },
		func() { finish(t, first) },
		func() { finish(t, second) },
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	got := map[string]told{}
	s := newSegments(t, segments.Config{Paths: []string{dir}, Follow: true, Poll: time.Hour})
	for slice, err := range s.Read(ctx, nil) {
		if err != nil {
			t.Fatalf("ended with %v before %d steps", err, len(steps))
		}
		got[slice.File] = got[slice.File].with(t, slice)
		if len(steps) == 0 {
			break
		}
		steps[0]()
		steps = steps[1:]
	}
	if got[first].Text != recordsOf(0, 20) || got[second].Text != recordsOf(20, 20) || !got[first].Done || !got[second].Done {
		t.Errorf("%d and %d lines, done %v and %v", got[first].Lines, got[second].Lines, got[first].Done, got[second].Done)
	}
}

func TestFollowReadsMoreFilesThanItKeepsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files, most = 7, 2
		dir := t.TempDir()
		s := newSegments(t, segments.Config{Paths: []string{dir}, Follow: true, PollOnly: true, Poll: poll})
		segments.LimitTails(s, most)
		text := recordsOf(0, 20)
		content := slicesOf(frameOf(text[:300]), frameOf(text[300:]))
		f := followWith(t, s, nil, nil)
		name := func(i int) string { return filepath.Join(dir, fmt.Sprint("2026031", i, "-150926")) }
		for at := 0; at < len(content); at += 100 {
			for i := range files {
				appendTo(t, name(i), content[at:min(at+100, len(content))])
				if at/100%3 == i%3 {
					f.settle(dir)
				}
			}
		}
		for i := range files {
			if got := f.settle(name(i)); got.Text != text || got.Done {
				t.Errorf("file %d: %d lines of 20, done %v", i, got.Lines, got.Done)
			}
			finish(t, name(i))
		}
		for i := range files {
			if got := f.settle(name(i)); got.Text != text || !got.Done || got.Lost != "" {
				t.Errorf("finished file %d: %d lines of 20, done %v, lost %q", i, got.Lines, got.Done, got.Lost)
			}
		}
		f.end()
	})
}
