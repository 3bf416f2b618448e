package segments

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// openTails is how many files that may grow are kept open, each with its
// decoder. Of more than that the one that grew longest ago is closed; when it
// grows it is read from its start again. Who has so many has copies.
const openTails = 64

// known is what is known of a file, or of what is none.
type known struct {
	mark ports.Mark
	info fs.FileInfo // as the file was read last, nil if it was not
	told string      // why it is not read
	tail *tail       // who reads it now
}

// tail is a file that is being read.
type tail struct {
	wake    chan struct{} // it has changed
	letGo   chan struct{} // closed when it is to be closed
	settled chan struct{} // closed when it has no more for the first time
	settle  func()
	size    int64
	grew    int64 // when, as tails counts
	isLetGo bool

	ended chan struct{} // closed when mark and info are known
	mark  ports.Mark
	info  fs.FileInfo
}

func newTail() *tail {
	t := &tail{
		wake: make(chan struct{}, 1), letGo: make(chan struct{}), settled: make(chan struct{}),
		ended: make(chan struct{}), size: -1,
	}
	t.settle = sync.OnceFunc(func() { close(t.settled) })
	return t
}

// isRead says whether the file is being read, and takes over what became of it
// when it no longer is.
func (k *known) isRead() bool {
	if k.tail == nil {
		return false
	}
	select {
	case <-k.tail.ended:
		k.mark, k.info, k.tail = k.tail.mark, k.tail.info, nil
		return false
	default:
		return true
	}
}

// differs says whether the file is not as it was when it was read.
func (k *known) differs(now fs.FileInfo) bool {
	then := k.info
	return then == nil || now.Size() != then.Size() || now.Mode() != then.Mode() ||
		!now.ModTime().Equal(then.ModTime()) || !os.SameFile(now, then)
}

// start begins to read a file, and waits until all is read that there is for
// now.
func (f *followed) start(path string, k *known) error {
	done, ok := f.turn()
	if !ok {
		return f.ctx.Err()
	}
	defer done()
	t, mark := newTail(), k.mark
	k.tail = t
	f.tasks.Go(func() {
		defer close(t.ended)
		defer t.settle()
		var err error
		t.mark, t.info, err = f.file(path, mark, func(info fs.FileInfo, flush func() error) error {
			return f.pause(t, path, info, flush)
		})
		if errors.Is(err, errShrank) { // what it has now may be all new
			t.mark, t.info = ports.Mark{}, nil
		}
	})
	select {
	case <-t.settled:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// pause waits until a file changes of which all is read.
func (f *followed) pause(t *tail, path string, info fs.FileInfo, flush func() error) error {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, info) {
		return io.EOF
	}
	if err := flush(); err != nil {
		return err
	}
	f.tails.wait(t, info.Size())
	defer f.tails.goOn(t)
	t.settle()
	select {
	case <-t.wake:
		return nil
	case <-t.letGo:
		return errLetGo
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

// tails are those that wait for their files to grow, most of them at most.
type tails struct {
	most int

	mu      sync.Mutex
	waiting map[*tail]bool
	clock   int64
}

// wait adds a tail, and lets go of the one that grew longest ago if there are
// too many.
func (ts *tails) wait(t *tail, size int64) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.isLetGo {
		return
	}
	if ts.waiting == nil {
		ts.waiting = map[*tail]bool{}
	}
	if ts.waiting[t] = true; size != t.size {
		ts.clock++
		t.size, t.grew = size, ts.clock
	}
	if len(ts.waiting) <= ts.most {
		return
	}
	oldest := t
	for other := range ts.waiting {
		if other.grew < oldest.grew {
			oldest = other
		}
	}
	delete(ts.waiting, oldest)
	oldest.isLetGo = true
	close(oldest.letGo)
}

func (ts *tails) goOn(t *tail) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.waiting, t)
}
