package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// progress shows how a command gets on.
type progress interface {
	application.AuditWatcher
	// close takes down what is shown.
	close()
}

// newProgress draws a bar on a terminal, and writes lines elsewhere. What is
// followed has no end to get nearer to.
func newProgress(out *os.File, log *slog.Logger, follow bool) progress {
	if !follow && isatty.IsTerminal(out.Fd()) {
		return newBar(out)
	}
	return &progressLines{log: log, started: time.Now(), last: time.Now()}
}

// progressLines writes a line now and then.
type progressLines struct {
	log           *slog.Logger
	started, last time.Time
	waits         sync.Mutex
	told          time.Time // of waiting
}

const lineEvery = 10 * time.Second

// Took implements application.ReplayWatcher.
func (p *progressLines) Took(s *ports.Slice, r *application.ReplayReport) {
	if s.Lost != "" {
		p.log.Warn("a part of a log file cannot be read", "file", s.File, "part", s.Lost)
	}
	if time.Since(p.last) < lineEvery {
		return
	}
	p.last = time.Now()
	p.log.Info("replaying", "file", s.File,
		"bytes", humanize.IBytes(uint64(r.Bytes)), "of", humanize.IBytes(uint64(r.Total)),
		"read", r.Read, "stored", r.Stored, "duplicates", r.Duplicates, "quarantined", r.Quarantined,
		"a_second", perSecond(r.Read, p.started), "left", timeLeft(r.Bytes, r.Total, p.started))
}

// Waits implements application.ReplayWatcher.
func (p *progressLines) Waits(err error, again time.Duration) {
	p.waits.Lock()
	defer p.waits.Unlock()
	if time.Since(p.told) < lineEvery {
		return
	}
	p.told = time.Now()
	p.log.Warn("the store takes nothing; waiting for it", "error", err, "again_in", again)
}

// Compared implements application.AuditWatcher.
func (p *progressLines) Compared(n, of int64) {
	if time.Since(p.last) >= lineEvery {
		p.last = time.Now()
		p.log.Info("comparing with the store", "events", n, "of", of)
	}
}

func (p *progressLines) close() {}

func perSecond(n int64, since time.Time) int64 {
	return int64(float64(n) / max(time.Since(since).Seconds(), 0.001))
}

// timeLeft guesses by what was read so far. Of what grows it is no guess.
func timeLeft(done, total int64, since time.Time) time.Duration {
	if done <= 0 || done > total {
		return 0
	}
	took := time.Since(since)
	return time.Duration(float64(took) / float64(done) * float64(total-done)).Round(time.Second)
}

// progressBar draws how much of all files is read.
type progressBar struct {
	bars *mpb.Progress
	bar  *mpb.Bar

	mu      sync.Mutex
	started time.Time
	read    int64
	file    string
	waiting bool
}

func newBar(out io.Writer) *progressBar {
	p := &progressBar{started: time.Now()}
	p.bars = mpb.New(mpb.WithOutput(out), mpb.WithAutoRefresh(), mpb.WithWidth(80))
	p.bar = p.bars.AddBar(0,
		mpb.PrependDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Percentage(decor.WC{W: 5})),
		mpb.AppendDecorators(decor.AverageETA(decor.ET_STYLE_GO), decor.Any(p.state)),
		mpb.BarRemoveOnComplete(),
	)
	return p
}

// state is what stands behind the bar.
func (p *progressBar) state(decor.Statistics) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting {
		return "  waiting for the store"
	}
	return fmt.Sprintf("  %s records, %s/s  %s", humanize.Comma(p.read), humanize.Comma(perSecond(p.read, p.started)), p.file)
}

// Took implements application.ReplayWatcher.
func (p *progressBar) Took(s *ports.Slice, r *application.ReplayReport) {
	p.mu.Lock()
	p.read, p.file, p.waiting = r.Read, filepath.Base(s.File), false
	p.mu.Unlock()
	p.bar.SetTotal(r.Total, false)
	p.bar.SetCurrent(r.Bytes)
}

// Waits implements application.ReplayWatcher.
func (p *progressBar) Waits(error, time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = true
}

// Compared implements application.AuditWatcher.
func (p *progressBar) Compared(n, of int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.file, p.waiting = fmt.Sprintf("comparing %d %%", 100*n/max(of, 1)), false
}

func (p *progressBar) close() {
	p.bar.Abort(true)
	p.bars.Wait()
}
