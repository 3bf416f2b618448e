package contract_test

import (
	"context"
	"errors"
	"iter"
	"maps"
	"os"
	"strings"
	"testing"
	"unsafe"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

type (
	sliceSeq  = iter.Seq2[ports.Slice, error]
	readFiles = func(context.Context, map[string]ports.Mark) sliceSeq
)

// segmentFiles are log files that may be read in a broken way.
type segmentFiles struct{ read readFiles }

func (s segmentFiles) Read(ctx context.Context, done map[string]ports.Mark) iter.Seq2[ports.Slice, error] {
	return s.read(ctx, done)
}

func (segmentFiles) File(name string) string { return name }

// changing has every slice changed, which may be told to be left out.
func changing(change func(s *ports.Slice) bool) func(readFiles) readFiles {
	return func(read readFiles) readFiles {
		return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
			return func(yield func(ports.Slice, error) bool) {
				for s, err := range read(ctx, done) {
					if err == nil && !change(&s) {
						continue
					}
					if !yield(s, err) {
						return
					}
				}
			}
		}
	}
}

var segmentFaults = []struct {
	fault, story string
	breaks       func(readFiles) readFiles
}{
	{"says nothing of an empty file", "ReadNothing", changing(func(s *ports.Slice) bool { return s.Lines > 0 })},
	{"loses a line", "ReadWholeLinesInOrder", changing(func(s *ports.Slice) bool {
		_, s.Text, _ = strings.Cut(s.Text, "\n")
		return true
	})},
	{"tells the last slice twice", "ReadWholeLinesInOrder", twiceTheLast},
	{"never says that a file is done", "ReadWholeLinesInOrder", changing(func(s *ports.Slice) bool { s.Done = false; return true })},
	{"counts lines from 1", "ReadWholeLinesInOrder", changing(func(s *ports.Slice) bool { s.First++; s.Mark.Lines++; return true })},
	{"marks the begin of a slice", "ReadWholeLinesInOrder", changing(func(s *ports.Slice) bool { s.Mark.Lines = s.First; return true })},
	{"reads the last file first", "ReadFilesInOrderOfNames", lastFirst},
	{"counts no header", "CountLinesThatAreNoRecords", changing(func(s *ports.Slice) bool { s.Skipped = 0; return true })},
	{"does not know of a cut", "LeaveCutLineToTheNextTime", changing(func(s *ports.Slice) bool { s.Cut = false; return true })},
	{"is done with a file that grows", "LeaveCutLineToTheNextTime", changing(func(s *ports.Slice) bool { s.Done = s.Done || s.Cut; return true })},
	{"counts a cut line", "LeaveCutLineToTheNextTime", changing(func(s *ports.Slice) bool {
		if s.Cut {
			s.Lines++
			s.Mark.Lines++
		}
		return true
	})},
	{"begins anew", "GoOnFromAnyMark", func(read readFiles) readFiles {
		return func(ctx context.Context, _ map[string]ports.Mark) sliceSeq { return read(ctx, nil) }
	}},
	{"reads what is done", "PassOverWhatIsDone", forgetsDone},
	{"passes over in silence", "PassOverWhatIsDone", changing(func(s *ports.Slice) bool { s.Passed = ""; return true })},
	{"keeps its marks in those it was given", "LeaveMarksToTheirOwner", func(read readFiles) readFiles {
		return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
			if done != nil {
				done["20260314-150926"] = ports.Mark{Lines: 9}
			}
			return read(ctx, done)
		}
	}},
	{"reads no bytes", "TellHowMuchIsRead", changing(func(s *ports.Slice) bool { s.Read = 0; return true })},
	{"knows no total", "TellHowMuchIsRead", changing(func(s *ports.Slice) bool { s.Total = s.Size; return true })},
	{"ends in silence", "EndWithTheirContext", func(read readFiles) readFiles {
		return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
			return func(yield func(ports.Slice, error) bool) {
				for s, err := range read(ctx, done) {
					if err != nil || !yield(s, nil) {
						return
					}
				}
			}
		}
	}},
	{"does not hear that it is to end", "EndWithTheirContext", func(read readFiles) readFiles {
		return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
			return read(context.WithoutCancel(ctx), done)
		}
	}},
	{"goes on without a reader", "EndWhenTheReaderStops", func(read readFiles) readFiles {
		return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
			return func(yield func(ports.Slice, error) bool) {
				for s, err := range read(ctx, done) {
					_ = yield(s, err)
				}
			}
		}
	}},
	{"reads into the text it gave away", "LeaveTextToItsReader", usesTextAgain},
	{"reads once", "ReadTheSameWhenTheyReadAgain", readsOnce},
}

// twiceTheLast tells the last slice of every file twice.
func twiceTheLast(read readFiles) readFiles {
	return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
		return func(yield func(ports.Slice, error) bool) {
			for s, err := range read(ctx, done) {
				if s.Done && !yield(s, err) || !yield(s, err) {
					return
				}
			}
		}
	}
}

func lastFirst(read readFiles) readFiles {
	return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
		return func(yield func(ports.Slice, error) bool) {
			var all []ports.Slice
			for s, err := range read(ctx, done) {
				if err != nil {
					yield(s, err)
					return
				}
				all = append(all, s)
			}
			for i := range all {
				if !yield(all[len(all)-1-i], nil) {
					return
				}
			}
		}
	}
}

// forgetsDone reads files again that are done.
func forgetsDone(read readFiles) readFiles {
	return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
		done = maps.Clone(done)
		for name, mark := range done {
			if mark.Done {
				done[name] = ports.Mark{}
			}
		}
		return read(ctx, done)
	}
}

// usesTextAgain has all text in one place.
func usesTextAgain(read readFiles) readFiles {
	place := make([]byte, 1<<20)
	return changing(func(s *ports.Slice) bool {
		s.Text = unsafe.String(&place[0], copy(place, s.Text))
		return true
	})(read)
}

// readsOnce has nothing more when it is asked again.
func readsOnce(read readFiles) readFiles {
	asked := false
	return func(ctx context.Context, done map[string]ports.Mark) sliceSeq {
		if asked {
			return func(func(ports.Slice, error) bool) {}
		}
		asked = true
		return read(ctx, done)
	}
}

func TestSegmentsSuite(t *testing.T) {
	contract.TestSegments(t, func(_ *testing.T, files map[string]string) contract.SegmentsHarness {
		s := segmentFiles{memory.NewSegments(files, 100).Read}
		for _, fault := range segmentFaults {
			if fault.fault == os.Getenv(faultVariable) {
				s.read = fault.breaks(s.read)
			}
		}
		return s
	})
}

func TestSuiteRejectsBrokenSegments(t *testing.T) {
	for _, f := range segmentFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestSegmentsSuite/Segments/"+f.story)
		})
	}
}

// checkpoint is one that may be broken.
type checkpoint struct {
	ports.Checkpoint
	load func() (map[string]ports.Mark, error)
	save func(map[string]ports.Mark) error
}

func soundCheckpoint() *checkpoint {
	m := memory.NewCheckpoint()
	return &checkpoint{
		m, func() (map[string]ports.Mark, error) { return m.Load(background) },
		func(marks map[string]ports.Mark) error { return m.Save(background, marks) },
	}
}

func (c *checkpoint) Load(context.Context) (map[string]ports.Mark, error)   { return c.load() }
func (c *checkpoint) Save(_ context.Context, m map[string]ports.Mark) error { return c.save(m) }

var checkpointFaults = []struct {
	fault, story string
	breaks       func(*checkpoint)
}{
	{"has no map at first", "HasNothingAtFirst", func(c *checkpoint) {
		c.load = func() (map[string]ports.Mark, error) { return nil, nil }
	}},
	{"loads once", "KeepsMarks", func(c *checkpoint) {
		load := c.load
		c.load = func() (map[string]ports.Mark, error) {
			marks, err := load()
			return marks, errors.Join(err, c.save(nil))
		}
	}},
	{"keeps lines alone", "KeepsMarks", func(c *checkpoint) {
		save := c.save
		c.save = func(marks map[string]ports.Mark) error {
			lines := map[string]ports.Mark{}
			for name, m := range marks {
				lines[name] = ports.Mark{Lines: m.Lines}
			}
			return save(lines)
		}
	}},
	{"adds marks to those before", "KeepsOnlyTheLastMarks", func(c *checkpoint) {
		all, save := map[string]ports.Mark{}, c.save
		c.save = func(marks map[string]ports.Mark) error {
			maps.Copy(all, marks)
			return save(all)
		}
	}},
	{"keeps the map of others", "LeavesMapsToOthers", func(c *checkpoint) {
		kept := map[string]ports.Mark{}
		c.save = func(marks map[string]ports.Mark) error { kept = marks; return nil }
		c.load = func() (map[string]ports.Mark, error) { return maps.Clone(kept), nil }
	}},
	{"gives its own map", "LeavesMapsToOthers", func(c *checkpoint) {
		kept := map[string]ports.Mark{}
		c.save = func(marks map[string]ports.Mark) error { kept = maps.Clone(marks); return nil }
		c.load = func() (map[string]ports.Mark, error) { return kept, nil }
	}},
}

func TestCheckpointSuite(t *testing.T) {
	contract.TestCheckpoint(t, func(*testing.T) ports.Checkpoint {
		c := soundCheckpoint()
		for _, fault := range checkpointFaults {
			if fault.fault == os.Getenv(faultVariable) {
				fault.breaks(c)
			}
		}
		return c
	})
}

func TestSuiteRejectsBrokenCheckpoints(t *testing.T) {
	for _, f := range checkpointFaults {
		t.Run(f.fault, func(t *testing.T) {
			t.Parallel()
			rejects(t, f.fault, "TestCheckpointSuite/Checkpoint/"+f.story)
		})
	}
}
