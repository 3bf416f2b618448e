package checkpoint_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/kumomta/checkpoint"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func open(t *testing.T, path string, logs ...string) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(path, logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// logs are files that marks can be of.
func logs(t *testing.T, n int) (folder string, marks map[string]ports.Mark) {
	t.Helper()
	folder, marks = t.TempDir(), map[string]ports.Mark{"-": {Lines: 5, Head: "3:abc"}}
	for i := range n {
		path := filepath.Join(folder, fmt.Sprint("segment ü\n", i))
		if err := os.WriteFile(path, nil, 0o400); err != nil {
			t.Fatal(err)
		}
		marks[path] = ports.Mark{Lines: int64(i), Done: i%2 == 0, Size: int64(i) << 33, Head: strings.Repeat("f", i%40)}
	}
	return folder, marks
}

func TestLoadGivesWhatWasSavedLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	_, marks := logs(t, 300)
	f := open(t, path)
	for range 2 {
		got, err := f.Load(t.Context())
		if err != nil || got == nil || len(got) != 0 {
			t.Fatalf("load of nothing: %v, %v", got, err)
		}
	}
	for _, want := range []map[string]ports.Mark{marks, {"-": {}}, {}, marks} {
		if err := f.Save(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		got, err := f.Load(t.Context())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("load: %v (-want +got):\n%s", err, diff)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := open(t, path).Load(t.Context())
	if diff := cmp.Diff(marks, got); err != nil || diff != "" {
		t.Errorf("load by another: %v (-want +got):\n%s", err, diff)
	}
}

func TestLoadLeavesOutFilesThatAreGone(t *testing.T) {
	f := open(t, filepath.Join(t.TempDir(), "checkpoint"))
	folder, marks := logs(t, 3)
	away := filepath.Join(t.TempDir(), "unmounted", "segment")
	marks[away] = ports.Mark{Lines: 1}
	if err := f.Save(t.Context(), marks); err != nil {
		t.Fatal(err)
	}
	gone := filepath.Join(folder, "segment ü\n1")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	got, err := f.Load(t.Context())
	delete(marks, gone)
	if diff := cmp.Diff(marks, got); err != nil || diff != "" {
		t.Errorf("load: %v (-want +got):\n%s", err, diff)
	}
}

func TestLoadRefusesWhatItCannotUnderstand(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":           "",
		"half of one":       `{"version":1,"files":{"/a":{"li`,
		"another program's": `{"file":"20260314-150926","line":17}`,
		"a later version":   `{"version":2,"files":{}}`,
		"no files":          `{"version":1}`,
		"unknown fields":    `{"version":1,"files":{"/a":{"lines":1,"offset":3}}}`,
		"a negative line":   `{"version":1,"files":{"/a":{"lines":-1}}}`,
		"zeros":             "\x00\x00\x00\x00",
		"more behind it":    `{"version":1,"files":{}}{}`,
	} {
		path := filepath.Join(t.TempDir(), "checkpoint")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := open(t, path).Load(t.Context())
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, error %v", name, got, err)
		}
	}
}

func TestOpenRefusesPlaceAmongLogs(t *testing.T) {
	logs := t.TempDir()
	below := filepath.Join(logs, "delivery")
	if err := os.Mkdir(below, 0o755); err != nil {
		t.Fatal(err)
	}
	segment := filepath.Join(below, "20260314-150926")
	if err := os.WriteFile(segment, nil, 0o400); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(logs, link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		path, log string
		fine      bool
	}{
		{filepath.Join(logs, "checkpoint"), logs, false},
		{filepath.Join(logs, "checkpoint"), link, false},
		{filepath.Join(link, "checkpoint"), logs, false},
		{filepath.Join(below, "checkpoint"), logs, false},
		{filepath.Join(below, "checkpoint"), segment, false},
		{filepath.Join(logs, "checkpoint"), segment, true},
		{filepath.Join(logs, ".checkpoint"), logs, true},
		{filepath.Join(below, ".checkpoint"), segment, true},
		{filepath.Join(t.TempDir(), "checkpoint"), logs, true},
		{logs + "-checkpoint", logs, true},
		{filepath.Join(t.TempDir(), "checkpoint"), "-", true},
	} {
		f, err := checkpoint.Open(tc.path, []string{tc.log})
		if tc.fine != (err == nil) || !tc.fine && !errors.Is(err, checkpoint.ErrPlace) {
			t.Errorf("checkpoint %s of logs in %s: %v", tc.path, tc.log, err)
		}
		if err == nil {
			_ = f.Close()
		}
	}
}

func TestOpenRefusesWhatIsNoPlaceForFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := checkpoint.Open(dir, nil); !errors.Is(err, checkpoint.ErrPlace) {
		t.Errorf("open a folder: %v", err)
	}
	if _, err := checkpoint.Open(filepath.Join(dir, "no", "such"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open in a folder that is not there: %v", err)
	}
}

func TestOpenHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	f := open(t, path)
	if _, err := checkpoint.Open(path, nil); !errors.Is(err, checkpoint.ErrInUse) {
		t.Errorf("open what is open: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestSaveLeavesNothingButDotfilesBesideIt(t *testing.T) {
	dir := t.TempDir()
	f := open(t, filepath.Join(dir, ".checkpoint"), dir)
	for range 3 {
		if err := f.Save(t.Context(), map[string]ports.Mark{"-": {Lines: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := []string{".checkpoint", ".checkpoint.lock"}; !slices.Equal(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestSaveThatFailsKeepsWhatWasSaved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "checkpoint")
	f := open(t, path)
	want := map[string]ports.Mark{"-": {Lines: 1}}
	if err := f.Save(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	// What is to be renamed cannot be written where a folder has its name.
	if err := os.Mkdir(filepath.Join(dir, ".checkpoint.next"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(t.Context(), map[string]ports.Mark{"-": {Lines: 2}}); err == nil {
		t.Error("save did not fail")
	}
	got, err := f.Load(t.Context())
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("load: %v (-want +got):\n%s", err, diff)
	}
}

func TestSaveFollowsLink(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte(`{"version":1,"files":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "checkpoint")
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if err := open(t, link).Save(t.Context(), map[string]ports.Mark{"-": {Lines: 7}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(target)
	if err != nil || !strings.Contains(string(text), `"lines":7`) {
		t.Errorf("target has %s, error %v", text, err)
	}
}

func TestFileKeepsContractOfCheckpoint(t *testing.T) {
	contract.TestCheckpoint(t, func(t *testing.T) ports.Checkpoint {
		return open(t, filepath.Join(t.TempDir(), "checkpoint"))
	})
}
