package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta/segments"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/bootstrap"
	"github.com/kumotrail/kumotrail/ports"
)

type auditCommand struct {
	logFiles

	Fix      bool          `help:"Replay what is missing."`
	JSON     bool          `help:"One JSON object; with --fix another one of what was replayed."`
	Patience time.Duration `help:"How long a store that is away is waited for; 0 for ever." default:"10m"`
}

func (c *auditCommand) Run(ctx context.Context, level *slog.Level) error {
	if c.Fix && slices.Contains(c.Paths, "-") {
		return exitError{exitUsage, errors.New("--fix reads the logs twice, which standard input cannot be")}
	}
	limitMemory()
	s, err := bootstrap.LoadSettings()
	if err != nil {
		return exitError{exitFailed, err}
	}
	ctx, stop := untilInterrupted(ctx)
	defer stop()
	report, err := c.audit(ctx, s, newProgress(os.Stderr, newLog(s, level), false))
	if err == nil {
		err = c.write(os.Stdout, report)
	}
	if err != nil {
		return c.failed(ctx, err)
	}
	if !c.Fix || report.OnlyFiles == 0 {
		if !report.Complete() {
			return exitError{status: exitIncomplete}
		}
		return nil
	}
	fixed, err := c.fix(ctx, s, report.Found(), newProgress(os.Stderr, newLog(s, level), false))
	if err == nil {
		err = c.writeFixed(os.Stdout, fixed)
	}
	switch {
	case err != nil:
		return c.failed(ctx, err)
	case !fixed.Complete() || len(report.Unread) > 0:
		return exitError{status: exitIncomplete}
	}
	return nil
}

func (c *auditCommand) failed(ctx context.Context, err error) error {
	var coded exitError
	switch {
	case errors.As(err, &coded):
		return err
	case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
		return exitError{exitInterrupted, errors.New("interrupted")}
	}
	return exitError{exitFailed, err}
}

func (c *auditCommand) open() (*segments.Segments, error) {
	files, err := segments.New(c.config())
	if err != nil {
		return nil, exitError{exitUsage, err}
	}
	return files, nil
}

func (c *auditCommand) audit(ctx context.Context, s bootstrap.Settings, p progress) (*application.AuditReport, error) {
	defer p.close()
	files, err := c.open()
	if err != nil {
		return nil, err
	}
	a, closeStore, err := bootstrap.OpenAudit(ctx, s, files, application.AuditConfig{
		Since: c.Since.Time, Until: c.Until.Time, Patience: c.Patience,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeStore() }()
	report, err := a.WithWatcher(p).Run(ctx)
	return &report, err
}

func (c *auditCommand) fix(ctx context.Context, s bootstrap.Settings, found ports.Checkpoint, p progress) (*application.ReplayReport, error) {
	defer p.close()
	files, err := c.open()
	if err != nil {
		return nil, err
	}
	r, closeStore, err := bootstrap.OpenReplay(ctx, s, files, application.ReplayConfig{
		Since: c.Since.Time, Until: c.Until.Time, Patience: c.Patience, Missing: true,
	})
	if err != nil {
		return nil, err
	}
	defer func() { _ = closeStore() }()
	report, err := r.WithCheckpoint(found).WithWatcher(p).Run(ctx)
	return &report, err
}

func (c *auditCommand) write(out io.Writer, r *application.AuditReport) error {
	if c.JSON {
		return writeJSON(out, auditInJSON(r))
	}
	return writeAudit(out, r)
}

func (c *auditCommand) writeFixed(out io.Writer, r *application.ReplayReport) error {
	if c.JSON {
		return writeJSON(out, fixInJSON(r))
	}
	if _, err := fmt.Fprintln(out, "\nfixed:"); err != nil {
		return err
	}
	return writeReplay(out, r, false)
}
