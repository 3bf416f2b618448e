package segments_test

import (
	"io"
	"iter"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
)

func TestWhatComesSlowlyIsHandedOnAtOnce(t *testing.T) {
	all := recordsOf(0, 3)
	for name, parts := range map[string][]string{
		"text": {record(0), record(1), record(2)},
		"zstd": {string(cutFrameOf(record(0))), string(frameOf(record(1))), string(frameOf(record(2)))},
	} {
		t.Run(name, func(t *testing.T) {
			in, to := io.Pipe()
			s := newSegments(t, segments.Config{Paths: []string{"-"}, Stdin: in})
			next, stop := iter.Pull2(s.Read(t.Context(), nil))
			defer stop()
			got := ""
			for i, part := range parts {
				go func() { _, _ = io.WriteString(to, part) }()
				for len(got) < len(recordsOf(0, i+1)) {
					slice, err, ok := next()
					if err != nil || !ok {
						t.Fatalf("behind %d bytes: %v", len(got), err)
					}
					got += slice.Text
				}
			}
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			for {
				slice, err, ok := next()
				if !ok {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				got += slice.Text
			}
			if got != all {
				t.Errorf("read %q, want %q", got, all)
			}
		})
	}
}
