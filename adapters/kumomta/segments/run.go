package segments

import (
	"cmp"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// run is one reading of everything. Each folder and stream has a goroutine; all
// send into slices, which is closed when they are done.
type run struct {
	Config
	ctx    context.Context //nolint:containedctx // that of this one call of Read
	done   map[string]ports.Mark
	slices chan ports.Slice
	turns  chan struct{} // held by who reads a folder
	tasks  sync.WaitGroup

	mu    sync.Mutex
	sizes map[string]int64
	sum   int64
}

func start(ctx context.Context, c Config, done map[string]ports.Mark, folders []*folder, streams []stream) *run {
	r := &run{
		Config: c, ctx: ctx, done: done, slices: make(chan ports.Slice), sizes: map[string]int64{},
		turns: make(chan struct{}, c.Folders),
	}
	for _, s := range streams {
		r.tasks.Go(func() { r.stream(s) })
	}
	for _, f := range r.withBelow(folders) {
		r.tasks.Go(func() { r.folder(f) })
	}
	go func() {
		r.tasks.Wait()
		close(r.slices)
	}()
	return r
}

// end waits for all that was started; its ctx must have ended.
func (r *run) end() {
	for range r.slices { //nolint:revive // nobody wants them
	}
}

func (r *run) send(s ports.Slice) error {
	select {
	case r.slices <- s:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// know counts a file into the total.
func (r *run) know(path string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum += size - r.sizes[path]
	r.sizes[path] = size
}

func (r *run) total() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sum
}

// listed is a folder with what was in it.
type listed struct {
	*folder
	entries []entry
}

// withBelow lists folders and all that are below them.
func (r *run) withBelow(folders []*folder) (all []listed) {
	// Whole folders first: what is asked for by name may be in one of them.
	slices.SortStableFunc(folders, func(a, b *folder) int { return cmp.Compare(len(a.only), len(b.only)) })
	seen := map[string]bool{}
	for ; len(folders) > 0; folders = folders[1:] {
		f := folders[0]
		if seen[f.path] {
			continue
		}
		seen[f.path] = true
		entries, below := f.list()
		all = append(all, listed{f, entries})
		for _, path := range below {
			folders = append(folders, &folder{path: path})
		}
		for _, e := range entries {
			if e.info != nil {
				r.know(e.path, e.info.Size())
			}
		}
	}
	return all
}

func (r *run) folder(f listed) {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-r.ctx.Done():
		return
	}
	for _, e := range f.entries {
		if err := r.entry(e); err != nil {
			return
		}
	}
}

// entry reads what a folder has under a name. It fails only if nobody reads on.
func (r *run) entry(e entry) error {
	s := ports.Slice{File: e.path, Mark: r.done[e.path], Passed: e.passed, Lost: e.lost}
	if e.info != nil {
		s.Read, s.Size = e.info.Size(), e.info.Size()
		if s.Passed == "" && s.Lost == "" && outside(filepath.Base(e.path), e.info, r.Since, r.Until) {
			s.Passed = "outside of the time"
		}
	}
	if s.Passed != "" || s.Lost != "" {
		s.First = s.Mark.Lines
		return r.send(s)
	}
	return r.file(e.path, func(fs.FileInfo) error { return io.EOF })
}

// file reads a file that is not passed over by its name.
func (r *run) file(path string, wait func(fs.FileInfo) error) error {
	file, err := os.Open(path)
	if err != nil {
		return r.send(ports.Slice{File: path, Mark: r.done[path], Lost: "all of it: " + reason(err).Error()})
	}
	defer file.Close()
	bytes := &growing{ctx: r.ctx, file: file, wait: wait}
	of := newReading(path, bytes, r.LongestLine, r.done[path], bytes.known, func(s ports.Slice) error {
		r.know(path, s.Size)
		return r.send(s)
	})
	return of.read()
}

// stream reads what is no file.
func (r *run) stream(s stream) {
	in := r.Stdin
	if s.name != "-" {
		file, err := os.Open(s.name)
		if err != nil {
			_ = r.send(ports.Slice{File: s.name, Lost: "all of it: " + reason(err).Error()})
			return
		}
		defer file.Close()
		in = file
	}
	// A read of a terminal or a pipe cannot be ended, so nobody waits for it.
	out, to := io.Pipe()
	defer out.Close()
	go func() {
		_, err := io.Copy(to, in)
		to.CloseWithError(err)
	}()
	unplug := context.AfterFunc(r.ctx, func() { out.CloseWithError(r.ctx.Err()) })
	defer unplug()
	endless := func() (int64, bool) { return 0, true }
	_ = newReading(s.name, out, r.LongestLine, r.done[s.name], endless, r.send).read() // nobody reads on
}
