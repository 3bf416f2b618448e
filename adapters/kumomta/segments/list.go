package segments

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder is one whose files are read in the order of their names.
type folder struct {
	path string
	only []string // the names that are asked for, nil for all and the folders in it
}

// stream is what can be read once and is no file: standard input, a pipe.
type stream struct{ name string }

// entry is what a folder has under one name.
type entry struct {
	path   string
	info   fs.FileInfo
	passed string // why it is not read
	lost   string // why it cannot be
}

// arrange says what the paths are. Files of one folder belong together.
func arrange(paths []string) (folders []*folder, streams []stream, err error) {
	byPath := map[string]*folder{}
	at := func(path string) *folder {
		f := byPath[path]
		if f == nil {
			f = &folder{path: path, only: []string{}}
			byPath[path] = f
			folders = append(folders, f)
		}
		return f
	}
	for _, path := range paths {
		if path == "-" {
			streams = append(streams, stream{path})
			continue
		}
		full, err := filepath.Abs(path)
		if err != nil {
			return nil, nil, fmt.Errorf("log files: %w", err)
		}
		info, err := os.Stat(full)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("log files: %w", err)
		case info.IsDir():
			if _, err := os.ReadDir(full); err != nil {
				return nil, nil, fmt.Errorf("log files: %w", err)
			}
			at(full).only = nil
		case info.Mode().IsRegular():
			if f := at(filepath.Dir(full)); f.only != nil {
				f.only = append(f.only, filepath.Base(full))
			}
		default:
			streams = append(streams, stream{full})
		}
	}
	return folders, streams, nil
}

// list returns what is in the folder, in order, and the folders below it that
// are to be read too.
func (f *folder) list() (entries []entry, below []string) {
	names, lost := f.names()
	if lost != "" {
		entries = append(entries, entry{path: f.path, lost: lost})
	}
	for _, name := range names {
		e := entry{path: filepath.Join(f.path, name)}
		info, err := os.Stat(e.path)
		switch e.info = info; {
		case err != nil && f.only == nil && os.IsNotExist(err):
			continue // it went away meanwhile
		case err != nil:
			e.lost = reason(err).Error()
		case f.only != nil:
		case strings.HasPrefix(name, "."):
			e.passed = "its name begins with a dot"
		case info.IsDir() && isLink(e.path):
			e.passed = "a link to a folder"
		case info.IsDir():
			below = append(below, e.path)
			continue
		case !info.Mode().IsRegular():
			e.passed = "no log file: not a regular file"
		}
		entries = append(entries, e)
	}
	return entries, below
}

func (f *folder) names() (names []string, lost string) {
	if f.only != nil {
		names = slices.Clone(f.only)
		slices.Sort(names)
		return slices.Compact(names), ""
	}
	found, err := os.ReadDir(f.path)
	if err != nil {
		lost = reason(err).Error()
	}
	for _, e := range found {
		names = append(names, e.Name())
	}
	return names, lost
}

// isLink says whether a path is a link: those to folders may go in circles.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
