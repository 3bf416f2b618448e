package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// findsSilent looks for providers and egress sources of which there is much, and
// little long ago, with days between of which there is nothing.
func findsSilent(t *testing.T, s Store) {
	var records []Record
	for n := range 90 {
		accepted := noon.Add(-time.Duration(n) * 37 * time.Hour / 10) // a fortnight
		r := record("Delivery", n, 0, "a@example.com", "b@example.org")
		r.MessageID, r.AcceptedAt, r.OccurredAt = idAt(accepted, n), accepted, accepted
		r.Tenant, r.Campaign = []string{"acme", "globex"}[n%2], "spring"
		r.Provider, r.EgressSource = "large", []string{"ip-1", "ip-2"}[n/2%2]
		switch {
		case n > 80:
			r.Provider = "silent"
		case n%40 == 39:
			r.Provider, r.EgressSource = "rare", "ip-3"
		}
		records = append(records, r)
	}
	// Of some the provider is known later, or is the lesser of two.
	late, another := records[30], records[50]
	records[30].Provider, another.Provider = "", "another"
	undated := record("Delivery", 1, 0, "a@example.com")
	undated.MessageID, undated.Provider, undated.EgressSource, undated.Tenant = "undated", "silent", "ip-3", "acme"
	commitRecords(t, s, records...)
	commitRecords(t, s, late, another, undated)
	all := byKey(append(records, late, another, undated)...)
	found := 0
	for _, provider := range []string{"", "large", "silent", "rare", "another", "none"} {
		for _, source := range []string{"", "ip-1", "ip-3", "ip-none"} {
			found += samePages(t, s, all, ports.LogFilter{Provider: provider, EgressSource: source})
		}
	}
	if found < 1000 {
		t.Fatalf("%d logs are found, so they say little", found)
	}
}

// samePages compares pages of what f chooses, in several ranges and of several
// scopes, with logs, and says how many were found.
func samePages(t *testing.T, s Store, logs []domain.EmailLog, f ports.LogFilter) (found int) {
	t.Helper()
	f.Statuses = domain.ParseStatuses("delivered")
	for _, scope := range []ports.LogFilter{{}, {Tenant: "acme"}, {Campaign: "spring", Tenant: "globex"}, {Domain: "example.org"}} {
		f.Tenant, f.Campaign, f.Domain = scope.Tenant, scope.Campaign, scope.Domain
		for _, hours := range [][2]int{{0, 0}, {-24, 1}, {-280, -100}} {
			f.From, f.To = time.Time{}, time.Time{}
			if hours != [2]int{} {
				f.From, f.To = noon.Add(time.Duration(hours[0])*time.Hour), noon.Add(time.Duration(hours[1])*time.Hour)
			}
			want := chosen(logs, func(l *domain.EmailLog) bool { return chooses(&f, l) })
			same(t, fmt.Sprintf("logs of %q and %q of %q", f.Provider, f.EgressSource, f.Tenant), want, logPages(t, s, f, 7))
			found += len(want)
		}
	}
	return found
}
