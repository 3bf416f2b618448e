package segments

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// watch hears from the operating system what changes in folders.
type watch struct {
	notify *fsnotify.Watcher // nil where there is none

	mu      sync.Mutex
	folders map[string]*changes
}

// newWatch returns one that hears nothing if it is not to or the operating
// system has no watches left: then there is the poll.
func newWatch(off bool) *watch {
	w := &watch{folders: map[string]*changes{}}
	if off {
		return w
	}
	if notify, err := fsnotify.NewWatcher(); err == nil {
		w.notify = notify
	}
	return w
}

// listen passes on what it hears until ctx ends.
func (w *watch) listen(ctx context.Context) {
	if w.notify == nil {
		return
	}
	defer w.notify.Close()
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-w.notify.Events:
			if !ok {
				return
			}
			w.changed(event.Name)
		case _, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			w.missed()
		}
	}
}

func (w *watch) changed(path string) {
	w.mu.Lock()
	c := w.folders[filepath.Dir(path)]
	w.mu.Unlock()
	if c != nil {
		c.add(filepath.Base(path), false)
	}
}

// missed says that nobody knows what changed.
func (w *watch) missed() {
	w.mu.Lock()
	all := slices.Collect(maps.Values(w.folders))
	w.mu.Unlock()
	for _, c := range all {
		c.add("", true)
	}
}

// of returns the changes of a folder, for one who asks.
func (w *watch) of(folder string) *changes {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &changes{names: map[string]bool{}, some: make(chan struct{}, 1)}
	w.folders[folder] = c
	return c
}

func (w *watch) forget(folder string) {
	w.mu.Lock()
	delete(w.folders, folder)
	w.mu.Unlock()
	if w.notify != nil {
		_ = w.notify.Remove(folder) // it went with the folder
	}
}

// add begins to hear of a folder, also of one that was made anew. It says
// whether it can.
func (w *watch) add(folder string) bool {
	return w.notify != nil && w.notify.Add(folder) == nil
}

// changes are the names under which something changed in a folder.
type changes struct {
	mu    sync.Mutex
	names map[string]bool
	all   bool
	some  chan struct{}
}

func (c *changes) add(name string, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[name] = true
	c.all = c.all || all
	wake(c.some)
}

// wait returns the names when there are some, or all when poll has passed or
// names were missed. It returns early when ctx ends.
func (c *changes) wait(ctx context.Context, poll time.Duration) (names []string, all bool) {
	timer := time.NewTimer(poll)
	defer timer.Stop()
	select {
	case <-c.some:
	case <-ctx.Done():
	case <-timer.C:
		all = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	names, all = slices.Collect(maps.Keys(c.names)), all || c.all
	c.names, c.all = map[string]bool{}, false
	return names, all
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is awake
	}
}
