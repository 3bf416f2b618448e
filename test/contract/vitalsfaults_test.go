package contract_test

import (
	"context"
	"time"

	"github.com/kumotrail/kumotrail/ports"
)

// readings changes the vitals that are read.
func readings(change func(*ports.Vitals)) breaks {
	return func(b *broken) {
		b.vitals = func(ctx context.Context) (ports.Vitals, error) {
			v, err := b.Store.Vitals(ctx)
			if err == nil {
				change(&v)
			}
			return v, err
		}
	}
}

var vitalsFaults = []fault{
	{"counts one too many", "Vitals/AreZeroOfEmptyStore", readings(func(v *ports.Vitals) { v.Announcements++ })},
	{"counts announcements for events", "Vitals/CountWhatIsToBeAnnounced", readings(func(v *ports.Vitals) {
		v.Announced = v.Announcements
	})},
	{"counts known events", "Vitals/CountWhatIsToBeAnnounced", readings(func(v *ports.Vitals) {
		v.Announced += v.Announced / 5
	})},
	{"knows when it was claimed, not since when it waits", "Vitals/KnowSinceWhenAnnouncementsWait",
		readings(func(v *ports.Vitals) { v.OldestAnnounced = v.OldestAnnounced.Add(time.Hour) })},
	{"waits since ever", "Vitals/KnowSinceWhenAnnouncementsWait", readings(func(v *ports.Vitals) {
		if v.OldestAnnounced.IsZero() && v.Announcements > 0 {
			v.OldestAnnounced = time.Unix(0, 0).UTC()
		}
	})},
	{"never sums up", "Vitals/TellWhatIsToBeSummedUp", readings(func(v *ports.Vitals) { v.Unsummed++ })},
	{"does not know since when it has not summed up", "Vitals/TellWhatIsToBeSummedUp",
		readings(func(v *ports.Vitals) { v.OldestUnsummed = time.Time{} })},
	{"knows when it was asked, not since when sums wait", "Vitals/TellWhatIsToBeSummedUp", readings(func(v *ports.Vitals) {
		if v.Unsummed > 0 {
			v.OldestUnsummed = time.Now()
		}
	})},
	{"only knows that sums wait", "Vitals/TellWhatIsToBeSummedUp", readings(func(v *ports.Vitals) {
		v.Unsummed = min(v.Unsummed, 1)
	})},
	{"counts a page of the quarantine", "Vitals/CountQuarantine", readings(func(v *ports.Vitals) {
		v.Quarantined = min(v.Quarantined, 5)
	})},
	{"has days without events", "Vitals/NameDaysOfEvents", readings(func(v *ports.Vitals) {
		v.NewestDay = v.NewestDay.AddDate(0, 0, 7)
	})},
	{"has a day of no time", "Vitals/NameDaysOfEvents", readings(func(v *ports.Vitals) {
		if v.OldestDay.IsZero() {
			v.OldestDay = time.Unix(0, 0).UTC()
		}
	})},
	{"reads though nobody waits", "Vitals/EndedContextIsUnavailable", func(b *broken) {
		b.vitals = func(context.Context) (ports.Vitals, error) { return b.Store.Vitals(background) }
	}},
}
