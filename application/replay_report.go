package application

import (
	"maps"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// ReplayCounts says what became of lines. Each that was read counts once, in one
// of Stored, Duplicates, Expired, Quarantined, Outside, Hook and Skipped.
type ReplayCounts struct {
	Read        int64
	Stored      int64 // at least one of the record's events is new
	Duplicates  int64
	Expired     int64 // older than what is kept
	Quarantined int64
	Outside     int64 // of the time that was asked for
	Hook        int64 // of a log hook's own messages, that are no mail
	Skipped     int64 // no log records

	// Lost are events that a log hook lost, by its name: a part of Hook. Restored
	// of them were taken from a copy in the record and are new, Known ones were
	// stored before or are expired, of Unrestored ones there is no copy that could
	// be taken. Where the event's own record is in the files it is taken anyway.
	Lost                        map[string]int64
	Restored, Known, Unrestored int64
}

func (c *ReplayCounts) add(o *ReplayCounts) {
	for _, n := range [...]struct{ to, by *int64 }{
		{&c.Read, &o.Read}, {&c.Stored, &o.Stored}, {&c.Duplicates, &o.Duplicates}, {&c.Expired, &o.Expired},
		{&c.Quarantined, &o.Quarantined}, {&c.Outside, &o.Outside}, {&c.Hook, &o.Hook}, {&c.Skipped, &o.Skipped},
		{&c.Restored, &o.Restored}, {&c.Known, &o.Known}, {&c.Unrestored, &o.Unrestored},
	} {
		*n.to += *n.by
	}
	for hook, n := range o.Lost {
		c.lost(hook, n)
	}
}

func (c *ReplayCounts) lost(hook string, n int64) {
	if c.Lost == nil {
		c.Lost = map[string]int64{}
	}
	c.Lost[hook] += n
}

// ReplayReport says what a replay has done.
type ReplayReport struct {
	ReplayCounts
	Bytes, Total int64 // on disk: that were read, and of all files known so far
	Unread       []UnreadPart
	// Files says of each file that was opened how far it was read, in bytes.
	files map[string]int64
	// passed says of each file that was passed over why.
	passed map[string]string
}

// UnreadPart is what of a file can not be read.
type UnreadPart struct{ File, Why string }

// Files is the number of files that were read.
func (r *ReplayReport) Files() int { return len(r.files) }

// Passed returns the files that were passed over, each with the reason.
func (r *ReplayReport) Passed() map[string]string { return maps.Clone(r.passed) }

// Complete says whether all that was read is where it belongs, and all could be
// read.
func (r *ReplayReport) Complete() bool { return r.Quarantined == 0 && len(r.Unread) == 0 }

// see notes how far the file of s was read.
func (r *ReplayReport) see(s *ports.Slice) {
	if r.files == nil {
		r.files, r.passed = map[string]int64{}, map[string]string{}
	}
	r.Total = max(r.Total, s.Total)
	if s.Passed != "" {
		r.passed[s.File] = s.Passed
	} else {
		r.Bytes += s.Read - r.files[s.File]
		r.files[s.File] = s.Read
	}
	if s.Lost != "" {
		r.Unread = append(r.Unread, UnreadPart{s.File, s.Lost})
	}
}

// ReplayWatcher is told how a replay goes. Safe for concurrent use.
type ReplayWatcher interface {
	// Took says that a slice, by now without its text, is durable, and what all
	// so far came to. Both are good until it returns.
	Took(s *ports.Slice, r *ReplayReport)
	// Waits says that the store takes nothing, why, and when it is tried again.
	Waits(err error, again time.Duration)
}

type unwatched struct{}

func (unwatched) Took(*ports.Slice, *ReplayReport) {}
func (unwatched) Waits(error, time.Duration)       {}
