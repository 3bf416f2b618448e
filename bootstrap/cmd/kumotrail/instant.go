package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// instant is a time as given on the command line: 2026-07-25,
// 2026-07-25T17:20:00Z, or how long ago, as in 90m, 24h or 7d.
type instant struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *instant) UnmarshalText(text []byte) error {
	at, err := parseInstant(string(text), time.Now())
	i.Time = at
	return err
}

func parseInstant(text string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.UTC().AddDate(0, 0, -int(n)), nil
		}
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.UTC().Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("%q is no time as in 2026-07-25, 2026-07-25T17:20:00Z or, for how long ago, 24h or 7d", text)
}
