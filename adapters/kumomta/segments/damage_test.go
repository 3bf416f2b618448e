package segments_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
)

func TestReadSavesWhatCanBeReadOfDamagedFiles(t *testing.T) {
	one, two := frameOf(recordsOf(0, 50)), frameOf(recordsOf(50, 50))
	cut := cutFrameOf(recordsOf(0, 20), recordsOf(20, 10)+record(30)[:25])
	flipped := bytes.Clone(one)
	copy(flipped[len(flipped)/2:], bytes.Repeat([]byte{0xff}, 40))
	reserved := bytes.Clone(two)
	reserved[4] |= 0x08
	zeros := make([]byte, 100_000)
	packed := gzipOf(recordsOf(0, 2000))
	brokenPacked := bytes.Clone(packed)
	copy(brokenPacked[len(packed)/2:], bytes.Repeat([]byte{0xff}, 40))
	for name, tc := range map[string]struct {
		content []byte
		want    told
	}{
		"a frame that was never finished": {cut, told{Text: recordsOf(0, 30), Lines: 31, Skipped: 1, Cut: true, Done: true}},
		"a frame cut within a block": {
			slicesOf(one, two[:len(two)/2]),
			told{Text: recordsOf(0, 50), Lines: 50, Cut: true, Done: true},
		},
		"a frame cut within its header": {slicesOf(one, two[:5]), told{Text: recordsOf(0, 50), Lines: 50, Cut: true, Done: true}},
		"a frame cut within its magic":  {slicesOf(one, two[:3]), told{Text: recordsOf(0, 50), Lines: 50, Cut: true, Done: true}},
		"only the begin of a magic":     {two[:2], told{Cut: true, Done: true}},
		"a frame never finished and one appended": {
			slicesOf(cut, two),
			told{
				Text: recordsOf(0, 30) + recordsOf(50, 50), Lines: 81, Skipped: 1, Done: true,
				Lost: fmt.Sprintf("bytes %d to %d: a frame that was never finished", len(cut), len(cut)),
			},
		},
		"a frame cut within a block and one appended": {
			slicesOf(two[:len(two)-30], one),
			told{
				Text: recordsOf(0, 50), Lines: 50, Done: true,
				Lost: fmt.Sprintf("bytes 7 to %d: a frame that was never finished", len(two)-30),
			},
		},
		"a bad frame between good ones": {
			slicesOf(two, flipped, two),
			told{Text: recordsOf(50, 50) + recordsOf(50, 50), Lines: 100, Done: true, Lost: "?"},
		},
		"a bad header between good frames": {
			slicesOf(one, reserved, one),
			told{Text: recordsOf(0, 50) + recordsOf(0, 50), Lines: 100, Done: true, Lost: "?"},
		},
		"bytes between frames": {
			slicesOf(one, []byte("a note of somebody's"), two),
			told{
				Text: recordsOf(0, 100), Lines: 100, Done: true,
				Lost: fmt.Sprintf("bytes %d to %d: no frame", len(one), len(one)+20),
			},
		},
		"bytes behind the last frame": {
			slicesOf(one, []byte("!?")),
			told{Text: recordsOf(0, 50), Lines: 50, Done: true, Lost: fmt.Sprintf("bytes %d to %d: no frame", len(one), len(one)+2)},
		},
		"zeros behind a frame that was never finished": {
			slicesOf(cut, zeros),
			told{
				Text: recordsOf(0, 30), Lines: 31, Skipped: 1, Done: true, Lost: "?",
			},
		},
		"zeros behind plain lines": {
			slicesOf([]byte(recordsOf(0, 50)), zeros),
			told{Text: recordsOf(0, 50), Lines: 51, Skipped: 1, Cut: true, Done: true},
		},
		"a cut plain line":     {[]byte(recordsOf(0, 50) + record(50)[:30]), told{Text: recordsOf(0, 50), Lines: 51, Skipped: 1, Cut: true, Done: true}},
		"a cut gzip file":      {packed[:len(packed)-9], told{Text: recordsOf(0, 2000), Lines: 2000, Cut: true, Done: true}},
		"zeros behind gzip":    {slicesOf(packed, zeros), told{Text: recordsOf(0, 2000), Lines: 2000, Done: true, Lost: "?"}},
		"only a gzip header":   {packed[:7], told{Cut: true, Done: true}},
		"a file of zeros":      {zeros, told{Passed: "no log file: neither text nor zstd nor gzip", Done: true}},
		"an image":             {[]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), told{Passed: "no log file: neither text nor zstd nor gzip", Done: true}},
		"text of another kind": {[]byte("Read me\n\nLogs of last year.\n"), told{Lines: 3, Skipped: 2, Done: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got := readFile(t, put(t, filepath.Join(t.TempDir(), "segment"), tc.content), ports.Mark{})
			if tc.want.Lost == "?" && got.Lost != "" {
				got.Lost = "?"
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(told{})); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a bad block in gzip", func(t *testing.T) {
		got := readFile(t, put(t, filepath.Join(t.TempDir(), "segment"), brokenPacked), ports.Mark{})
		if !strings.HasPrefix(recordsOf(0, 2000), got.Text[:len(got.Text)/3]) || got.Lost == "" || !got.Done {
			t.Errorf("%d lines, lost %q", got.Lines, got.Lost)
		}
	})
}

func TestReadOfUnfinishedFileLeavesItsCutLineToTheNext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segment")
	cut := cutFrameOf(recordsOf(0, 20), recordsOf(20, 10)+record(30)[:25])
	first := readFile(t, putOpen(t, path, cut), ports.Mark{})
	if first.Lines != 30 || !first.Cut || first.Done || first.Skipped != 0 {
		t.Fatalf("first read: %+v", first)
	}
	grown := cutFrameOf(recordsOf(0, 20), recordsOf(20, 10)+record(30)[:25], record(30)[25:]+recordsOf(31, 9))
	second := readFile(t, put(t, path, grown), first.mark)
	if diff := cmp.Diff(recordsOf(30, 10), second.Text); diff != "" || second.First != 30 || !second.Done {
		t.Errorf("second read begins at line %d (-want +got):\n%s", second.First, diff)
	}
}

func TestReadPassesOverLongLinesAndSaysSo(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 5<<20) + "\"}\n"
	path := put(t, filepath.Join(t.TempDir(), "segment"), frameOf(recordsOf(0, 10)+long+recordsOf(10, 10)))
	for limit, want := range map[int]told{
		len(long) - 1: {Text: recordsOf(0, 10) + long + recordsOf(10, 10), Lines: 21, Done: true},
		len(long) - 2: {
			Text: recordsOf(0, 20), Lines: 21, Skipped: 1, Done: true,
			Lost: fmt.Sprintf("line 11 has %d bytes, more than the %d that are taken", len(long)-1, len(long)-2),
		},
	} {
		got := read(t, segments.Config{Paths: []string{path}, LongestLine: limit}, nil)[path]
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(told{})); diff != "" {
			t.Errorf("read with a limit of %d (-want +got):\n%.500s", limit, diff)
		}
	}
}

func TestReadSaysWhatBecameOfFileWhileItWasRead(t *testing.T) {
	const n = 40_000
	for name, tc := range map[string]struct {
		do   func(path string) error
		lost string
		all  bool
	}{
		"removed":   {os.Remove, "", true},
		"shortened": {func(path string) error { return os.Truncate(path, 100) }, "bytes from", false},
		"emptied":   {func(path string) error { return os.Truncate(path, 0) }, "bytes from", false},
	} {
		path := putOpen(t, filepath.Join(t.TempDir(), "segment"), []byte(recordsOf(0, n)))
		s := newSegments(t, segments.Config{Paths: []string{path}})
		var got told
		for slice, err := range s.Read(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if got.slices == 0 {
				if err := tc.do(path); err != nil {
					t.Fatal(err)
				}
			}
			got = got.with(t, slice)
		}
		if !strings.HasPrefix(got.Lost, tc.lost) || tc.all != (got.Lost == "") || tc.all != (got.Lines == n) {
			t.Errorf("%s: %d lines of %d, lost %q", name, got.Lines, n, got.Lost)
		}
		if !strings.HasPrefix(recordsOf(0, n), got.Text) || got.Lines == 0 || got.Done {
			t.Errorf("%s: %d lines are not the file's first, done %v", name, got.Lines, got.Done)
		}
	}
}

func TestReadDoesNotSayAgainWhatIsLostBeforeTheMark(t *testing.T) {
	one, two := frameOf(recordsOf(0, 50)), frameOf(recordsOf(50, 50))
	path := put(t, filepath.Join(t.TempDir(), "segment"), slicesOf(one, []byte("a note"), two))
	head := readFile(t, path, ports.Mark{}).mark.Head
	for lines, lost := range map[int64]bool{0: true, 50: true, 51: false, 100: false} {
		if got := readFile(t, path, ports.Mark{Lines: lines, Head: head}); lost != (got.Lost != "") || got.First+got.Lines != 100 {
			t.Errorf("from line %d: lost %q, to line %d", lines, got.Lost, got.First+got.Lines)
		}
	}
	missing := readFile(t, path, ports.Mark{Lines: 103, Head: head})
	if missing.Lost != "3 of the lines that were read before" {
		t.Errorf("of a mark behind the end: lost %q", missing.Lost)
	}
}
