package segments

import (
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// How often is looked for changes, of which the operating system tells or not.
const (
	toldPoll   = 2 * time.Second
	untoldPoll = 250 * time.Millisecond
)

// follower reads folders for as long as ctx lasts. Each has a goroutine, and
// each file that may grow has one.
type follower struct {
	*run
	watch *watch
	tails tails

	mu        sync.Mutex
	following map[string]bool
}

func (r *run) follow(folders []listed) {
	f := &follower{run: r, watch: newWatch(r.PollOnly), following: map[string]bool{}}
	f.tails.most = r.openTails
	r.tasks.Go(func() { f.watch.listen(r.ctx) })
	for _, of := range folders {
		f.begin(of)
	}
}

// begin follows a folder, unless somebody does.
func (f *follower) begin(of listed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.following[of.path] {
		return
	}
	f.following[of.path] = true
	f.tasks.Go(func() {
		f.folder(of)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.following, of.path)
	})
}

// followed is a folder and what is known of its files.
type followed struct {
	*follower
	files map[string]*known
}

// folder looks at what changes in a folder. It ends with ctx, or when a folder
// that was found in another is gone.
func (f *follower) folder(of listed) {
	changes := f.watch.of(of.path)
	defer f.watch.forget(of.path)
	told := f.watch.add(of.path)
	in := followed{f, map[string]*known{}}
	for entries := of.list(); ; {
		for _, e := range entries {
			if e.gone && of.found && e.path == of.path {
				return
			}
			if in.look(e) != nil {
				return
			}
		}
		names, all := changes.wait(f.ctx, f.pollAfter(told))
		if f.ctx.Err() != nil {
			return
		}
		if all {
			told = f.watch.add(of.path)
			entries = of.list()
			in.forgetGone(entries)
		} else {
			entries = of.pick(names)
		}
		in.wakeTails(names, all)
	}
}

// wakeTails has tails look at their files, which may have grown, be finished or
// be gone from the folder.
func (f *followed) wakeTails(names []string, all bool) {
	for path, k := range f.files {
		if k.tail != nil && (all || slices.Contains(names, filepath.Base(path))) {
			wake(k.tail.wake)
		}
	}
}

func (f *follower) pollAfter(told bool) time.Duration {
	switch {
	case f.Poll > 0:
		return f.Poll
	case told:
		return toldPoll
	}
	return untoldPoll
}

// look looks at what a folder has under a name. With a file that is not being
// read it comes back when all is read that there is for now. It fails only when
// ctx ended.
func (f *followed) look(e entry) error {
	if e.folder {
		f.begin(listed{folder: &folder{path: e.path, found: true}})
		return nil
	}
	k := f.files[e.path]
	if k == nil {
		k = &known{mark: f.marks[e.path]}
		f.files[e.path] = k
	}
	why := f.unread(e) + e.lost
	switch {
	case k.isRead():
		// Its tail is awake.
	case e.gone && k.info != nil:
		// It was read, and taken away when it was not needed any more.
	case why != "" && why != k.told:
		k.told = why
		return f.tell(e, k.mark)
	case why == "" && k.differs(e.info):
		k.told = ""
		return f.start(e.path, k)
	}
	return nil
}

// forgetGone forgets files that are no longer in the folder.
func (f *followed) forgetGone(entries []entry) {
	there := map[string]bool{}
	for _, e := range entries {
		there[e.path] = true
	}
	for path, k := range f.files {
		if !there[path] && !k.isRead() {
			delete(f.files, path)
		}
	}
}
