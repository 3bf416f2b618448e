package records

import (
	"maps"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/domain"
)

func TestEveryRecordIsTakenAndCarriesItsMessagesTime(t *testing.T) {
	start := time.Date(2026, 7, 25, 17, 0, 0, 0, time.UTC)
	lines := NewMaker(1, start, time.Second).Lines(1000)
	ids := map[domain.EventID]bool{}
	for batch := range (kumomta.Decoder{}).Decode(Array(lines)) {
		if len(batch.Rejects) > 0 {
			t.Fatalf("%d rejects, the first: %s", len(batch.Rejects), batch.Rejects[0].Reason)
		}
		for _, e := range batch.Events {
			ids[e.ID] = true
			if age := e.AcceptedAt.Sub(start); age < 0 || age > 1000*time.Second || age%time.Second != 0 {
				t.Fatalf("%s accepted at %v", e.Type, e.AcceptedAt)
			}
		}
	}
	if len(ids) != len(lines) {
		t.Fatalf("%d ids for %d records", len(ids), len(lines))
	}
}

func TestReportsAreTiedByTheKeyTheyAreSignedWith(t *testing.T) {
	start := time.Date(2026, 7, 25, 17, 0, 0, 0, time.UTC)
	for key, tied := range map[string]bool{"our-key": true, "another-key": false} {
		maker := NewMaker(1, start, time.Second)
		decoder := kumomta.NewDecoder(domain.NewInterpreter(nil, nil, domain.NewReturnPaths("our-key")))
		statuses := map[domain.Status]int{}
		for batch := range decoder.Decode(Array(append(maker.LateBounce(key), maker.Complaint(key)...))) {
			for _, l := range domain.Fold(batch.Events) {
				if l.Confirmed && !l.OfReport {
					statuses[l.Status()]++
				}
			}
		}
		want := map[domain.Status]int{domain.BouncedLate: 1, domain.Complained: 1}
		if !tied {
			want = map[domain.Status]int{domain.Delivered: 2}
		}
		if !maps.Equal(want, statuses) {
			t.Errorf("%s: statuses %v, want %v", key, statuses, want)
		}
	}
}
