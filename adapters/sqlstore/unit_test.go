package sqlstore

import (
	"bytes"
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/contract"
)

// fewIDs has ids that differ in their first or their last byte alone.
var fewIDs = rapid.Custom(func(t *rapid.T) [16]byte {
	bytes := rapid.SampledFrom([]byte{0, 1, 0x7f, 0x80, 0xff})
	return [16]byte{0: bytes.Draw(t, "first"), 15: bytes.Draw(t, "last")}
})

func TestPlacedIDsAreInOrderOfTheirBytesAndPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(fewIDs).Draw(t, "ids")
		var got []placed
		var want []int32
		for i := range ids {
			got, want = append(got, placedAt(ids[i], i)), append(want, int32(i))
		}
		slices.SortFunc(got, placed.compare)
		slices.SortFunc(want, func(a, b int32) int { return cmp.Or(bytes.Compare(ids[a][:], ids[b][:]), cmp.Compare(a, b)) })
		for i := range got {
			if got[i].at != want[i] {
				t.Fatalf("%d is in place %d, want %d", got[i].at, i, want[i])
			}
		}
	})
}

func TestUnitKnowsWhichLogsItsEventsSpeakOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, next := range contract.Units().Draw(t, "units") {
			u := newUnit(next)
			var logs []domain.EmailLog
			for _, l := range u.logs {
				logs = append(logs, *l)
			}
			if diff := gocmp.Diff(domain.Fold(next.Events), logs, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("logs: -want +got\n%s", diff)
			}
			for i := range u.logs {
				if at, ok := u.logAt(u.logs[i].Key); !ok || at != i {
					t.Errorf("log %d is found in place %d: %t", i, at, ok)
				}
			}
			for i := range u.Events {
				key, own := u.Events[i].LogKey()
				if at := u.logOf[i]; own != (at >= 0) || own && u.logs[at].Key != key {
					t.Errorf("a %s is said to speak of log %d", u.Events[i].Type, at)
				}
			}
			if at, ok := u.logAt(domain.LogKey{0xff}); ok {
				t.Errorf("a log that is not there is found in place %d", at)
			}
			u.release() // the next has its memory
		}
	})
}
