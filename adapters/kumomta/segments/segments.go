package segments

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// Config says what is read and how.
type Config struct {
	// Paths are files and folders, those in them included; "-" is Stdin. Of a
	// folder dotfiles are passed over.
	Paths []string
	Stdin io.Reader
	// Follow waits for more at the end of files that are not finished, and for
	// new files. Then only ctx ends a reading, unless Stdin is all there is.
	Follow bool
	// Since and Until pass over whole files that lie outside of that time. They
	// do so with a margin, and only where a file's name tells; which of the
	// records are wanted is not looked at.
	Since, Until time.Time
	// LongestLine is how many bytes of a line are taken; 0 is 64 MiB.
	LongestLine int
	// Folders is how many of them are read at the same time; 0 is 2. With Follow
	// it holds for what is there already.
	Folders int
	// Poll is how often is looked for changes when following; 0 is every two
	// seconds, beside what the operating system tells of at once, or four times
	// a second where it does not.
	Poll time.Duration
	// PollOnly asks the operating system for nothing: for network file systems,
	// of whose other users it knows nothing.
	PollOnly bool

	openTails int
}

// Validate lists every fault.
func (c Config) Validate() error {
	var faults []error
	if len(c.Paths) == 0 {
		faults = append(faults, errors.New("log files: no path"))
	}
	if slices.Contains(c.Paths, "-") && c.Stdin == nil {
		faults = append(faults, errors.New("log files: no standard input"))
	}
	if !c.Since.IsZero() && !c.Until.IsZero() && !c.Since.Before(c.Until) {
		faults = append(faults, errors.New("log files: since is not before until"))
	}
	if c.LongestLine < 0 || c.Folders < 0 || c.Poll < 0 {
		faults = append(faults, errors.New("log files: a limit below 0"))
	}
	return errors.Join(faults...)
}

// Segments reads the log files of its Config.
type Segments struct{ config Config }

var _ ports.Segments = (*Segments)(nil)

// New makes a reader. It opens nothing.
func New(c Config) (*Segments, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.LongestLine == 0 {
		c.LongestLine = 64 << 20
	}
	if c.Folders == 0 {
		c.Folders = 2
	}
	c.openTails = openTails
	return &Segments{c}, nil
}

// Read implements ports.Segments. Standard input is read once; a read of it that
// waits when the reader stops goes on waiting until there is some input.
func (s *Segments) Read(ctx context.Context, done map[string]ports.Mark) iter.Seq2[ports.Slice, error] {
	return func(yield func(ports.Slice, error) bool) {
		folders, streams, err := arrange(s.config.Paths)
		if err != nil {
			yield(ports.Slice{}, err)
			return
		}
		within, stop := context.WithCancel(ctx)
		r := newRun(within, s.config, done)
		r.begin(folders, streams)
		defer r.end()
		defer stop()
		for slice := range r.slices {
			slice.Total = r.total()
			if !yield(slice, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(ports.Slice{}, err)
		}
	}
}
