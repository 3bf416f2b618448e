// Command kumotrail keeps track of mail sent through KumoMTA: it receives the
// MTA's log events, keeps what became of each message, and announces it.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/kumotrail/kumotrail/bootstrap"
)

// cli is the command line. Its fields are kong's grammar.
type cli struct {
	Serve      serveCommand      `cmd:"" default:"withargs" help:"Receive log events, keep them, announce them, serve the API."`
	Replay     replayCommand     `cmd:"" help:"Take what KumoMTA's log files have and is not stored yet."`
	Audit      auditCommand      `cmd:"" help:"Compare KumoMTA's log files with the store: exit status 1 if it misses something."`
	Classify   classifyCommand   `cmd:"" help:"Explain what SMTP responses mean."`
	Quarantine quarantineCommand `cmd:"" help:"Look after records that could not be taken."`
	Migrate    migrateCommand    `cmd:"" help:"Look after the schema of the store; serve brings it up to date itself."`
	Policy     policyCommand     `cmd:"" help:"Write KumoMTA's policy for this service."`
	Man        manCommand        `cmd:"" help:"Print the manual page: kumotrail man | man -l -"`
	Completion completionCommand `cmd:"" help:"Print the script that completes command lines in a shell."`
	Version    versionCommand    `cmd:"" help:"Print version, commit and Go version."`

	LogLevel *slog.Level `placeholder:"LEVEL" help:"Least level that is logged, debug, info, warn or error, in place of what LOG_LEVEL says."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	parser, err := newParser(&c, kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		exit(err)
	}
	parsed, err := parser.Parse(os.Args[1:])
	if word, ok := unknownCommand(parser.Model.Node, os.Args[1:]); err != nil && ok {
		exit(exitError{exitUsage, fmt.Errorf("there is no command %q: kumotrail --help lists them", word)})
	}
	parser.FatalIfErrorf(err)
	err = parsed.Run(c.LogLevel)
	stop()
	exit(err)
}

type serveCommand struct {
	KeepSchema bool `help:"Leave the store's schema alone; refuse to start if it is not the current one."`
}

func (c *serveCommand) Run(ctx context.Context, level *slog.Level) error {
	s, err := bootstrap.LoadSettings()
	if err != nil {
		return err
	}
	return bootstrap.Serve(ctx, s, bootstrap.ServeOptions{KeepSchema: c.KeepSchema, Build: build()}, newLog(s, level))
}

// newLog writes lines for people in development and JSON in production, from the
// level that was asked for, nil for that of the settings.
func newLog(s bootstrap.Settings, level *slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if level != nil {
		options.Level = *level
	}
	if s.Environment == bootstrap.Production {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
