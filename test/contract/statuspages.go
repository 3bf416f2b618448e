package contract

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// statusSets are what pages are asked for: each name, kinds of one name apart,
// and several.
func statusSets() [][]domain.Status {
	sets := [][]domain.Status{
		{domain.Bounced}, {domain.BouncedLate}, {domain.Complained, domain.Deferred, domain.Complained},
		{domain.Delivered, domain.Expired}, {domain.Transferred, domain.BouncedLate, domain.Expired},
	}
	for s := domain.Pending; s <= domain.Complained; s++ {
		sets = append(sets, domain.ParseStatuses(s.String()))
	}
	return sets
}

// followsStatuses asks for logs by status after each of many units, of all and
// together with every other field that has a list.
func followsStatuses(t *testing.T, s Store) {
	var said []domain.EmailEvent
	found := 0
	for seed := range 30 {
		for _, u := range Units().Example(seed) {
			commit(t, s, u)
			said = append(said, u.Events...)
			found += sameByStatus(t, s, domain.Fold(said), ports.LogFilter{}, ports.LogFilter{From: at(2), To: at(4)})
		}
	}
	logs := domain.Fold(said)
	scopes := []ports.LogFilter{{Reports: true}, {Domain: "example.com"}}
	for _, l := range logs {
		scopes = append(scopes, ports.LogFilter{Tenant: l.Tenant}, ports.LogFilter{Campaign: l.Campaign, Provider: l.Provider},
			ports.LogFilter{EgressSource: l.EgressSource, Cause: l.Decision.Verdict.Cause})
	}
	found += sameByStatus(t, s, logs, scopes...)
	if found < 300 {
		t.Fatalf("%d logs are found by their statuses, so they say little", found)
	}
}

// sameByStatus compares pages by status within scopes with logs, which are in
// order of key, and says how many were found.
func sameByStatus(t *testing.T, s Store, logs []domain.EmailLog, scopes ...ports.LogFilter) (found int) {
	t.Helper()
	asked := map[string]bool{}
	for _, f := range scopes {
		if asked[fmt.Sprint(f)] {
			continue
		}
		asked[fmt.Sprint(f)] = true
		for _, f.Statuses = range statusSets() {
			want := chosen(logs, func(l *domain.EmailLog) bool { return l.Confirmed && chooses(&f, l) })
			slices.Reverse(want)
			same(t, fmt.Sprintf("logs of %v of %d scopes", f.Statuses, len(asked)), want, logPages(t, s, f, 3))
			found += len(want)
		}
	}
	return found
}

// chooses says what ports.LogFilter does, as far as sameByStatus asks.
func chooses(f *ports.LogFilter, l *domain.EmailLog) bool {
	for _, text := range [][2]string{
		{f.Tenant, l.Tenant}, {f.Campaign, l.Campaign}, {f.Provider, l.Provider}, {f.EgressSource, l.EgressSource},
		{string(f.Cause), string(l.Decision.Verdict.Cause)},
	} {
		if text[0] != "" && text[0] != text[1] {
			return false
		}
	}
	return slices.Contains(f.Statuses, l.Status()) && l.OfReport == f.Reports &&
		(f.Domain == "" || strings.HasSuffix(l.Recipient, "@"+f.Domain)) &&
		(f.From.IsZero() || !l.AcceptedAt.Before(f.From)) && (f.To.IsZero() || l.AcceptedAt.Before(f.To))
}

// ofTenants returns one record a message, of tenants in turn.
func ofTenants(kind string, first, n, tenants int) []Record {
	records := make([]Record, n)
	for i := range records {
		records[i] = record(kind, first+i, first+i+5, fmt.Sprintf("user%d@example.com", i))
		records[i].Tenant = fmt.Sprintf("tenant-%d", i%tenants)
	}
	return records
}

// tellsTenantsApart has many tenants, of which each sees what is his alone.
func tellsTenantsApart(t *testing.T, s Store) {
	const tenants = 40
	bounced := ofTenants("Bounce", 0, 200, tenants)
	commitRecords(t, s, bounced...)
	commitRecords(t, s, ofTenants("Delivery", 500, 200, tenants)...)
	all := byKey(bounced...)
	for n := range tenants {
		f := ports.LogFilter{Tenant: fmt.Sprintf("tenant-%d", n), Statuses: domain.ParseStatuses("bounced")}
		want := chosen(all, func(l *domain.EmailLog) bool { return l.Tenant == f.Tenant })
		same(t, "bounces of "+f.Tenant, want, logPages(t, s, f, 2))
	}
	// A tenant that is found out late, and is the lesser of two.
	again := bounced[7]
	again.Tenant = "a tenant"
	commitRecords(t, s, again)
	for tenant, want := range map[string]int{"a tenant": 1, "tenant-7": 4} {
		f := ports.LogFilter{Tenant: tenant, Statuses: domain.ParseStatuses("bounced")}
		same(t, "bounces of "+tenant, want, len(logPages(t, s, f, 2)))
	}
}

// showsStatusesOfNow has messages come through, and others fail, between pages.
func showsStatusesOfNow(t *testing.T, s Store) {
	deferred := ofTenants("TransientFailure", 100, 30, 1)
	commitRecords(t, s, deferred...)
	f := ports.LogFilter{Tenant: "tenant-0", Statuses: []domain.Status{domain.Deferred}}
	page, err := s.LogPage(context.Background(), f, domain.LogKey{}, 10)
	fine(t, "page of logs", err)
	same(t, "first page", byKey(deferred...)[:10], page)
	// One of the page comes through, and every other one behind it; some before and
	// some behind it are put off, for the first time and again.
	through := []Record{record("Delivery", 125, 300, deferred[25].Recipients...)}
	var left []Record
	for i, r := range deferred[:20] {
		if i%2 == 0 {
			through = append(through, record("Bounce", 100+i, 300, r.Recipients...))
			continue
		}
		again := record("TransientFailure", 100+i, 200+i, r.Recipients...)
		again.Attempts = 1
		left = append(left, r, again)
	}
	older, newer := ofTenants("TransientFailure", 50, 3, 1), ofTenants("TransientFailure", 200, 3, 1)
	left = append(left, older...)
	commitRecords(t, s, slices.Concat(through, left, newer)...)
	var rest []domain.EmailLog
	for before := page[9].Key; ; before = page[len(page)-1].Key {
		page, err = s.LogPage(context.Background(), f, before, 4)
		fine(t, "page of logs", err)
		if rest = append(rest, page...); len(page) < 4 {
			break
		}
	}
	same(t, "logs behind the first page", byKey(left...), rest)
	same(t, "logs anew", 9+len(rest)+len(newer), len(logPages(t, s, f, 4)))
	f.Statuses = []domain.Status{domain.Bounced}
	same(t, "bounces", 10, len(logPages(t, s, f, 4)))
}

// prunesLists has bounces go with their days, and come anew.
func prunesLists(t *testing.T, s Store) {
	var records []Record
	for n, after := range []time.Duration{-40 * day, -time.Millisecond, 0, day} {
		r := onDay(n, after)
		r.RecordType, r.Tenant = "Bounce", "acme"
		records = append(records, r)
	}
	old := timeless("old", 2026)
	old.RecordType = "Expiration"
	commit(t, s, ports.Unit{Events: append(eventsOf(records...), old.Events(midnight.Add(-day))...)})
	expired := ports.LogFilter{Statuses: []domain.Status{domain.Expired}}
	same(t, "expired", byKey(old), logPages(t, s, expired, 1))
	bounces := func() {
		t.Helper()
		for _, f := range []ports.LogFilter{{}, {Tenant: "acme"}, {Domain: "example.com"}} {
			f.Statuses = domain.ParseStatuses("bounced")
			same(t, "bounces", byKey(records...), logPages(t, s, f, 1))
		}
	}
	bounces()
	prune(t, s, time.Time{}, midnight, 3)
	late := records[0]
	records = records[2:]
	bounces()
	same(t, "expired that stayed", 0, len(logPages(t, s, expired, 1)))
	late.RecordType = "TransientFailure"
	commitRecords(t, s, late)
	bounces()
	f := ports.LogFilter{Statuses: []domain.Status{domain.Deferred}}
	same(t, "deferrals", byKey(late), logPages(t, s, f, 1))
}

// tellsBouncesApart has a bounce in session and a late one, which have one name.
func tellsBouncesApart(t *testing.T, s Store) {
	early, mail := record("Bounce", 1, 5, "a@example.com"), record("Delivery", 2, 6, "b@example.com")
	late := reportOn("OOB", 1, mail)
	commitRecords(t, s, early, mail, late)
	for _, f := range []ports.LogFilter{{}, {Domain: "example.com"}} {
		for status, want := range map[domain.Status][]domain.EmailLog{
			domain.Bounced: byKey(early), domain.BouncedLate: byKey(mail, late), domain.Delivered: nil,
		} {
			f.Statuses = []domain.Status{status}
			same(t, fmt.Sprintf("logs of status %d", status), want, logPages(t, s, f, 1))
		}
		f.Statuses = domain.ParseStatuses("bounced")
		same(t, "all bounces", byKey(early, mail, late), logPages(t, s, f, 1))
	}
}
