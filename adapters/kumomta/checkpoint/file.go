// Package checkpoint keeps in a file how far log files were read.
package checkpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"

	"github.com/kumotrail/kumotrail/ports"
)

// ErrInUse says that another process has the checkpoint open.
var ErrInUse = errors.New("in use by another process")

// ErrPlace says that the checkpoint cannot be where it should be.
var ErrPlace = errors.New("no place for a checkpoint")

// version is that of the file's format.
const version = 1

// pruneEvery is after how many saves files that are gone are left out.
const pruneEvery = 500

// File is a checkpoint in a file, which is replaced whole with each save. Beside
// it is a file that is locked as long as it is open. It is not safe for
// concurrent use.
type File struct {
	path  string
	lock  *flock.Flock
	saves int
}

var _ ports.Checkpoint = (*File)(nil)

// Open opens the checkpoint at path, which need not exist yet; its folder must.
// In a folder that logs are read from, or below one, its name must begin with a
// dot: KumoMTA takes the right to write from every other file there when it
// starts (kumomta.md section 6). logs are the paths that are read.
func Open(path string, logs []string) (*File, error) {
	full, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	folder, name := filepath.Split(full)
	if !strings.HasPrefix(name, ".") && amongLogs(filepath.Clean(folder), logs) {
		return nil, fmt.Errorf("checkpoint: %w: %s is among the logs, where its name must begin with a dot", ErrPlace, full)
	}
	lock := flock.New(beside(full, ".lock"))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("checkpoint: lock: %w", err)
	}
	if !locked {
		return nil, fmt.Errorf("checkpoint: %w: %s", ErrInUse, full)
	}
	return &File{path: full, lock: lock}, nil
}

// resolve returns the absolute path of what is or will be a file, links followed.
func resolve(path string) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(full))
	if err != nil {
		return "", err
	}
	full = filepath.Join(folder, filepath.Base(full))
	if target, err := filepath.EvalSymlinks(full); err == nil {
		full = target
	}
	info, err := os.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return full, nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%w: %s is no file", ErrPlace, full)
	}
	return full, nil
}

// beside is the path of a dotfile in the same folder.
func beside(path, suffix string) string {
	folder, name := filepath.Split(path)
	return filepath.Join(folder, "."+strings.TrimPrefix(name, ".")+suffix)
}

// amongLogs says whether logs are read from a folder or one above it.
func amongLogs(folder string, logs []string) bool {
	for _, path := range logs {
		if path == "-" {
			continue
		}
		full, err := filepath.Abs(path)
		if err != nil {
			continue
		}
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() {
			full = filepath.Dir(full)
		}
		if target, err := filepath.EvalSymlinks(full); err == nil {
			full = target
		}
		rel, err := filepath.Rel(full, folder)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return true
		}
	}
	return false
}

// Close lets another process open the checkpoint.
func (f *File) Close() error { return f.lock.Close() }

// content is the file's.
type content struct {
	Version int             `json:"version"`
	Files   map[string]mark `json:"files"`
}

type mark struct {
	Lines int64  `json:"lines"`
	Done  bool   `json:"done,omitempty"`
	Size  int64  `json:"size,omitempty"`
	Head  string `json:"head,omitempty"`
}

// Load implements ports.Checkpoint. Files that are gone from their folder are
// left out.
func (f *File) Load(context.Context) (map[string]ports.Mark, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]ports.Mark{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: load: %w", err)
	}
	marks, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %s cannot be understood (%w); without it everything is read again", f.path, err)
	}
	for path := range marks {
		if isGone(path) {
			delete(marks, path)
		}
	}
	return marks, nil
}

func parse(text []byte) (map[string]ports.Mark, error) {
	var c content
	// The version comes first: a later one may have what is unknown here.
	if err := json.Unmarshal(text, &struct {
		Version *int `json:"version"`
	}{&c.Version}); err != nil {
		return nil, err
	}
	if c.Version != version {
		return nil, fmt.Errorf("version %d, want %d", c.Version, version)
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(&c); err != nil {
		return nil, err
	}
	if c.Files == nil {
		return nil, errors.New("no files")
	}
	marks := make(map[string]ports.Mark, len(c.Files))
	for path, m := range c.Files {
		if m.Lines < 0 || m.Size < 0 {
			return nil, errors.New("a number below 0")
		}
		marks[path] = ports.Mark(m)
	}
	return marks, nil
}

// isGone says whether a file is no longer in its folder. Of an empty folder that
// is not sure: nothing may be mounted there.
func isGone(path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return false
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(1)
	return len(names) > 0
}

// Save implements ports.Checkpoint: it writes another file, and puts it in place
// of this one when it is on disk.
func (f *File) Save(_ context.Context, marks map[string]ports.Mark) error {
	c := content{Version: version, Files: make(map[string]mark, len(marks))}
	f.saves++
	for path, m := range marks {
		if f.saves%pruneEvery != 0 || !isGone(path) {
			c.Files[path] = mark(m)
		}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := f.replace(append(text, '\n')); err != nil {
		return fmt.Errorf("checkpoint: save %d bytes: %w", len(text), err)
	}
	return nil
}

func (f *File) replace(text []byte) error {
	next := beside(f.path, ".next")
	err := writeSynced(next, text)
	if err == nil {
		err = os.Rename(next, f.path)
	}
	if err != nil {
		_ = os.Remove(next) // it is in nobody's way
		return err
	}
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there
	}
	folder, err := os.Open(filepath.Dir(f.path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

func writeSynced(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(text); err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
