package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta/checkpoint"
	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/bootstrap"
)

// logFiles are the log files that a command reads.
type logFiles struct {
	Paths []string `arg:"" name:"path" help:"Log files, folders of them, or - for standard input."`
	Since instant  `help:"Leave out what occurred before: as in 2026-07-25, 2026-07-25T17:20:00Z, or how long ago, as in 24h or 7d." placeholder:"TIME"`
	Until instant  `help:"Leave out what occurred then or later." placeholder:"TIME"`
}

func (l *logFiles) config() segments.Config {
	return segments.Config{Paths: l.Paths, Stdin: os.Stdin, Since: l.Since.Time, Until: l.Until.Time}
}

// limitMemory makes room for what is under way several times over, and has the
// collector work harder beyond: else twice as much as is in use may pile up, and
// a command beside serve should not take its memory. GOMEMLIMIT says otherwise.
func limitMemory() {
	const limit = 96 << 20
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit)
	}
}

type replayCommand struct {
	logFiles

	Checkpoint string        `help:"File that keeps how far the logs were read; it is made, and another run goes on from it. Its name begins with a dot if it lies among the logs." placeholder:"FILE"`
	Follow     bool          `help:"Wait for more at the end of files that are still written to, and for new files."`
	DryRun     bool          `help:"Count what would become of the records; write nothing."`
	Patience   time.Duration `help:"How long a store that is away is waited for; 0 for ever, as with --follow." default:"10m"`
}

func (c *replayCommand) Run(ctx context.Context, level *slog.Level) error {
	limitMemory()
	s, err := bootstrap.LoadSettings()
	if err != nil {
		return exitError{exitFailed, err}
	}
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	report, err := c.replay(ctx, s, newProgress(os.Stderr, newLog(s, level), c.Follow))
	if report != nil {
		if werr := writeReplay(os.Stdout, report, c.DryRun); err == nil {
			err = werr
		}
	}
	return c.status(ctx, report, err)
}

// replay returns no report where nothing was begun.
func (c *replayCommand) replay(ctx context.Context, s bootstrap.Settings, p progress) (*application.ReplayReport, error) {
	defer p.close()
	config := c.config()
	config.Follow = c.Follow
	files, err := segments.New(config)
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	patience := c.Patience
	if c.Follow {
		patience = 0
	}
	r, closeStore, err := bootstrap.OpenReplay(ctx, s, files, application.ReplayConfig{
		Since: c.Since.Time, Until: c.Until.Time, DryRun: c.DryRun, Patience: patience,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeStore() }()
	if c.Checkpoint != "" {
		kept, err := checkpoint.Open(c.Checkpoint, c.Paths)
		if err != nil {
			return nil, err
		}
		defer func() { _ = kept.Close() }()
		r = r.WithCheckpoint(kept)
	}
	report, err := r.WithWatcher(p).Run(ctx)
	return &report, err
}

// status says by the exit status how it went. To be stopped is how following
// ends.
func (c *replayCommand) status(ctx context.Context, report *application.ReplayReport, err error) error {
	var coded exitError
	switch {
	case errors.As(err, &coded):
		return err
	case err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		if c.Follow {
			return nil
		}
		again := "everything that was read is stored; a second run finds it as duplicates"
		if c.Checkpoint != "" {
			again = "another run with the same checkpoint goes on from here"
		}
		return exitError{exitInterrupted, fmt.Errorf("interrupted: %s", again)}
	case err != nil:
		return exitError{exitFailed, err}
	case !report.Complete():
		return exitError{status: exitIncomplete}
	}
	return nil
}
