package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/kumotrail/kumotrail/application"
)

// tally is numbers one below the other, each with what it counts.
type tally struct{ bytes.Buffer }

func (t *tally) add(n int64, format string, args ...any) {
	fmt.Fprintf(t, "%15s  %s\n", humanize.Comma(n), fmt.Sprintf(format, args...))
}

// addSome leaves out what there is nothing of.
func (t *tally) addSome(n int64, format string, args ...any) {
	if n != 0 {
		t.add(n, format, args...)
	}
}

// writeReplay writes what became of everything, one thing a line.
func writeReplay(out io.Writer, r *application.ReplayReport, dry bool) error {
	var t tally
	t.add(r.Read, "lines read of %s, %s", files(r.Files()), humanize.IBytes(uint64(max(r.Bytes, 0))))
	stored, quarantined := "stored", "quarantined"
	if dry {
		stored, quarantined = "to be stored", "to be quarantined"
	}
	t.add(r.Stored, "%s", stored)
	t.add(r.Duplicates, "duplicates")
	t.add(r.Quarantined, "%s", quarantined)
	t.add(r.Skipped, "skipped: no log records")
	t.addSome(r.Expired, "expired: older than RETENTION_DAYS")
	t.addSome(r.Outside, "outside of the time asked for")
	t.addSome(r.Hook, "of a log hook's own messages, which are no mail")
	addLosses(&t, &r.ReplayCounts)
	addParts(&t, r.Unread, r.Passed())
	_, err := t.WriteTo(out)
	return err
}

func files(n int) string {
	if n == 1 {
		return "1 file"
	}
	return humanize.Comma(int64(n)) + " files"
}

// addLosses adds what log hooks lost for good.
func addLosses(t *tally, c *application.ReplayCounts) {
	for _, hook := range slices.Sorted(maps.Keys(c.Lost)) {
		t.add(c.Lost[hook], "events lost by the hook %s", hook)
	}
	t.addSome(c.Restored, "of these restored from their copies")
	t.addSome(c.Known, "of these stored before")
	t.addSome(c.Unrestored, "of these without a copy: their own records tell, where the files have them")
}

// addParts adds what was not read: by reason how many files were passed over,
// and each part of a file that could not be.
func addParts(t *tally, unread []application.UnreadPart, passed map[string]string) {
	reasons := map[string]int64{}
	for _, why := range passed {
		reasons[why]++
	}
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		t.add(reasons[why], "files passed over: %s", why)
	}
	for _, part := range unread {
		fmt.Fprintf(t, "%15s  %s: %s\n", "not read", part.File, part.Why)
	}
}
