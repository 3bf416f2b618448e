package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

func TestInstantsAreDatesTimesAndHowLongAgo(t *testing.T) {
	now := time.Date(2026, 7, 25, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-07-20": "2026-07-20T00:00:00Z", "2026-07-20T10:11": "2026-07-20T10:11:00Z", "2026-07-20T10:11:12": "2026-07-20T10:11:12Z",
		"2026-07-20T10:11:12.5+02:00": "2026-07-20T08:11:12.5Z", "90m": "2026-07-25T10:30:00Z", "7d": "2026-07-18T12:00:00Z", "0s": "2026-07-25T12:00:00Z",
	} {
		got, err := parseInstant(text, now)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s: got %v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-1h", "-7d", "7 d", "2026-13-01", "99999999d"} {
		if got, err := parseInstant(text, now); err == nil || !strings.Contains(err.Error(), "2026-07-25") {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestReplayEndsWithCounts(t *testing.T) {
	var out strings.Builder
	r := application.ReplayReport{ReplayCounts: application.ReplayCounts{
		Read: 1234567, Stored: 1200000, Duplicates: 30000, Quarantined: 1, Skipped: 2, Expired: 3, Hook: 4561,
		Lost: map[string]int64{"b": 1, "a": 5}, Restored: 3, Known: 2, Unrestored: 1,
	}, Bytes: 3 << 30, Unread: []application.UnreadPart{{File: "/var/log/x", Why: "bytes 10 to 20: no frame"}}}
	if err := writeReplay(&out, &r, false); err != nil {
		t.Fatal(err)
	}
	want := `      1,234,567  lines read of 0 files, 3.0 GiB
      1,200,000  stored
         30,000  duplicates
              1  quarantined
              2  skipped: no log records
              3  expired: older than RETENTION_DAYS
          4,561  of a log hook's own messages, which are no mail
              5  events lost by the hook a
              1  events lost by the hook b
              3  of these restored from their copies
              2  of these stored before
              1  of these without a copy: their own records tell, where the files have them
       not read  /var/log/x: bytes 10 to 20: no frame
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	out.Reset()
	if err := writeReplay(&out, &application.ReplayReport{}, true); err != nil || !strings.Contains(out.String(), "0  to be stored\n") {
		t.Errorf("of a dry run: %v\n%s", err, out.String())
	}
}

func TestExitStatusSaysHowReplayWent(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	contexts := map[bool]context.Context{false: t.Context(), true: ended}
	whole, part := &application.ReplayReport{}, &application.ReplayReport{ReplayCounts: application.ReplayCounts{Quarantined: 1}}
	interrupted := fmt.Errorf("replay: %w", context.Canceled)
	for _, c := range []struct {
		name   string
		follow bool
		ended  bool
		report *application.ReplayReport
		err    error
		want   int
	}{
		{"all is well", false, false, whole, nil, 0},
		{"something is in quarantine", false, false, part, nil, 1},
		{"the command line is wrong", false, false, nil, exitError{exitUsage, errors.New("no path")}, 2},
		{"the store stayed away", false, false, part, ports.ErrUnavailable, 3},
		{"it was interrupted", false, true, part, interrupted, 130},
		{"it was interrupted, and the store was away", false, true, part, ports.ErrUnavailable, 3},
		{"following was stopped", true, true, part, interrupted, 0},
	} {
		got := 0
		if err := (&replayCommand{Follow: c.follow}).status(contexts[c.ended], c.report, c.err); err != nil {
			var coded exitError
			if !errors.As(err, &coded) {
				t.Fatalf("%s: %v", c.name, err)
			}
			got = coded.ExitCode()
		}
		if got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func report(read, bytes, total int64) (*ports.Slice, *application.ReplayReport) {
	return &ports.Slice{File: "/var/log/kumomta/20260725-172000"},
		&application.ReplayReport{ReplayCounts: application.ReplayCounts{Read: read}, Bytes: bytes, Total: total}
}

func TestProgressIsALineEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progressLines{log: slog.New(slog.NewTextHandler(&out, nil)), started: time.Now(), last: time.Now()}
		for i := range int64(40) {
			<-time.After(time.Second)
			p.Took(report(i*1000, i<<20, 80<<20))
			p.Waits(errors.New("away"), time.Second)
		}
		p.close()
		if n := strings.Count(out.String(), "replaying"); n != 4 {
			t.Errorf("%d lines in 40 s:\n%s", n, out.String())
		}
		if n := strings.Count(out.String(), "waiting for it"); n != 4 {
			t.Errorf("%d lines of waiting in 40 s", n)
		}
		if !strings.Contains(out.String(), `bytes="9.0 MiB" of="80 MiB" read=9000 stored=0 duplicates=0 quarantined=0 a_second=900 left=1m19s`) {
			t.Errorf("got:\n%s", out.String())
		}
		out.Reset()
		p.Took(&ports.Slice{File: "x", Lost: "bytes 1 to 2"}, &application.ReplayReport{})
		if !strings.Contains(out.String(), "cannot be read") {
			t.Errorf("got:\n%s", out.String())
		}
	})
}

func TestBarShowsRateAndTimeLeftAndGoesAway(t *testing.T) {
	var out output
	p := newBar(&out)
	p.Took(report(12345, 10<<20, 80<<20))
	for !strings.Contains(out.String(), "20260725-172000") {
		<-time.After(time.Millisecond)
	}
	for _, want := range []string{"10.0 MiB / 80.0 MiB", "12 %", "12,345 records", "/s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not shown:\n%q", want, out.String())
		}
	}
	p.Waits(errors.New("away"), time.Second)
	for !strings.Contains(out.String(), "waiting for the store") {
		<-time.After(time.Millisecond)
	}
	p.Compared(1, 4)
	for !strings.Contains(out.String(), "comparing 25 %") {
		<-time.After(time.Millisecond)
	}
	p.close()
}
