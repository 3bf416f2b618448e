package ports

import (
	"context"
	"iter"
)

// Slice is some whole lines of one of the MTA's log files (kumomta.md section 6).
type Slice struct {
	File string // as Segments names it
	// First is the number of the first line, from 0, and Lines how many there
	// are, with those that were passed over. Reading goes on at First + Lines.
	First, Lines int64
	// Text has the lines that may be records, each with its end, for a
	// RecordDecoder.
	Text string
	// Skipped counts lines that are no records: those of a template, a header
	// of the segment, a line that was cut.
	Skipped int64
	// Read and Size are bytes of the file on disk: how many of them were taken,
	// and how many there are; 0 for what has no end that is known.
	Read, Size int64
	// Lost says what of the file can not be read, and why; usually "".
	Lost string
	// Done says that the file is finished, and this the last of it.
	Done bool
}

// Segments reads log files.
type Segments interface {
	// Read yields what the files have, those of a folder in order of their
	// names, from the checkpoint on: by file, how many lines of it are done. A
	// file that cannot be read does not end it: its slice says so in Lost. An
	// error is the last that is yielded: that of ctx, or of a folder that is none.
	Read(ctx context.Context, done map[string]int64) iter.Seq2[Slice, error]
}
