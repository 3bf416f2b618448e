package ports

import (
	"context"
	"iter"
)

// Mark is how far a log file is done. It is carried on from run to run.
type Mark struct {
	// Lines is how many lines are done, from the file's first.
	Lines int64
	// Done says that the file was finished and all of it is done, at Size bytes.
	Done bool
	Size int64
	// Head tells the file from another that has its name later. It is for
	// Segments alone; "" is that of any file.
	Head string
}

// Slice is some whole lines of one of the MTA's log files (kumomta.md section
// 6), or word of one.
type Slice struct {
	// File is the file's absolute path, "-" for standard input.
	File string
	// First is the number of the first line, from 0, and Lines how many there
	// are, with those that were passed over. A file that another took the place
	// of begins at 0 again.
	First, Lines int64
	// Text has the lines that may be records, each with its end, for a
	// RecordDecoder. It is the reader's to keep.
	Text string
	// Skipped counts lines that are no records: those of a template, a header
	// of the segment, a line that was cut or is longer than may be held.
	Skipped int64
	// Mark is what a checkpoint holds of the file when this slice and those of
	// the file before it are done.
	Mark Mark
	// Read and Size are bytes of the file on disk: how many of them are behind
	// the reader, and how many there are; Size is 0 for what has no end that is
	// known. Of a file that is read no further both are the same.
	Read, Size int64
	// Total is the size of all files that are known by now, for whoever wants to
	// tell how much is left.
	Total int64
	// Passed says why the file as a whole is passed over: it is no log file, its
	// name begins with a dot, it lies outside of the time that is asked for, or
	// it was done before. Usually "".
	Passed string
	// Lost says what of the file can not be read, and why, with the range of its
	// bytes; usually "". There may be slices of the file behind it.
	Lost string
	// Cut says that the file ends within a line or a frame: what was written last
	// is not here, for it is still to come or the MTA crashed.
	Cut bool
	// Done says that the file is finished, and this the last of it.
	Done bool
}

// Segments reads log files.
type Segments interface {
	// Read yields what the files have, those of a folder in order of their
	// names, from the marks of a checkpoint on, which it does not keep. A file
	// that is still written to holds up no other, and folders are read side by
	// side, so that slices of several files mix; those of one file come in order.
	//
	// A file that cannot be read does not end it: its slice says so in Lost. An
	// error is the last that is yielded: that of ctx, or of a path that is not
	// there. It takes from disk not much more than its reader has taken, and
	// leaves nothing running when the reader stops.
	Read(ctx context.Context, done map[string]Mark) iter.Seq2[Slice, error]
}

// Checkpoint keeps the marks of files over restarts. It has one owner, and is
// not called concurrently.
type Checkpoint interface {
	// Load returns the marks that were saved last, by file. Nothing saved yet is
	// an empty map; what is there but cannot be understood is an error, for who
	// starts from nothing reads everything again unasked. The map is the
	// caller's own.
	Load(ctx context.Context) (map[string]Mark, error)
	// Save puts marks in place of what was saved, whole or not at all: whoever
	// looks, also after a crash of the machine, sees the one or the other. The
	// map stays the caller's own.
	Save(ctx context.Context, marks map[string]Mark) error
}
