package segments

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// run is one reading of everything. Folders and streams have a goroutine each;
// all send into slices, which is closed when they are done.
type run struct {
	Config
	ctx    context.Context //nolint:containedctx // that of this one call of Read
	marks  map[string]ports.Mark
	slices chan ports.Slice
	turns  chan struct{} // held by who reads what is there in a folder
	tasks  sync.WaitGroup
	// Of this run alone, because a decoder has channels, which do not leave a
	// bubble of testing/synctest.
	decoders decoders

	mu    sync.Mutex
	sizes map[string]int64
	sum   int64
}

func newRun(ctx context.Context, c Config, marks map[string]ports.Mark) *run {
	return &run{
		Config: c, ctx: ctx, marks: marks, slices: make(chan ports.Slice), sizes: map[string]int64{},
		turns: make(chan struct{}, c.Folders),
	}
}

// begin begins to read.
func (r *run) begin(folders []*folder, streams []stream) {
	for _, s := range streams {
		r.tasks.Go(func() { r.stream(s) })
	}
	switch all := r.withBelow(folders); {
	case r.Follow && len(all) > 0:
		r.follow(all)
	default:
		for _, f := range all {
			r.tasks.Go(func() { r.folder(f) })
		}
	}
	go func() {
		r.tasks.Wait()
		close(r.slices)
	}()
}

// end waits for all that was begun; ctx must have ended.
func (r *run) end() {
	for range r.slices {
		// Nobody wants them.
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

// turn waits for a turn and returns what ends it, or false when ctx ended.
func (r *run) turn() (done func(), ok bool) {
	select {
	case r.turns <- struct{}{}:
		return func() { <-r.turns }, true
	case <-r.ctx.Done():
		return nil, false
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

// folder reads what was in a folder when it was listed.
func (r *run) folder(f listed) {
	done, ok := r.turn()
	if !ok {
		return
	}
	defer done()
	for _, e := range f.entries {
		if why := r.unread(e); why != "" || e.lost != "" {
			if r.tell(e, r.marks[e.path]) != nil {
				return
			}
		} else if _, _, err := r.file(e.path, r.marks[e.path], nil); err != nil {
			return
		}
	}
}

// unread says why what a folder has under a name is not to be read.
func (r *run) unread(e entry) string {
	if e.passed == "" && e.info != nil && outside(filepath.Base(e.path), e.info, r.Since, r.Until) {
		return "outside of the time"
	}
	return e.passed
}

// tell tells of what is not read.
func (r *run) tell(e entry, mark ports.Mark) error {
	s := ports.Slice{File: e.path, First: mark.Lines, Mark: mark, Passed: r.unread(e), Lost: e.lost}
	if e.info != nil {
		s.Read, s.Size = e.info.Size(), e.info.Size()
		r.know(e.path, s.Size)
	}
	return r.send(s)
}

// file reads a file from mark on. Where it ends for now it asks wait, that may
// be nil. It returns how far it came, and the file as it was then.
func (r *run) file(path string, mark ports.Mark, wait func(fs.FileInfo, func() error) error) (ports.Mark, fs.FileInfo, error) {
	bytes := &growing{ctx: r.ctx}
	var err error
	if bytes.last, err = os.Stat(path); err == nil {
		bytes.file, err = os.Open(path)
	}
	if err != nil {
		return mark, bytes.last, r.send(ports.Slice{
			File: path, First: mark.Lines, Mark: mark, Lost: "all of it: " + reason(err).Error(),
		})
	}
	defer bytes.file.Close()
	send := func(s ports.Slice) error {
		r.know(path, s.Size)
		mark = s.Mark
		return r.send(s)
	}
	of := newReading(reading{name: path, mark: mark, stat: bytes.known, send: send, with: &r.decoders}, bytes, r.LongestLine)
	if wait != nil {
		bytes.wait = func(info fs.FileInfo) error { return wait(info, of.into.flush) }
	}
	err = of.read()
	return mark, bytes.last, err
}
