package application_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/application"
)

// roller answers what it is told to, and notes when it is asked.
type roller struct {
	asked []time.Duration
	since time.Time
	roll  func(n int) (bool, error)
}

func (r *roller) Roll(context.Context) (bool, error) {
	r.asked = append(r.asked, time.Since(r.since))
	return r.roll(len(r.asked))
}

func runRollups(t *testing.T, roll func(n int) (bool, error)) (asked []time.Duration, logged string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := &roller{since: time.Now(), roll: roll}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		application.NewRollups(r, slog.New(slog.NewTextHandler(&log, nil))).Run(ctx)
		asked, logged = r.asked, log.String()
	})
	return asked, logged
}

func TestRollupsTakeAllThatWaitsAndThenRest(t *testing.T) {
	asked, _ := runRollups(t, func(n int) (bool, error) { return n < 3, nil })
	want := []time.Duration{0, 0, 0, 2 * time.Second, 4 * time.Second}
	if len(asked) != len(want) {
		t.Fatalf("rolled at %v, want %v", asked, want)
	}
	for i := range want {
		if asked[i] != want[i] {
			t.Errorf("rolled at %v, want %v", asked, want)
		}
	}
}

func TestRollupsThatFailAreTriedAgainAndLoggedOnce(t *testing.T) {
	asked, logged := runRollups(t, func(int) (bool, error) { return true, errors.New("down") })
	if n := strings.Count(logged, "summed up"); len(asked) != 3 || n != 1 {
		t.Errorf("asked %d times and logged %d, want 3 and once", len(asked), n)
	}
}
