package segments_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
)

// record is a line that may be a record.
func record(n int) string {
	return fmt.Sprintf(`{"type":"Delivery","id":"%032x","n":%d,"filler":"%s"}`+"\n", uint64(n)*0x9e3779b97f4a7c15, n, strings.Repeat("x", n*7%300))
}

// recordsOf returns the lines from first on, n of them.
func recordsOf(first, n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(record(first + i))
	}
	return b.String()
}

// frameOf packs text as KumoMTA does: without a size, without a checksum.
func frameOf(text string) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<17))
	if err != nil {
		panic(err)
	}
	for len(text) > 0 {
		n := min(len(text), 40000)
		if _, err := w.Write([]byte(text[:n])); err != nil {
			panic(err)
		}
		text = text[n:]
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// cutFrameOf is a frame of blocks that are whole, without its end.
func cutFrameOf(texts ...string) []byte {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err)
	}
	for _, text := range texts {
		if _, err := w.Write([]byte(text)); err != nil {
			panic(err)
		}
		if err := w.Flush(); err != nil {
			panic(err)
		}
	}
	return bytes.Clone(b.Bytes())
}

func gzipOf(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return b.Bytes()
}

// put makes a file as the MTA leaves one that is finished.
func put(t testing.TB, path string, content []byte) string {
	t.Helper()
	putOpen(t, path, content)
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
	return path
}

// putOpen makes a file that is still written to.
func putOpen(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// told is what a reading said of one file.
type told struct {
	Text                  string
	First, Lines, Skipped int64
	Lost, Passed          string
	Cut, Done             bool
	mark                  ports.Mark
	slices                int
	read, size            int64
	next                  int64 // line
}

// read reads everything and checks that slices fit together.
func read(t testing.TB, c segments.Config, done map[string]ports.Mark) map[string]told {
	t.Helper()
	got, err := readAll(t.Context(), t, c, done)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return got
}

func readAll(ctx context.Context, t testing.TB, c segments.Config, done map[string]ports.Mark) (map[string]told, error) {
	t.Helper()
	s, err := segments.New(c)
	if err != nil {
		t.Fatalf("new: %v", err)
	}
	got := map[string]told{}
	for slice, err := range s.Read(ctx, done) {
		if err != nil {
			return got, err
		}
		got[slice.File] = got[slice.File].with(t, slice)
	}
	return got, nil
}

// with adds a slice, which must begin where the one before ended.
func (f told) with(t testing.TB, s ports.Slice) told {
	t.Helper()
	if f.slices == 0 {
		f.First = s.First
	} else if s.First != f.next && s.First != 0 {
		t.Errorf("slice of %s begins at line %d, want %d", filepath.Base(s.File), s.First, f.next)
	}
	f.next = s.First + s.Lines
	if s.Passed == "" && s.Lines > 0 && s.Mark.Lines != s.First+s.Lines {
		t.Errorf("mark is at line %d, want %d", s.Mark.Lines, s.First+s.Lines)
	}
	if n := int64(strings.Count(s.Text, "\n")); n > s.Lines-s.Skipped {
		t.Errorf("text has %d lines of %d without the %d skipped", n, s.Lines, s.Skipped)
	}
	f.Text += s.Text
	f.Lines += s.Lines
	f.Skipped += s.Skipped
	f.Lost += s.Lost
	f.Passed += s.Passed
	f.Cut, f.Done, f.mark = s.Cut, s.Done, s.Mark
	f.read, f.size = s.Read, s.Size
	f.slices++
	return f
}

// readFile reads one file alone.
func readFile(t testing.TB, path string, mark ports.Mark) told {
	t.Helper()
	return read(t, segments.Config{Paths: []string{path}}, map[string]ports.Mark{path: mark})[path]
}
