package segments

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// folder is one whose files are read in the order of their names.
type folder struct {
	path  string
	only  []string // the names that are asked for, sorted; nil for all and the folders in it
	found bool     // in another folder
}

// stream is what can be read once and is no file: standard input, a pipe.
type stream struct{ name string }

// entry is what a folder has under one name.
type entry struct {
	path   string
	info   fs.FileInfo
	passed string // why it is not read
	lost   string // why it cannot be
	folder bool   // it is to be read as one
	gone   bool
}

// listed is a folder with what was in it.
type listed struct {
	*folder
	entries []entry
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
		full, info, err := stat(path)
		switch {
		case err != nil:
			return nil, nil, fmt.Errorf("log files: %w", err)
		case info.IsDir():
			at(full).only = nil
		case info.Mode().IsRegular():
			if f := at(filepath.Dir(full)); f.only != nil {
				f.only = append(f.only, filepath.Base(full))
			}
		default:
			streams = append(streams, stream{full})
		}
	}
	for _, f := range folders {
		slices.Sort(f.only)
	}
	// Whole folders first: what is asked for by name may be in one of them.
	slices.SortStableFunc(folders, func(a, b *folder) int { return cmp.Compare(len(a.only), len(b.only)) })
	return folders, streams, nil
}

// stat returns what there is at a path. A folder that cannot be listed is none.
func stat(path string) (full string, info fs.FileInfo, err error) {
	if full, err = filepath.Abs(path); err != nil {
		return "", nil, err
	}
	if info, err = os.Stat(full); err != nil || !info.IsDir() {
		return full, info, err
	}
	_, err = os.ReadDir(full)
	return full, info, err
}

// withBelow lists folders and all that are below them.
func (r *run) withBelow(folders []*folder) (all []listed) {
	seen := map[string]bool{}
	for ; len(folders) > 0; folders = folders[1:] {
		f := folders[0]
		if seen[f.path] {
			continue
		}
		seen[f.path] = true
		here := listed{folder: f}
		for _, e := range f.list() {
			switch {
			case e.folder:
				folders = append(folders, &folder{path: e.path, found: true})
				continue
			case e.info != nil:
				r.know(e.path, e.info.Size())
			}
			here.entries = append(here.entries, e)
		}
		all = append(all, here)
	}
	return all
}

// list returns what is in the folder, in order.
func (f *folder) list() (entries []entry) {
	names := slices.Clone(f.only)
	if f.only == nil {
		found, err := os.ReadDir(f.path)
		if err != nil {
			entries = append(entries, entry{path: f.path, lost: "all of it: " + reason(err).Error(), gone: os.IsNotExist(err)})
		}
		for _, e := range found {
			names = append(names, e.Name())
		}
	}
	return append(entries, f.pick(names)...)
}

// pick returns what is in the folder under some names, in order, but for what
// went away or is not asked for.
func (f *folder) pick(names []string) (entries []entry) {
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if _, wanted := slices.BinarySearch(f.only, name); f.only != nil && !wanted {
			continue
		}
		if e := f.look(name); !e.gone || f.only != nil {
			entries = append(entries, e)
		}
	}
	return entries
}

func (f *folder) look(name string) entry {
	e := entry{path: filepath.Join(f.path, name)}
	info, err := os.Stat(e.path)
	switch e.info = info; {
	case err != nil:
		e.lost, e.gone = "all of it: "+reason(err).Error(), os.IsNotExist(err)
	case f.only != nil:
		// Whoever names it wants it.
	case strings.HasPrefix(name, "."):
		e.passed = "its name begins with a dot"
	case info.IsDir() && isLink(e.path):
		e.passed = "a link to a folder"
	case info.IsDir():
		e.folder = true
	case !info.Mode().IsRegular():
		e.passed = "no log file: not a regular file"
	}
	return e
}

// isLink says whether a path is a link: those to folders may go in circles.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}
