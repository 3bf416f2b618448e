package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// What the program's exit status says.
const (
	exitDone        = 0
	exitIncomplete  = 1 // done, but not all is well; for most commands any failure
	exitUsage       = 2
	exitFailed      = 3 // replay and audit: not done to the end
	exitInterrupted = 130
)

// exitError ends the program with a status of its own. Without an error in it
// nothing is said, for all has been.
type exitError struct {
	status int
	error
}

func (e exitError) Unwrap() error { return e.error }

// ExitCode implements kong.ExitCoder.
func (e exitError) ExitCode() int { return e.status }

// exit ends the program with the status that err has, and says what it is.
func exit(err error) {
	if err == nil {
		return
	}
	status := exitIncomplete
	var coded exitError
	if errors.As(err, &coded) {
		status = coded.status
	}
	if coded.status == 0 || coded.error != nil {
		fmt.Fprintf(os.Stderr, "kumotrail: %v\n", err)
	}
	os.Exit(status)
}

// usage is what kong ends the program with: its own status for what cannot be
// parsed is none that others know.
func usage(status int) {
	const unparsed = 80
	if status == unparsed {
		status = exitUsage
	}
	os.Exit(status)
}

var _ kong.ExitCoder = exitError{}

// untilInterrupted returns a context that ends with ctx. A second signal then
// kills the program at once.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
	return ctx, func() {
		stop()
		cancel()
	}
}
