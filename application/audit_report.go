package application

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// AuditReport says how log files and the store differ.
type AuditReport struct {
	// Of lines: all that were read, and those that are no mail, no records, broken
	// ones, or of another time than was asked for.
	Read, Hook, Skipped, Broken, Outside int64
	// Events are those of the files, each counted once; Copies are what stands
	// there again. Expired ones are older than what is kept and not among them.
	Events, Copies, Expired int64
	// OnlyFiles are missing in the store. OnlyStore are not in the files, though
	// these have others of the same node and hour.
	OnlyFiles, OnlyStore int64
	// Lost are events that a log hook lost, by its name. Of Unnamed ones the hook's
	// records do not tell which; their own records do, where the files have them.
	Lost    map[string]int64
	Unnamed int64
	// Rows are in order of node and hour.
	Rows []AuditRow
	// Missing are the first of OnlyFiles, and MissingIn how many of them each file
	// has.
	Missing   []MissingEvent
	MissingIn map[string]int64

	Files  int   // that were read
	Bytes  int64 // on disk
	Unread []UnreadPart
	Passed map[string]string // files that were passed over, and why

	marks map[string]ports.Mark
}

// AuditRow is an hour of a node's, by the time in the ids of events.
type AuditRow struct {
	Node      string
	Hour      time.Time // its start, zero for events that have no time
	Files     int64     // events of the files
	OnlyFiles int64
	OnlyStore int64
}

// MissingEvent is an event that the store has not got.
type MissingEvent struct {
	ID         domain.EventID
	Type       domain.EventType
	At         time.Time // zero where its id has none
	Node, File string
	LostByHook bool // and known only by what the hook's record carries
}

// Complete says whether the store misses nothing that could be read, and all
// could be.
func (r *AuditReport) Complete() bool { return r.OnlyFiles == 0 && len(r.Unread) == 0 }

// Found returns a checkpoint that is past what was read of files without missing
// events, for a Replay of the others. It is not saved anywhere.
func (r *AuditReport) Found() ports.Checkpoint {
	marks := maps.Clone(r.marks)
	for file := range r.MissingIn {
		delete(marks, file)
	}
	return given(marks)
}

func (r *AuditReport) done(file string, m ports.Mark) {
	if r.marks == nil {
		r.marks = map[string]ports.Mark{}
	}
	r.marks[file] = m
}

func (r *AuditReport) missing(file string) {
	if r.MissingIn == nil {
		r.MissingIn = map[string]int64{}
	}
	r.MissingIn[file]++
}

// finished returns the report when all is compared.
func (r *auditing) finished() AuditReport {
	report, read := r.report, &r.read
	report.Read, report.Hook, report.Skipped = read.Read, read.Hook, read.Skipped
	report.Broken, report.Outside, report.Expired = read.Quarantined, read.Outside, read.Expired
	report.Lost, report.Unnamed = read.Lost, read.Unrestored
	report.Files, report.Bytes = read.Files(), read.Bytes
	report.Unread, report.Passed = read.Unread, read.Passed()
	for _, row := range r.rows {
		if row.Files > 0 { // the others lie in hours that the files do not cover
			report.Rows = append(report.Rows, *row)
			report.OnlyStore += row.OnlyStore
		}
	}
	slices.SortFunc(report.Rows, func(a, b AuditRow) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), a.Hour.Compare(b.Hour))
	})
	return report
}

// given is a checkpoint that stays as it is.
type given map[string]ports.Mark

func (g given) Load(context.Context) (map[string]ports.Mark, error) { return maps.Clone(g), nil }
func (given) Save(context.Context, map[string]ports.Mark) error     { return nil }

// Compared implements AuditWatcher.
func (unwatched) Compared(int64, int64) {}
