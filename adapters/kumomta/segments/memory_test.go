package segments_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/test/records"
)

// peak is the most heap that is in use while a reader reads from standard input,
// and how many lines it read.
func peak(t *testing.T, in io.Reader, longest int) (heap uint64, lines int64) {
	t.Helper()
	s := newSegments(t, segments.Config{Paths: []string{"-"}, Stdin: in, LongestLine: longest})
	var stats runtime.MemStats
	n := 0
	for slice, err := range s.Read(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		lines += slice.Lines
		if n++; n%16 == 0 {
			runtime.ReadMemStats(&stats)
			heap = max(heap, stats.HeapAlloc)
		}
	}
	runtime.ReadMemStats(&stats)
	return max(heap, stats.HeapAlloc), lines
}

// repeat gives some bytes again and again.
func repeat(content []byte, times int) io.Reader {
	readers := make([]io.Reader, times)
	for i := range readers {
		readers[i] = bytes.NewReader(content)
	}
	return io.MultiReader(readers...)
}

func TestReadHoldsLittleOfGigabytes(t *testing.T) {
	const n, times = 20_000, 60
	maker := records.NewMaker(1, time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC), time.Second)
	text := strings.Join(maker.Lines(n), "\n") + "\n"
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	limit := len(text) + 2*packed.Cap() + 64<<20
	heap, lines := peak(t, repeat(packed.Bytes(), times), 0)
	if lines != n*times {
		t.Errorf("%d lines, want %d", lines, n*times)
	}
	if heap > uint64(limit) {
		t.Errorf("%d bytes of heap, want %d at most", heap, limit)
	}
	t.Logf("%d MiB of heap", heap>>20)
}

func TestReadHoldsLittleOfLineThatIsTooLong(t *testing.T) {
	long := io.MultiReader(
		strings.NewReader(record(1)+`{"a":"`), repeat(bytes.Repeat([]byte("x"), 1<<20), 300), strings.NewReader(`"}`+"\n"+record(2)),
	)
	heap, lines := peak(t, long, 8<<20)
	if lines != 3 || heap > 64<<20 {
		t.Errorf("%d lines with %d bytes of heap, want 3 with %d at most", lines, heap, 64<<20)
	}
}
