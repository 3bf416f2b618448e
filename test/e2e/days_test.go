package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/records"
)

func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
}

// oddDates are of no day that has been made ahead, or of no time that an
// event's id can hold. The last stand in the record alone, whose message is of
// an ordinary day.
func oddDates() []string {
	var odd []string
	for seed, start := range []time.Time{
		date(1970, 1, 1), date(1999, 12, 31), date(2019, 12, 31), date(2020, 1, 1), date(2020, 2, 29),
		date(2099, 12, 31), date(2100, 1, 1), date(2101, 1, 1), date(2106, 2, 7), date(2222, 2, 22),
		time.Now().AddDate(0, 0, 20), time.Now().AddDate(5, 0, 0),
	} {
		// Half a day apart, so that some units have several days.
		odd = append(odd, records.NewMaker(uint64(seed), start, 12*time.Hour).Lines(6)...)
	}
	return append(odd,
		rec(`"type":"Bounce","recipient":"b@example.org","event_time":"1970-01-01T00:00:00Z","timestamp":0`),
		rec(`"type":"Delivery","recipient":"c@example.org","event_time":"9999-12-31T23:59:59.999999Z","timestamp":253402300799`),
		rec(`"type":"Delivery","recipient":"d@example.org","timestamp":4133980800`, "event_time"),
		rec(`"type":"Delivery","recipient":"e@example.org","timestamp":1546300800`, "event_time"),
		rec(`"type":"Bounce","recipient":"f@example.org","timestamp":253402300799`, "event_time", "created_time"),
		rec(`"id":"00000000000010008000782d7e12e173"`), // accepted in 1582
		rec(`"id":"ffffffffffff1fffbfff782d7e12e173"`), // in 5236
		rec(`"id":"7fffffffffff7fffbfff782d7e12e173"`), // in 6429
	)
}

func TestOddDatesAreStoredLikeAllOthers(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		odd := oddDates()
		// The first alone, so that a day is also made for a single record.
		for _, body := range append(odd[:4:4], records.Array(odd[4:9]), strings.Join(odd[9:], "\n")) {
			if r := s.mustTake(body); r.Duplicates+r.Expired+r.Quarantined != 0 {
				t.Errorf("answer %s, want all stored", r.body)
			}
		}
		if r := s.mustTake(records.Array(odd)); r.Stored != 0 {
			t.Errorf("answer %s to the same again, want duplicates", r.body)
		}
		checkWholly(t, s, parseRecords(t, odd))
	})
}

// Messages of today keep coming while old days are let go.
func TestRetentionLetsGoOfOldDaysAlone(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		now := time.Now()
		today := records.NewMaker(41, now.Add(-time.Hour), time.Millisecond).Lines(2000)
		longAgo := records.NewMaker(42, now.AddDate(0, 0, -50), time.Second).Lines(200)
		weekAgo := records.NewMaker(43, now.AddDate(0, 0, -7), time.Second).Lines(200)
		bodies := bodiesOf(today, 20)
		s.mustTake(records.Array(longAgo))
		s.mustTake(records.Array(weekAgo))
		s.mustTake(bodies[0])
		s.Announced(420)
		if code := s.Stop(); code != 0 {
			t.Errorf("serve ended with %d", code)
		}
		s.set("RETENTION_DAYS=1")
		s.Start()
		var clients senders
		clients.send(s, 1, bodies)
		clients.send(s, 2, bodies)
		for _, old := range [][]string{longAgo, weekAgo} {
			if got := s.Post(records.Array(old)).counts(); got != (counts{Received: 200, Expired: 200}) {
				t.Errorf("counts %+v, want all expired", got)
			}
		}
		clients.Wait()
		eventually(t, "events of old days are gone", func() bool { return total(s.Stats()) == len(today) })
		if diff := cmp.Diff(modelStats(parseRecords(t, today)), s.Stats()); diff != "" {
			t.Errorf("stats (-want +got):\n%s", diff)
		}
		// Logs stay 40 days longer.
		kept := modelLogs(parseRecords(t, append(weekAgo, today...)))
		eventually(t, "logs of old days are gone", func() bool { return len(s.Export()) <= len(kept) })
		for _, line := range s.Export() {
			key := line.text("message_id") + " " + line.text("recipient")
			delete(line, "id")
			one := map[string]object{key: line}
			if diff := diffLogs(t, map[string]object{key: kept[key]}, one); diff != "" {
				t.Errorf("export, %s (-want +got):\n%s", key, diff)
			}
			delete(kept, key)
		}
		if len(kept) > 0 {
			t.Errorf("%d logs are gone too early", len(kept))
		}
	})
}
