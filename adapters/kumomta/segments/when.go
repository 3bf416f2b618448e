package segments

import (
	"io/fs"
	"strings"
	"time"
)

// margin is how far outside of the wanted time a file must lie to be passed
// over. Records wait in the MTA before they are written, and clocks are set.
const margin = time.Hour

// begun is the time in a segment's name, "20260314-150926.535897932_suffix".
func begun(name string) (time.Time, bool) {
	const layout = "20060102-150405"
	if len(name) < len(layout) {
		return time.Time{}, false
	}
	at, err := time.Parse(layout, name[:len(layout)])
	if err != nil {
		return time.Time{}, false
	}
	rest, found := strings.CutPrefix(name[len(layout):], ".")
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	if found && digits > 0 {
		fraction, err := time.ParseDuration("0." + rest[:digits] + "s")
		if err == nil {
			at = at.Add(fraction)
		}
	}
	return at, true
}

// outside says whether all records of a file surely lie before since or not
// before until. A segment is made for its first record, so its name says when it
// begins; and a finished one ends no later than it was last written to, unless
// that was set to before it began. Zero times are no bounds.
func outside(name string, info fs.FileInfo, since, until time.Time) bool {
	start, ok := begun(name)
	if !ok {
		return false
	}
	if !until.IsZero() && !start.Before(until.Add(margin)) {
		return true
	}
	end := info.ModTime()
	return !since.IsZero() && isFinished(info) && !end.Before(start) && end.Before(since.Add(-margin))
}
