package segments_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/test/contract"
)

type harness struct {
	*segments.Segments
	dir string
}

func (h harness) File(name string) string { return filepath.Join(h.dir, name) }

func TestSegmentsKeepContract(t *testing.T) {
	for format, pack := range map[string]func(string) []byte{
		"Plain": func(text string) []byte { return []byte(text) },
		"Zstd": func(text string) []byte {
			if text != "" && !strings.HasSuffix(text, "\n") {
				return cutFrameOf(text)
			}
			return frameOf(text)
		},
	} {
		t.Run(format, func(t *testing.T) {
			contract.TestSegments(t, func(t *testing.T, files map[string]string) contract.SegmentsHarness {
				dir := t.TempDir()
				for name, text := range files {
					path := filepath.Join(dir, name)
					putOpen(t, path, pack(text))
					if text == "" || strings.HasSuffix(text, "\n") {
						finish(t, path)
					}
				}
				return harness{newSegments(t, segments.Config{Paths: []string{dir}}), dir}
			})
		})
	}
}
