package contract

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// rolling sums up after every other commit: of what is asked for some is where
// Roll has put it, and some is not yet.
type rolling struct {
	Store
	commits atomic.Int64
}

func (r *rolling) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	done, err := r.Store.Commit(ctx, u)
	if err == nil && r.commits.Add(1)%2 == 1 {
		_, err = r.Roll(ctx)
	}
	return done, err
}

// whileRolling is a story of a store that sums up meanwhile.
func whileRolling(of func(*testing.T, Store)) func(*testing.T, Store) {
	return func(t *testing.T, s Store) { of(t, &rolling{Store: s}) }
}

// followsLists has a log become one of another tenant, provider and source, one of
// these known at a time.
func followsLists(t *testing.T, s Store) {
	say := func(change func(*Record)) {
		r := record("Delivery", 1, 5, "a@example.com", "b@example.org")
		r.Tenant, r.Campaign, r.Provider, r.EgressSource, r.Queue = "", "", "", "", ""
		change(&r)
		commitRecords(t, s, r)
	}
	lists := func(what string, want map[string]int) {
		t.Helper()
		for name, f := range map[string]ports.LogFilter{
			"globex": {Tenant: "globex"}, "acme": {Tenant: "acme"}, "google": {Provider: "google"}, "ip-1": {EgressSource: "ip-1"},
			"spring": {Campaign: "spring"}, "example.org": {Domain: "example.org"},
			"globex, google": {Tenant: "globex", Provider: "google"}, "acme, google": {Tenant: "acme", Provider: "google"},
			"acme, ip-1": {Tenant: "acme", EgressSource: "ip-1"}, "spring, ip-1": {Campaign: "spring", EgressSource: "ip-1"},
		} {
			same(t, what+": logs of "+name, want[name], len(logPages(t, s, f, 10)))
		}
	}
	for _, together := range []func(){func() {}, func() { rollAll(t, s) }} {
		say(func(*Record) {})
		together()
		lists("at first", map[string]int{"example.org": 1})
		say(func(r *Record) { r.OccurredAt, r.Provider = at(6), "google" })
		together()
		say(func(r *Record) { r.OccurredAt, r.Tenant = at(7), "globex" })
		together()
		lists("of globex", map[string]int{"example.org": 1, "google": 2, "globex": 2, "globex, google": 2})
		say(func(r *Record) { r.OccurredAt, r.Tenant, r.EgressSource = at(8), "acme", "ip-1" })
		together()
		lists("of acme", map[string]int{"example.org": 1, "google": 2, "acme": 2, "acme, google": 2, "ip-1": 2, "acme, ip-1": 2})
		say(func(r *Record) { r.OccurredAt, r.Campaign = at(9), "spring" })
		together()
		lists("of a campaign", map[string]int{
			"example.org": 1, "google": 2, "acme": 2, "acme, google": 2, "ip-1": 2, "acme, ip-1": 2, "spring": 2, "spring, ip-1": 2,
		})
		_, err := s.Prune(context.Background(), at(0).AddDate(1, 0, 0), at(0).AddDate(1, 0, 0))
		fine(t, "prune", err)
		lists("once it is gone", nil)
	}
}

// missesNothingBesideRolls reads lists while others commit and sum up.
func missesNothingBesideRolls(t *testing.T, s Store) {
	const units, size = 40, 25
	var committed atomic.Int64
	ended, stop := context.WithCancel(context.Background())
	defer stop()
	var sender, others sync.WaitGroup
	sender.Go(func() {
		for n := range units {
			records := deliveries(n*size, size)
			for i := range records {
				records[i].Tenant, records[i].Provider = "acme", []string{"google", "yahoo"}[i%2]
			}
			if _, err := commitPatiently(s, ports.Unit{Events: eventsOf(records...)}); err != nil {
				t.Errorf("commit beside others: %v", err)
				return
			}
			committed.Add(size)
		}
	})
	others.Go(func() {
		for ended.Err() == nil {
			if _, err := s.Roll(context.Background()); err != nil {
				t.Errorf("roll up beside others: %v", err)
				return
			}
		}
	})
	for read := 0; read < units*size && !t.Failed(); {
		least := int(committed.Load())
		logs := logPages(t, s, ports.LogFilter{Tenant: "acme"}, 1000)
		once := slices.CompactFunc(slices.Clone(logs), func(a, b domain.EmailLog) bool { return a.Key == b.Key })
		if read = len(logs); read < least || len(once) != read {
			t.Errorf("read %d logs, %d of them once, of %d that were committed", read, len(once), least)
		}
	}
	sender.Wait()
	stop()
	others.Wait()
	same(t, "logs by two", units*(size/2), len(logPages(t, s, ports.LogFilter{Tenant: "acme", Provider: "yahoo"}, 7)))
}

// pagesOfManyLists pages by a value that thousands have, and by some that a few
// have, through steps that grow and rows that overlap.
func pagesOfManyLists(t *testing.T, s Store) {
	var all []Record
	for part := range 12 {
		var records []Record
		for i := range 250 {
			n := i*12 + part // each part has some of every time
			r := record("Delivery", n, 0, "a@example.com")
			accepted := at(n / 3)
			r.MessageID, r.AcceptedAt, r.OccurredAt = idAt(accepted, n), accepted, accepted
			r.Tenant, r.Campaign = "acme", fmt.Sprintf("campaign %d", n%700)
			if n%97 == 0 {
				r.Campaign, r.Verdict.Cause = "rest", domain.CauseSender
			}
			records = append(records, r)
		}
		commitRecords(t, s, records...)
		all = append(all, records...)
	}
	logs := byKey(all...)
	for _, limit := range []int{1, 50, 2000} {
		rare := func(l *domain.EmailLog) bool { return l.Campaign == "rest" }
		same(t, fmt.Sprintf("pages of %d by campaign", limit), chosen(logs, rare), logPages(t, s, ports.LogFilter{Campaign: "rest"}, limit))
		same(t, fmt.Sprintf("pages of %d by tenant and cause", limit),
			chosen(logs, func(l *domain.EmailLog) bool { return l.Decision.Verdict.Cause == domain.CauseSender }),
			logPages(t, s, ports.LogFilter{Tenant: "acme", Cause: domain.CauseSender}, limit))
	}
	same(t, "pages by tenant", logs, logPages(t, s, ports.LogFilter{Tenant: "acme"}, 70))
	early := chosen(logs, func(l *domain.EmailLog) bool { return l.AcceptedAt.Before(at(100)) && !l.AcceptedAt.Before(at(90)) })
	same(t, "pages of some seconds", early, logPages(t, s, ports.LogFilter{Tenant: "acme", From: at(90), To: at(100)}, 7))
}
