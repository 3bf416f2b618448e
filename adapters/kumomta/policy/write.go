package policy

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Edited says what Write does with files that are not as it wrote them last,
// where it would write something else.
type Edited int

// What to do with edited files.
const (
	RefuseEdited  Edited = iota // write nothing and fail with EditedError
	KeepEdited                  // leave them alone and write the others
	ReplaceEdited               // replace them
)

// EditedError names files that somebody edited.
type EditedError struct{ Names []string }

func (e *EditedError) Error() string {
	return fmt.Sprintf("%d files are not as they were written: %s", len(e.Names), strings.Join(e.Names, ", "))
}

// Manifest is the name of the file in which Write remembers what it wrote, in
// the format of sha256sum.
const Manifest = ".kumotrail.sha256"

// Result names what Write did, sorted. Files that were there as they should be are
// in neither list.
type Result struct {
	Written []string
	Kept    []string // edited, where something else would have been written
}

// Write writes the policy set into a folder, which it makes. Each file is replaced
// as a whole. Everybody may read them; they hold no secrets.
func Write(dir string, o Options, edited Edited) (Result, error) {
	files, err := Files(o)
	if err != nil {
		return Result{}, err
	}
	last, err := readManifest(dir)
	if err != nil {
		return Result{}, err
	}
	var r Result
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		switch old, err := os.ReadFile(place(dir, name)); {
		case errors.Is(err, fs.ErrNotExist):
			r.Written = append(r.Written, name)
		case err != nil:
			return Result{}, fmt.Errorf("compare with what is there: %w", err)
		case bytes.Equal(old, files[name]):
		case sum(old) == last[name] || edited == ReplaceEdited:
			r.Written = append(r.Written, name)
		default:
			r.Kept = append(r.Kept, name)
		}
	}
	if len(r.Kept) > 0 && edited == RefuseEdited {
		return Result{}, &EditedError{r.Kept}
	}
	for _, name := range r.Written {
		if err := replace(place(dir, name), files[name]); err != nil {
			return Result{}, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return r, writeManifest(dir, names, files)
}

func place(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

// readManifest returns sums by name, none where nothing was written yet.
func readManifest(dir string) (map[string]string, error) {
	text, err := os.ReadFile(place(dir, Manifest))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read what was written last: %w", err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(text)) {
		s, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		sums[name] = s
	}
	return sums, nil
}

// writeManifest notes what would be there without edits, so that a file which
// was kept counts as edited the next time too.
func writeManifest(dir string, names []string, files map[string][]byte) error {
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s  %s\n", sum(files[name]), name)
	}
	if err := replace(place(dir, Manifest), []byte(text.String())); err != nil {
		return fmt.Errorf("write %s: %w", Manifest, err)
	}
	return nil
}

// replace writes a file under another name first, for KumoMTA looks at them
// every few seconds.
func replace(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // kumod runs as another user
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".kumotrail-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
