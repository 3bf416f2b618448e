package policy

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func writeFile(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(place(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wrote(t *testing.T, dir string, o Options, edited Edited, want ...string) {
	t.Helper()
	got, err := Write(dir, o, edited)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Written); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// older changes constants.lua and shaping.toml alone.
func older(o Options) Options {
	o.Version = "2025.03.19"
	return o
}

func aSet(t *testing.T) (dir string, o Options) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "etc", "policy")
	o = sets()["nothing"]
	if r, err := Write(dir, o, RefuseEdited); err != nil || len(r.Written) != len(must(Files(o))) {
		t.Fatalf("wrote %q, %v", r.Written, err)
	}
	return dir, o
}

func TestWriteWritesTheFilesForAllToRead(t *testing.T) {
	dir, o := aSet(t)
	for name, want := range must(Files(o)) {
		got, err := os.ReadFile(place(dir, name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v, %d bytes of %d", name, err, len(got), len(want))
		}
		if info, err := os.Stat(place(dir, name)); err != nil || info.Mode().Perm() != 0o644 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*", ".kumotrail-*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left over, %v", left, err)
	}
}

func TestWriteAgainWritesNothing(t *testing.T) {
	dir, o := aSet(t)
	wrote(t, dir, o, RefuseEdited)
}

func TestWriteReplacesWhatOnlySettingsChanged(t *testing.T) {
	dir, o := aSet(t)
	wrote(t, dir, older(o), RefuseEdited, "policy/constants.lua", "shaping.toml")
	wrote(t, dir, o, RefuseEdited, "policy/constants.lua", "shaping.toml")
}

func TestWriteBringsBackWhatWasRemoved(t *testing.T) {
	dir, o := aSet(t)
	if err := os.Remove(place(dir, "init.lua")); err != nil {
		t.Fatal(err)
	}
	wrote(t, dir, o, RefuseEdited, "init.lua")
}

func TestWriteLeavesEverythingWhereAFileWasEdited(t *testing.T) {
	dir, o := aSet(t)
	writeFile(t, dir, "shaping.toml", "mine")
	writeFile(t, dir, "queues.toml", "mine")
	_, err := Write(dir, older(o), RefuseEdited)
	edited, ok := errors.AsType[*EditedError](err)
	if !ok {
		t.Fatalf("got %v", err)
	}
	if diff := cmp.Diff([]string{"queues.toml", "shaping.toml"}, edited.Names); diff != "" {
		t.Error(diff)
	}
	r, err := Write(dir, older(o), KeepEdited)
	want := Result{Written: []string{"policy/constants.lua"}, Kept: []string{"queues.toml", "shaping.toml"}}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	if got := string(must(os.ReadFile(place(dir, "shaping.toml")))); got != "mine" {
		t.Errorf("got %q", got)
	}
	// It counts as edited once more.
	if _, err := Write(dir, o, RefuseEdited); err == nil {
		t.Error("took an edited file for its own")
	}
	wrote(t, dir, o, ReplaceEdited, "policy/constants.lua", "queues.toml", "shaping.toml")
	wrote(t, dir, o, RefuseEdited)
}

func TestWriteTakesAnEditThatIsWhatItWouldWrite(t *testing.T) {
	dir, o := aSet(t)
	writeFile(t, dir, "shaping.toml", string(must(Files(older(o)))["shaping.toml"]))
	wrote(t, dir, older(o), RefuseEdited, "policy/constants.lua")
}

func TestWriteTakesForeignFilesForEdited(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "init.lua", "-- somebody's policy")
	_, err := Write(dir, sets()["nothing"], RefuseEdited)
	if edited, ok := errors.AsType[*EditedError](err); !ok || len(edited.Names) != 1 {
		t.Errorf("got %v", err)
	}
	if entries := must(os.ReadDir(dir)); len(entries) != 1 {
		t.Errorf("wrote all the same: %v", entries)
	}
}

func TestWriteFailsWhereItCannotWrite(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "policy", "a file where a folder should be")
	if _, err := Write(dir, sets()["nothing"], ReplaceEdited); err == nil {
		t.Error("no error")
	}
	if _, err := Write(dir, Options{}, ReplaceEdited); err == nil {
		t.Error("no error of wrong options")
	}
}
