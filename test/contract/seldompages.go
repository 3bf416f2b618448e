package contract

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// findsSeldom looks for what a unit has a few logs of among many, accepted on both
// sides of each five minutes' bounds, whatever comes to be known of them later.
func findsSeldom(t *testing.T, s Store) {
	var records []Record
	for _, unit := range slices.Concat(unitsOfFew(), unitsOfLater(), unitsBetween()) {
		commitRecords(t, s, unit...)
		records = append(records, unit...)
	}
	samePagesOf(t, s, byKey(records...),
		[]string{"", "one", "five", "six", "later", "another", "large", "none"}, []string{"", "ip-five", "ip-later", "ip-1"})
}

// boundedMail is message n, four to each five minutes.
func boundedMail(kind string, n int) Record {
	bounds := []time.Duration{-time.Millisecond, 0, time.Millisecond, 150 * time.Second}
	return acceptedAs(record(kind, n, 0, "a@example.com"), n, noon.Add(time.Duration(n/4)*5*time.Minute+bounds[n%4]))
}

// acceptedAs returns r as of message n, accepted then, and of what is much.
func acceptedAs(r Record, n int, accepted time.Time) Record {
	r.MessageID, r.AcceptedAt, r.OccurredAt = idAt(accepted, n), accepted, accepted.Add(time.Minute)
	r.Tenant, r.Campaign, r.Provider, r.EgressSource = []string{"acme", "globex"}[n%2], "spring", "large", "ip-1"
	return r
}

func unitsOfFew() [][]Record {
	var unit []Record
	for n := range 320 {
		r := boundedMail("Delivery", n)
		switch {
		case n == 100:
			r.Provider, r.EgressSource = "one", "ip-five"
		case n%60 == 1:
			r.Provider = "six"
		case n%80 == 2 || n == 103:
			r.Provider = "five"
		}
		if n%80 == 1 {
			r.EgressSource = "ip-five"
		}
		unit = append(unit, r)
	}
	return [][]Record{unit}
}

// unitsOfLater are of messages of which more is known when they are taken, and of
// some the tenant at last.
func unitsOfLater() [][]Record {
	units := make([][]Record, 3)
	for n := 400; n < 530; n++ {
		tried, taken, again := boundedMail("TransientFailure", n), boundedMail("Delivery", n), boundedMail("TransientFailure", n)
		tried.Tenant, tried.Provider, tried.EgressSource = "", "", ""
		if n%65 == 13 {
			taken.Tenant, taken.Provider, taken.EgressSource = "", "later", "ip-later"
		}
		again.OccurredAt, again.Provider, again.EgressSource = again.OccurredAt.Add(-time.Second), "", ""
		for i, r := range []Record{tried, taken, again} {
			units[i] = append(units[i], r)
		}
	}
	return units
}

// unitsBetween have a few messages by themselves, and a few among many, that stand
// between those of unitsOfFew.
func unitsBetween() [][]Record {
	undated := boundedMail("Delivery", 1)
	undated.MessageID, undated.Provider, undated.EgressSource = "undated", "one", "ip-five"
	renamed := boundedMail("TransientFailure", 82)
	renamed.OccurredAt, renamed.Provider = renamed.OccurredAt.Add(-time.Second), "another"
	few := []Record{undated, renamed}
	for i, provider := range []string{"five", "six", "one", "five"} {
		r := acceptedAs(boundedMail("Delivery", 0), 1000+i, boundedMail("", 40+20*i).AcceptedAt)
		r.Provider, r.EgressSource = provider, "ip-five"
		few = append(few, r)
	}
	var many []Record
	for n := range 130 {
		r := acceptedAs(boundedMail("Delivery", 0), 600+n, boundedMail("", n).AcceptedAt)
		if n == 0 || n == 61 {
			r.Provider = "six" // in five minutes that have others
		}
		many = append(many, r)
	}
	return [][]Record{few, many}
}

// samePagesOf compares pages of each provider and source, of all tenants and of
// some, with logs.
func samePagesOf(t *testing.T, s Store, logs []domain.EmailLog, providers, sources []string) {
	t.Helper()
	found := 0
	for _, scope := range []ports.LogFilter{{}, {Tenant: "acme"}, {Tenant: "globex", Campaign: "spring"}, {From: noon.Add(time.Hour), To: noon.Add(2 * time.Hour)}} {
		for _, provider := range providers {
			for _, source := range sources {
				f := scope
				f.Provider, f.EgressSource, f.Statuses = provider, source, domain.ParseStatuses("delivered")
				want := chosen(logs, func(l *domain.EmailLog) bool { return chooses(&f, l) })
				limits := []int{1, 2, 50}
				if len(want) > 50 {
					limits = limits[1:]
				}
				for _, limit := range limits {
					same(t, fmt.Sprintf("pages of %d of %q and %q of %q", limit, provider, source, f.Tenant), want, logPages(t, s, f, limit))
				}
				found += len(want)
			}
		}
	}
	if found < 2000 {
		t.Fatalf("%d logs are found, so they say little", found)
	}
}
