package segments_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/records"
)

// BenchmarkRead reads a segment as KumoMTA makes it, alone and with decoding.
func BenchmarkRead(b *testing.B) {
	const n = 200_000
	maker := records.NewMaker(1, time.Date(2026, 3, 14, 0, 0, 0, 0, time.UTC), time.Second)
	text := strings.Join(maker.Lines(n), "\n") + "\n"
	path := put(b, filepath.Join(b.TempDir(), "20260314-150926.535897932"), frameOf(text))
	for name, use := range map[string]func(ports.Slice) int{
		"alone": func(s ports.Slice) int { return int(s.Lines) },
		"decoded": func(s ports.Slice) (records int) {
			for batch := range (kumomta.Decoder{}).Decode(s.Text) {
				records += len(batch.Events)
			}
			return records
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := newSegments(b, segments.Config{Paths: []string{path}})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			records := 0
			for b.Loop() {
				for slice, err := range s.Read(b.Context(), nil) {
					if err != nil {
						b.Fatal(err)
					}
					records += use(slice)
				}
			}
			if records != n*b.N {
				b.Fatalf("%d records of %d", records, n*b.N)
			}
			b.ReportMetric(float64(records)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
