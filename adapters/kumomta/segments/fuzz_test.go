package segments_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
)

// readBytes reads a file of that content, from a mark on.
func readBytes(t testing.TB, content []byte, mark ports.Mark) told {
	t.Helper()
	c := segments.Config{Paths: []string{"-"}, Stdin: bytes.NewReader(content), LongestLine: 1 << 20}
	return read(t, c, map[string]ports.Mark{"-": mark})["-"]
}

// FuzzRead holds for any content that reading ends, that lines are whole, and
// that they are the same ones when it goes on from a mark.
func FuzzRead(f *testing.F) {
	text := recordsOf(0, 20)
	for _, seed := range [][]byte{
		nil, []byte(text), frameOf(text), slicesOf(frameOf(text), frameOf(text)), cutFrameOf(text, text), gzipOf(text),
		slicesOf(cutFrameOf(text, record(1)), frameOf(text)), slicesOf(frameOf(text), make([]byte, 99), frameOf(text)),
		[]byte("\x50\x2a\x4d\x18\x01\x00\x00\x00a"), []byte("\x28\xb5\x2f\xfd"), []byte("[{}]\n{}\n{\"\n\n{\"a\":1}"),
	} {
		f.Add(seed, uint16(3))
	}
	f.Fuzz(func(t *testing.T, content []byte, behind uint16) {
		all := readBytes(t, content, ports.Mark{})
		for line := range strings.Lines(all.Text) {
			if start := strings.TrimLeft(line, "\uFEFF \t\r"); start == "" || start[0] != '{' && start[0] != '[' {
				t.Errorf("line %q is no record", line)
			}
		}
		mark := ports.Mark{Lines: int64(behind) % (all.Lines + 1), Head: all.mark.Head}
		rest := readBytes(t, content, mark)
		if !strings.HasSuffix(all.Text, rest.Text) || mark.Lines+rest.Lines != all.Lines || all.Cut != rest.Cut {
			t.Errorf("from line %d of %d: %d lines, cut %v and %v", mark.Lines, all.Lines, rest.Lines, all.Cut, rest.Cut)
		}
	})
}

// TestReadGivesEveryGoodFrameOnce puts good frames and what can go wrong with
// others into one file.
func TestReadGivesEveryGoodFrameOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var content, want []byte
		n := 0
		whole := true
		next := func(most int) string {
			count := rapid.IntRange(0, most).Draw(t, "lines")
			n += count
			return recordsOf(n-count, count)
		}
		for i := range rapid.IntRange(1, 8).Draw(t, "parts") {
			part := rapid.IntRange(0, 9).Draw(t, "part")
			switch {
			case part < 4 || i == 0: // the first bytes say what the file is
				text := next(400)
				content, want = append(content, frameOf(text)...), append(want, text...)
			case part == 4:
				content = append(content, "\x51\x2a\x4d\x18\x02\x00\x00\x00ab"...)
			case part == 5:
				content = append(content, "garbage"...)
				whole = false
			default: // blocks that were written, and some of one more
				text := next(100)
				blocks := cutFrameOf(text)
				lost := cutFrameOf(text, next(100))
				cut := rapid.IntRange(0, max(0, len(lost)-len(blocks)-1)).Draw(t, "cut")
				content, want = append(content, lost[:len(blocks)+cut]...), append(want, text...)
				whole = false
			}
		}
		got := readFuzzed(t, content)
		if text := linesIn(got.Text, string(want)); text != string(want) {
			t.Fatalf("%d lines in %d bytes, want %d in %d (lost %q)", strings.Count(text, "\n"), len(text),
				bytes.Count(want, []byte("\n")), len(want), got.Lost)
		}
		if whole && got.Lost != "" {
			t.Fatalf("lost %q of what is whole", got.Lost)
		}
	})
}

// linesIn returns the lines of text that are wanted. Without a checksum a block
// that ran over into the next frame may be unpacked, into a line of garbage.
func linesIn(text, wanted string) string {
	known := map[string]bool{}
	for line := range strings.Lines(wanted) {
		known[line] = true
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if known[line] {
			b.WriteString(line)
		}
	}
	return b.String()
}

func readFuzzed(t *rapid.T, content []byte) (all told) {
	s, err := segments.New(segments.Config{Paths: []string{"-"}, Stdin: bytes.NewReader(content)})
	if err != nil {
		t.Fatal(err)
	}
	for slice, err := range s.Read(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		all.Text += slice.Text
		all.Lost += fmt.Sprint(slice.Lost)
	}
	return all
}
