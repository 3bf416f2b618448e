package domain_test

import (
	"bytes"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

func TestSuppressionChangeHasAnIDOfItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := instants.Draw(t, "at")
		e := domain.Suppression{Address: "a@example.org", AddedAt: at}
		c := domain.NewSuppressionChange(e, rapid.Bool().Draw(t, "removed"), at.In(time.FixedZone("", 3600)), rapid.Uint64().Draw(t, "random"))
		same(t, c.At, at.Truncate(time.Microsecond))
		if c.At.Location() != time.UTC {
			t.Fatalf("changed at %v, which is not UTC", c.At)
		}
		if id := c.ID.String(); id[14] != '7' || id[19] != '8' && id[19] != '9' && id[19] != 'a' && id[19] != 'b' {
			t.Fatalf("id %s is no UUID of version 7", id)
		}
		if when, dated := c.ID.Time(); dated && !when.Equal(at.Truncate(time.Millisecond)) {
			t.Fatalf("id is of %v, the change of %v", when, at)
		}
		later := domain.NewSuppressionChange(e, false, c.At.Add(time.Microsecond), rapid.Uint64().Draw(t, "random of the next"))
		if _, dated := c.ID.Time(); dated && bytes.Compare(c.ID[:], later.ID[:]) >= 0 {
			t.Fatalf("id %s of a later change is not above %s", later.ID, c.ID)
		}
	})
}

func TestSuppressionChangeIsNamedByWhatItDid(t *testing.T) {
	same(t, (&domain.SuppressionChange{}).Type(), "suppression.added")
	same(t, (&domain.SuppressionChange{Removed: true}).Type(), "suppression.removed")
}
