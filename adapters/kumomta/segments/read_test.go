package segments_test

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kumotrail/kumotrail/ports"
)

func TestReadGivesWholeLinesOfEveryFormat(t *testing.T) {
	const n = 3000
	text := recordsOf(0, n)
	whole := told{Text: text, Lines: n, Done: true}
	for name, tc := range map[string]struct {
		content []byte
		want    told
	}{
		"plain lines":                 {[]byte(text), whole},
		"one frame":                   {frameOf(text), whole},
		"several frames":              {slicesOf(frameOf(recordsOf(0, 1000)), frameOf(recordsOf(1000, 1)), frameOf(recordsOf(1001, 1999))), whole},
		"frames that part a line":     {slicesOf(frameOf(text[:12345]), frameOf(text[12345:])), whole},
		"a skippable frame between":   {slicesOf(frameOf(recordsOf(0, 7)), []byte("\x53\x2a\x4d\x18\x03\x00\x00\x00abc"), frameOf(recordsOf(7, n-7))), whole},
		"gzip":                        {gzipOf(text), whole},
		"gzip of several members":     {slicesOf(gzipOf(text[:77777]), gzipOf(text[77777:])), whole},
		"nothing":                     {nil, told{Done: true}},
		"an empty frame":              {frameOf(""), told{Done: true}},
		"a last line without its end": {[]byte(strings.TrimSuffix(text, "\n")), told{Text: strings.TrimSuffix(text, "\n"), Lines: n, Done: true}},
		"a byte order mark":           {[]byte("\uFEFF" + record(1)), told{Text: "\uFEFF" + record(1), Lines: 1, Done: true}},
		"blank lines":                 {[]byte("\n" + record(1) + "\r\n \n" + record(2)), told{Text: record(1) + record(2), Lines: 5, Done: true}},
		"arrays":                      {[]byte("[" + strings.TrimSpace(record(1)) + "]\n[]\n"), told{Text: "[" + strings.TrimSpace(record(1)) + "]\n[]\n", Lines: 2, Done: true}},
		"accounting": {
			frameOf(`{"type":"Authentication","timestamp":"2025-12-18T06:52:47Z"}` + "\n" + record(1) + `{"type":"Authorization","x":1}` + "\n"),
			told{Text: record(1), Lines: 3, Skipped: 2, Done: true},
		},
		"a header and lines of a template": {
			frameOf("# node a\n" + record(1) + "[2026-03-04] delivered\n" + record(2) + "{not} json\n" + "42\n" + record(3)),
			told{Text: recordsOf(1, 3), Lines: 7, Skipped: 4, Done: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := readFile(t, put(t, filepath.Join(t.TempDir(), "segment"), tc.content), ports.Mark{})
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreUnexported(told{})); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if got.read != int64(len(tc.content)) || got.size != got.read {
				t.Errorf("read %d of %d bytes, want all %d", got.read, got.size, len(tc.content))
			}
		})
	}
}

func slicesOf(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
