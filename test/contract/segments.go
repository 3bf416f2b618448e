package contract

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// SegmentsHarness is a reader of the log files of one folder.
type SegmentsHarness interface {
	ports.Segments
	// File is what a file of the folder is called in slices.
	File(name string) string
}

// OpenSegments gives a reader of files with that text, by name. A file whose
// last line has no end is still written to, all others are finished. It
// registers with t what has to be done when the test ends.
type OpenSegments func(t *testing.T, files map[string]string) SegmentsHarness

// TestSegments holds a reader of log files to the words of ports.Segments.
func TestSegments(t *testing.T, open OpenSegments) {
	t.Run("Segments", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, OpenSegments){
			"ReadNothing":                  readNothing,
			"ReadWholeLinesInOrder":        readWholeLines,
			"ReadFilesInOrderOfNames":      readInOrder,
			"CountLinesThatAreNoRecords":   countNoRecords,
			"LeaveCutLineToTheNextTime":    leaveCutLine,
			"GoOnFromAnyMark":              goOnFromMarks,
			"PassOverWhatIsDone":           passOverDone,
			"LeaveMarksToTheirOwner":       leaveMarks,
			"TellHowMuchIsRead":            tellHowMuch,
			"EndWithTheirContext":          endWithTheirContext,
			"EndWhenTheReaderStops":        endWithReader,
			"LeaveTextToItsReader":         leaveText,
			"ReadTheSameWhenTheyReadAgain": readAgain,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open)
			})
		}
	})
}

// segmentLines are n lines that may be records.
func segmentLines(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"type":"Delivery","n":%d}`+"\n", first+i)
	}
	return b.String()
}

// threeFiles are some with lines of several kinds.
func threeFiles() map[string]string {
	return map[string]string{
		"20260314-150926": segmentLines(0, 2500),
		"20260314-150927": "# a header\n" + segmentLines(2500, 40) + "delivered to somebody\n" + segmentLines(2540, 3),
		"20260314-151000": segmentLines(2543, 10) + `{"type":"Deli`,
	}
}

// readSlices reads all from marks on.
func readSlices(t *testing.T, s ports.Segments, marks map[string]ports.Mark) (all []ports.Slice) {
	t.Helper()
	for slice, err := range s.Read(inTime(t), marks) {
		fine(t, "read", err)
		all = append(all, slice)
	}
	return all
}

// ofFile returns the slices of one file, and holds them to follow each other.
func ofFile(t *testing.T, all []ports.Slice, file string) (of []ports.Slice) {
	t.Helper()
	for _, s := range all {
		if s.File != file {
			continue
		}
		if n := len(of); n > 0 {
			same(t, "first line of a slice", of[n-1].First+of[n-1].Lines, s.First)
			same(t, "slices behind the last", false, of[n-1].Done)
		}
		if s.Passed == "" {
			same(t, "lines in a mark", s.First+s.Lines, s.Mark.Lines)
		}
		of = append(of, s)
	}
	if len(of) == 0 {
		t.Fatalf("no slice of %s", file)
	}
	return of
}

func textOf(slices []ports.Slice) string {
	var b strings.Builder
	for _, s := range slices {
		b.WriteString(s.Text)
	}
	return b.String()
}

func last(slices []ports.Slice) ports.Slice { return slices[len(slices)-1] }

func readNothing(t *testing.T, open OpenSegments) {
	same(t, "slices", 0, len(readSlices(t, open(t, nil), nil)))
	s := open(t, map[string]string{"empty": ""})
	end := last(ofFile(t, readSlices(t, s, nil), s.File("empty")))
	same(t, "lines", int64(0), end.Lines)
	same(t, "done", true, end.Done)
}

func readWholeLines(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	of := ofFile(t, readSlices(t, s, nil), s.File("20260314-150926"))
	same(t, "first line", int64(0), of[0].First)
	same(t, "text", segmentLines(0, 2500), textOf(of))
	end := last(of)
	same(t, "lines", int64(2500), end.Mark.Lines)
	same(t, "ends", []bool{true, true, false}, []bool{end.Done, end.Mark.Done, end.Cut})
	for _, each := range of {
		same(t, "lines of a slice", each.Lines, int64(strings.Count(each.Text, "\n")))
		same(t, "faults", []string{"", ""}, []string{each.Lost, each.Passed})
	}
}

func readInOrder(t *testing.T, open OpenSegments) {
	files := map[string]string{}
	for i := range 12 {
		files[fmt.Sprintf("20260314-15%02d00.5", i*7%12)] = segmentLines(i, 3)
	}
	s := open(t, files)
	var names []string
	for _, each := range readSlices(t, s, nil) {
		names = append(names, each.File)
	}
	same(t, "in order", true, slices.IsSorted(names))
	same(t, "files", len(files), len(slices.Compact(names)))
}

func countNoRecords(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	of := ofFile(t, readSlices(t, s, nil), s.File("20260314-150927"))
	skipped := int64(0)
	for _, each := range of {
		skipped += each.Skipped
	}
	same(t, "skipped", int64(2), skipped)
	same(t, "lines", int64(45), last(of).Mark.Lines)
	same(t, "text", segmentLines(2500, 43), textOf(of))
}

func leaveCutLine(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	of := ofFile(t, readSlices(t, s, nil), s.File("20260314-151000"))
	same(t, "text", segmentLines(2543, 10), textOf(of))
	end := last(of)
	same(t, "lines", int64(10), end.Mark.Lines)
	same(t, "ends", []bool{true, false, false}, []bool{end.Cut, end.Done, end.Mark.Done})
}

func goOnFromMarks(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	all := readSlices(t, s, nil)
	for _, name := range []string{"20260314-150926", "20260314-151000"} {
		of := ofFile(t, all, s.File(name))
		whole, lines := textOf(of), last(of).Mark.Lines
		for _, at := range []int64{0, 1, 7, lines - 1, lines} {
			mark := of[0].Mark
			mark.Lines, mark.Done = at, false
			rest := ofFile(t, readSlices(t, s, map[string]ports.Mark{s.File(name): mark}), s.File(name))
			same(t, "first line", at, rest[0].First)
			same(t, "text", strings.Join(strings.SplitAfter(whole, "\n")[at:], ""), textOf(rest))
			same(t, "lines", lines, last(rest).Mark.Lines)
		}
	}
}

func passOverDone(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	marks := map[string]ports.Mark{}
	for _, each := range readSlices(t, s, nil) {
		marks[each.File] = each.Mark
	}
	for _, each := range readSlices(t, s, marks) {
		same(t, "lines", int64(0), each.Lines)
		same(t, "text", "", each.Text)
		same(t, "passed over", marks[each.File].Done, each.Passed != "")
		same(t, "mark", marks[each.File], each.Mark)
	}
}

func leaveMarks(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	mark := ports.Mark{Lines: 3}
	marks := map[string]ports.Mark{s.File("20260314-150926"): mark, "gone": {Lines: 1}}
	readSlices(t, s, marks)
	same(t, "marks", map[string]ports.Mark{s.File("20260314-150926"): mark, "gone": {Lines: 1}}, marks)
}

func tellHowMuch(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	all := readSlices(t, s, nil)
	total := int64(0)
	for name := range threeFiles() {
		of := ofFile(t, all, s.File(name))
		same(t, "grows", true, slices.IsSortedFunc(of, func(a, b ports.Slice) int { return cmp.Compare(a.Read, b.Read) }))
		total += last(of).Size
		if end := last(of); end.Done {
			same(t, "read", end.Size, end.Read)
			same(t, "size in the mark", end.Size, end.Mark.Size)
		}
	}
	same(t, "total", total, last(all).Total)
	if total == 0 {
		t.Fatal("files have no size")
	}
}

func endWithTheirContext(t *testing.T, open OpenSegments) {
	ctx, cancel := context.WithCancel(inTime(t))
	defer cancel()
	var ended error
	n := 0
	for _, err := range open(t, threeFiles()).Read(ctx, nil) {
		if ended != nil {
			t.Fatal("there is something behind the error")
		}
		cancel()
		n++
		ended = err
	}
	is(t, "end", ended, context.Canceled)
	if n > 2 {
		t.Fatalf("%d slices behind the end of the context", n-2)
	}
}

func endWithReader(t *testing.T, open OpenSegments) {
	n := 0
	open(t, threeFiles()).Read(inTime(t), nil)(func(_ ports.Slice, err error) bool {
		n++
		if err != nil {
			t.Errorf("read: got error %q, want none", err)
		}
		return false
	})
	same(t, "slices", 1, n)
}

func leaveText(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	var kept, copied []string
	for slice, err := range s.Read(inTime(t), nil) {
		fine(t, "read", err)
		kept, copied = append(kept, slice.Text), append(copied, strings.Clone(slice.Text))
	}
	same(t, "text that was kept", copied, kept)
}

func readAgain(t *testing.T, open OpenSegments) {
	s := open(t, threeFiles())
	first, second := readSlices(t, s, nil), readSlices(t, s, nil)
	for name := range threeFiles() {
		of, again := ofFile(t, first, s.File(name)), ofFile(t, second, s.File(name))
		same(t, "text", textOf(of), textOf(again))
		same(t, "mark", last(of).Mark, last(again).Mark)
	}
}
