package segments_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/ports"
)

// history is what happens in a folder: to each file the bytes that are appended,
// and when somebody looks.
type history struct {
	steps []step
	want  map[string]string // lines by file
}

type step struct {
	file    string
	append  []byte // finish the file if nil
	look    bool   // let the tailer see it before the next step
	restart bool   // stop it and go on from its marks
}

func drawHistory(t *rapid.T) history {
	h := history{want: map[string]string{}}
	var waiting [][]step
	n := 0
	for i := range rapid.IntRange(1, 3).Draw(t, "files") {
		name := fmt.Sprint("20260314-15000", i)
		count := rapid.IntRange(0, 40).Draw(t, "lines")
		text := recordsOf(n, count)
		n += count
		h.want[name] = text
		waiting = append(waiting, appends(t, name, drawContent(t, text)))
	}
	for len(waiting) > 0 {
		i := rapid.IntRange(0, len(waiting)-1).Draw(t, "next")
		s := waiting[i][0]
		s.look = rapid.IntRange(0, 2).Draw(t, "look") == 0
		s.restart = rapid.IntRange(0, 7).Draw(t, "restart") == 0
		h.steps = append(h.steps, s)
		if waiting[i] = waiting[i][1:]; len(waiting[i]) == 0 {
			waiting = append(waiting[:i], waiting[i+1:]...)
		}
	}
	return h
}

// drawContent packs text in one of the ways a file of the MTA can be.
func drawContent(t *rapid.T, text string) []byte {
	cut := rapid.IntRange(0, len(text)).Draw(t, "cut")
	switch rapid.IntRange(0, 3).Draw(t, "format") {
	case 0:
		return []byte(text)
	case 1:
		return frameOf(text)
	case 2:
		return slicesOf(frameOf(text[:cut]), frameOf(text[cut:]))
	default: // the MTA crashed: its last frame has no end
		return slicesOf(frameOf(text[:cut]), cutFrameOf(text[cut:]))
	}
}

// appends cuts content into the writes it comes by, and finishes the file.
func appends(t *rapid.T, name string, content []byte) (steps []step) {
	for len(content) > 0 {
		n := rapid.IntRange(1, min(len(content), 3000)).Draw(t, "write")
		steps = append(steps, step{file: name, append: content[:n]})
		content = content[n:]
	}
	return append(steps, step{file: name, append: nil})
}

// TestFollowGivesEveryWholeLineOnce holds for any history of files that grow and
// are finished, and for any restarts from marks between.
func TestFollowGivesEveryWholeLineOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := drawHistory(rt)
		var got map[string]told
		synctest.Test(t, func(t *testing.T) { got = live(t, h) })
		for name, want := range h.want {
			f := got[name]
			if f.Text != want || !f.Done || f.Lost != "" || f.Skipped != 0 {
				rt.Fatalf("%s: %d bytes of %d, done %v, lost %q, skipped %d", name, len(f.Text), len(want), f.Done, f.Lost, f.Skipped)
			}
		}
	})
}

// live lets a tailer live through a history, and returns what it told by name.
func live(t *testing.T, h history) map[string]told {
	dir := t.TempDir()
	f := follow(t, nil, dir)
	for _, s := range h.steps {
		path := filepath.Join(dir, s.file)
		if s.append == nil {
			appendTo(t, path, nil)
			finish(t, path)
		} else {
			appendTo(t, path, s.append)
		}
		if s.look {
			f.settle(path)
		}
		if s.restart {
			f = restart(t, f, dir)
		}
	}
	f.settle(dir)
	f.end()
	all := map[string]told{}
	for path, what := range f.got {
		all[filepath.Base(path)] = what
	}
	return all
}

// restart follows on from the marks of one that is stopped.
func restart(t *testing.T, before *follower, dir string) *follower {
	before.end()
	marks := map[string]ports.Mark{}
	for path, what := range before.got {
		marks[path] = what.mark
	}
	return followOn(t, marks, before.got, dir)
}
