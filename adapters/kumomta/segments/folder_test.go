package segments_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
)

func TestReadOrdersFilesOfFolderByName(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"20260102-000000.5", "20260102-000000", "20260101-235959.123456789", "20260102-000001_oob"} {
		put(t, filepath.Join(dir, name), frameOf(recordsOf(10*i, 10)))
	}
	s := newSegments(t, segments.Config{Paths: []string{dir}})
	var order []string
	for slice, err := range s.Read(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, filepath.Base(slice.File))
	}
	want := []string{"20260101-235959.123456789", "20260102-000000", "20260102-000000.5", "20260102-000001_oob"}
	if diff := cmp.Diff(want, slices.Compact(order)); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func newSegments(t testing.TB, c segments.Config) *segments.Segments {
	t.Helper()
	s, err := segments.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadWalksFoldersAndPassesOverWhatIsNoLogFile(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "node-a", "delivery"))
	mkdir(t, filepath.Join(dir, "node-b"))
	mkdir(t, filepath.Join(dir, ".git"))
	put(t, filepath.Join(dir, "node-a", "1"), frameOf(recordsOf(0, 3)))
	put(t, filepath.Join(dir, "node-a", "delivery", "1"), frameOf(recordsOf(3, 4)))
	put(t, filepath.Join(dir, "node-b", "1"), gzipOf(recordsOf(7, 5)))
	put(t, filepath.Join(dir, "node-b", ".tailer-checkpoint"), []byte(`{"file":"1","line":3}`))
	put(t, filepath.Join(dir, ".git", "1"), frameOf(recordsOf(0, 3)))
	put(t, filepath.Join(dir, "program"), []byte("\x7fELF\x02\x01\x01\x00"))
	if err := os.Symlink(dir, filepath.Join(dir, "node-b", "around")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "node-a", "1"), filepath.Join(dir, "node-b", "link")); err != nil {
		t.Fatal(err)
	}
	type word struct {
		Lines  int64
		Passed string
	}
	got := map[string]word{}
	for name, f := range read(t, segments.Config{Paths: []string{dir}}, nil) {
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.ToSlash(rel)] = word{f.Lines, f.Passed}
	}
	want := map[string]word{
		"node-a/1":                  {3, ""},
		"node-a/delivery/1":         {4, ""},
		"node-b/1":                  {5, ""},
		"node-b/link":               {3, ""},
		"node-b/.tailer-checkpoint": {0, "its name begins with a dot"},
		"node-b/around":             {0, "a link to a folder"},
		".git":                      {0, "its name begins with a dot"},
		"program":                   {0, "no log file: neither text nor zstd nor gzip"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestReadTakesFileOnceThatIsNamedTwice(t *testing.T) {
	dir := t.TempDir()
	path := put(t, filepath.Join(dir, "1"), frameOf(recordsOf(0, 3)))
	put(t, filepath.Join(dir, "2"), frameOf(recordsOf(3, 3)))
	for _, paths := range [][]string{{path, path}, {dir, path}, {path, dir}, {dir, dir + "/."}} {
		got := read(t, segments.Config{Paths: paths}, nil)
		if got[path].Lines != 3 {
			t.Errorf("%d lines of a file of 3", got[path].Lines)
		}
	}
	if got := read(t, segments.Config{Paths: []string{path}}, nil); len(got) != 1 {
		t.Errorf("read %d files, asked for one", len(got))
	}
}

func TestReadTakesDotfileThatIsNamed(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), ".saved"), frameOf(recordsOf(0, 3)))
	if got := readFile(t, path, ports.Mark{}); got.Lines != 3 || got.Passed != "" {
		t.Errorf("%d lines, passed over: %q", got.Lines, got.Passed)
	}
}

func TestReadOfPathThatIsNotThereFails(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "1"), frameOf(recordsOf(0, 3)))
	got, err := readAll(t.Context(), t, segments.Config{Paths: []string{dir, filepath.Join(dir, "no", "such")}}, nil)
	if !errors.Is(err, fs.ErrNotExist) || len(got) != 0 {
		t.Errorf("%d files, error %v", len(got), err)
	}
}

func TestReadTakesStandardInput(t *testing.T) {
	for name, content := range map[string][]byte{
		"plain": []byte(recordsOf(0, 5000)), "zstd": frameOf(recordsOf(0, 5000)), "gzip": gzipOf(recordsOf(0, 5000)),
	} {
		got := read(t, segments.Config{Paths: []string{"-"}, Stdin: strings.NewReader(string(content))}, nil)["-"]
		if got.Text != recordsOf(0, 5000) || !got.Done || got.mark.Done || got.size != 0 || got.read != int64(len(content)) {
			t.Errorf("%s: %d lines, done %v, marked so %v, %d of %d bytes", name, got.Lines, got.Done, got.mark.Done, got.read, got.size)
		}
	}
}

func TestReadGoesOnFromMarks(t *testing.T) {
	dir := t.TempDir()
	const n = 2000
	for format, content := range map[string][]byte{
		"plain": []byte(recordsOf(0, n)), "gzip": gzipOf(recordsOf(0, n)),
		"zstd": slicesOf(frameOf(recordsOf(0, 500)), cutFrameOf(recordsOf(500, 100)+record(1)[:20]), frameOf(recordsOf(600, n-600))),
	} {
		path := put(t, filepath.Join(dir, format), content)
		whole := readFile(t, path, ports.Mark{})
		for _, lines := range []int64{0, 1, 499, 500, 600, 601, 1999} {
			got := readFile(t, path, ports.Mark{Lines: lines, Head: whole.mark.Head})
			all := readFile(t, path, ports.Mark{})
			behind := strings.Count(all.Text, "\n") - strings.Count(got.Text, "\n")
			if format == "zstd" && lines > 600 {
				behind++ // the cut line is one, and has no text
			}
			if got.First != lines || got.First+got.Lines != all.Lines || !strings.HasSuffix(all.Text, got.Text) || behind != int(lines) {
				t.Errorf("%s from %d: lines %d to %d of %d", format, lines, got.First, got.First+got.Lines, all.Lines)
			}
		}
		if got := readFile(t, path, whole.mark); got.Passed != "done before" || got.Lines != 0 {
			t.Errorf("%s: what is done is read again, %d lines", format, got.Lines)
		}
	}
}

func TestReadNoticesWhatIsNotTheFileOfTheMark(t *testing.T) {
	path := put(t, filepath.Join(t.TempDir(), "1"), frameOf(recordsOf(0, 300)))
	mark := readFile(t, path, ports.Mark{}).mark
	for name, tc := range map[string]struct {
		content []byte
		first   int64
		lost    string
	}{
		"another of the same size": {frameOf(recordsOf(1000, 300)), 0, ""},
		"another that is larger":   {frameOf(recordsOf(1000, 900)), 0, ""},
		"one that grew":            {slicesOf(frameOf(recordsOf(0, 300)), frameOf(recordsOf(300, 4))), 300, ""},
		"a shorter one":            {frameOf(recordsOf(0, 300))[:100], 0, ""},
	} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		put(t, path, tc.content)
		got := readFile(t, path, mark)
		if got.First != tc.first || got.Passed != "" || got.Lost != tc.lost {
			t.Errorf("%s: begins at line %d, passed over %q, lost %q", name, got.First, got.Passed, got.Lost)
		}
	}
}

func TestReadPassesOverWhatLiesOutsideOfTheTime(t *testing.T) {
	dir := t.TempDir()
	at := time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)
	segment := func(name string, written time.Time, open bool) {
		path := filepath.Join(dir, name)
		putOpen(t, path, frameOf(record(1)))
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
		if !open {
			finish(t, path)
		}
	}
	segment("20260314-060000", at.Add(-90*time.Minute), false)
	segment("20260314-060001_open", at.Add(-90*time.Minute), true)
	segment("20260314-060002.25_stamped", time.Unix(0, 0), false)
	segment("20260314-060003", at.Add(-30*time.Minute), false)
	segment("20260314-133000", at.Add(2*time.Hour), false)
	segment("20260314-143000.123", at.Add(3*time.Hour), false)
	segment("other", at.Add(-90*time.Minute), false)
	var passed []string
	for name, f := range read(t, segments.Config{Paths: []string{dir}, Since: at, Until: at.Add(time.Hour)}, nil) {
		if f.Passed == "outside of the time" {
			passed = append(passed, filepath.Base(name))
		}
	}
	slices.Sort(passed)
	if diff := cmp.Diff([]string{"20260314-060000", "20260314-143000.123"}, passed); diff != "" {
		t.Errorf("passed over (-want +got):\n%s", diff)
	}
}

func TestReadEndsWithItsContextAndItsReader(t *testing.T) {
	dir := t.TempDir()
	for i := range 5 {
		put(t, filepath.Join(dir, string(rune('a'+i))), frameOf(recordsOf(0, 3000)))
	}
	s := newSegments(t, segments.Config{Paths: []string{dir}})
	for _, err := range s.Read(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		break // the goroutines must end: see TestMain
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range s.Read(ctx, nil) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("last error %v, want that of the context", last)
	}
}

func TestConfigListsEveryFault(t *testing.T) {
	at := time.Unix(1, 0)
	err := segments.Config{Since: at, Until: at, Folders: -1}.Validate()
	for _, want := range []string{"no path", "since", "limit"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not speak of %q", err, want)
		}
	}
	if _, err := segments.New(segments.Config{Paths: []string{"-"}}); err == nil {
		t.Error("standard input is read though there is none")
	}
}
