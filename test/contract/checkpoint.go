package contract

import (
	"fmt"
	"testing"

	"github.com/kumotrail/kumotrail/ports"
)

// OpenCheckpoint gives a checkpoint in which nothing is saved, and registers
// with t what has to be done when the test ends. Files named marks are there.
type OpenCheckpoint func(t *testing.T) ports.Checkpoint

// TestCheckpoint holds a checkpoint to the words of ports.Checkpoint.
func TestCheckpoint(t *testing.T, open OpenCheckpoint) {
	t.Run("Checkpoint", func(t *testing.T) {
		for name, tell := range map[string]func(*testing.T, ports.Checkpoint){
			"HasNothingAtFirst":     hasNothing,
			"KeepsMarks":            keepsMarks,
			"KeepsOnlyTheLastMarks": keepsLastMarks,
			"LeavesMapsToOthers":    leavesMaps,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				tell(t, open(t))
			})
		}
	})
}

// someMarks are of streams, because files would have to be there.
func someMarks(n int) map[string]ports.Mark {
	marks := map[string]ports.Mark{}
	for i := range n {
		marks[fmt.Sprint("stream ü\n\"", i)] = ports.Mark{
			Lines: int64(i) << 35, Done: i%2 == 1, Size: int64(i), Head: fmt.Sprint("head", i%3),
		}
	}
	return marks
}

func loadMarks(t *testing.T, c ports.Checkpoint) map[string]ports.Mark {
	t.Helper()
	marks, err := c.Load(t.Context())
	fine(t, "load", err)
	if marks == nil {
		t.Fatal("load: no map")
	}
	return marks
}

func hasNothing(t *testing.T, c ports.Checkpoint) {
	same(t, "marks", 0, len(loadMarks(t, c)))
	same(t, "marks", 0, len(loadMarks(t, c)))
}

func keepsMarks(t *testing.T, c ports.Checkpoint) {
	fine(t, "save", c.Save(t.Context(), someMarks(300)))
	same(t, "marks", someMarks(300), loadMarks(t, c))
	same(t, "marks, once more", someMarks(300), loadMarks(t, c))
}

func keepsLastMarks(t *testing.T, c ports.Checkpoint) {
	for _, n := range []int{5, 2, 0, 3} {
		fine(t, "save", c.Save(t.Context(), someMarks(n)))
		same(t, "marks", someMarks(n), loadMarks(t, c))
	}
}

func leavesMaps(t *testing.T, c ports.Checkpoint) {
	mine := someMarks(3)
	fine(t, "save", c.Save(t.Context(), mine))
	same(t, "the saved map", someMarks(3), mine)
	clear(mine)
	got := loadMarks(t, c)
	same(t, "marks", someMarks(3), got)
	clear(got)
	same(t, "marks after the loaded map was changed", someMarks(3), loadMarks(t, c))
}
