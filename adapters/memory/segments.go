package memory

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/kumotrail/kumotrail/ports"
)

// Segments are log files in memory: their text by name. All are finished, or cut
// where the last line has no end.
type Segments struct {
	files map[string]string
	lines int
}

var _ ports.Segments = Segments{}

// NewSegments reads files in slices of that many lines.
func NewSegments(files map[string]string, lines int) Segments {
	return Segments{maps.Clone(files), lines}
}

// Read implements ports.Segments.
func (s Segments) Read(ctx context.Context, done map[string]ports.Mark) iter.Seq2[ports.Slice, error] {
	return func(yield func(ports.Slice, error) bool) {
		total := int64(0)
		for _, text := range s.files {
			total += int64(len(text))
		}
		for _, name := range slices.Sorted(maps.Keys(s.files)) {
			f := memoryFile{name: name, text: s.files[name], total: total, lines: s.lines}
			for slice := range f.slices(done[name]) {
				if err := ctx.Err(); err != nil {
					yield(ports.Slice{}, err)
					return
				}
				if !yield(slice, nil) {
					return
				}
			}
		}
	}
}

type memoryFile struct {
	name, text string
	total      int64
	lines      int
}

func (f *memoryFile) slices(done ports.Mark) iter.Seq[ports.Slice] {
	return func(yield func(ports.Slice) bool) {
		size := int64(len(f.text))
		if done.Done && done.Size == size {
			yield(ports.Slice{File: f.name, Read: size, Size: size, Total: f.total, Mark: done, Passed: "done before"})
			return
		}
		at := f.skip(done.Lines)
		s := ports.Slice{File: f.name, First: done.Lines, Size: size, Total: f.total}
		for {
			s = f.next(s, &at)
			if !yield(s) || s.Done || s.Cut {
				return
			}
		}
	}
}

// skip returns where the line of that number begins.
func (f *memoryFile) skip(lines int64) (at int) {
	for ; lines > 0; lines-- {
		end := strings.IndexByte(f.text[at:], '\n')
		if end < 0 {
			return at
		}
		at += end + 1
	}
	return at
}

// next returns the slice behind s, whose text begins at at.
func (f *memoryFile) next(s ports.Slice, at *int) ports.Slice {
	s.First += s.Lines
	s.Lines, s.Skipped, s.Text = 0, 0, ""
	var text strings.Builder
	for int(s.Lines) < f.lines {
		end := strings.IndexByte(f.text[*at:], '\n')
		if end < 0 {
			s.Cut = *at < len(f.text)
			s.Done = !s.Cut
			break
		}
		line := f.text[*at : *at+end+1]
		*at += end + 1
		s.Lines++
		if strings.HasPrefix(line, "{") {
			text.WriteString(line)
		} else {
			s.Skipped++
		}
	}
	s.Text, s.Read = text.String(), int64(*at)
	s.Mark = ports.Mark{Lines: s.First + s.Lines, Done: s.Done, Size: int64(*at)}
	return s
}

// Checkpoint keeps marks in memory.
type Checkpoint struct {
	mu    sync.Mutex
	marks map[string]ports.Mark
	saves int
}

var _ ports.Checkpoint = (*Checkpoint)(nil)

// NewCheckpoint returns one with nothing saved.
func NewCheckpoint() *Checkpoint { return &Checkpoint{} }

// Load implements ports.Checkpoint.
func (c *Checkpoint) Load(context.Context) (map[string]ports.Mark, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	marks := map[string]ports.Mark{}
	maps.Copy(marks, c.marks)
	return marks, nil
}

// Save implements ports.Checkpoint.
func (c *Checkpoint) Save(_ context.Context, marks map[string]ports.Mark) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks = maps.Clone(marks)
	c.saves++
	return nil
}

// Saves says how often was saved.
func (c *Checkpoint) Saves() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saves
}
