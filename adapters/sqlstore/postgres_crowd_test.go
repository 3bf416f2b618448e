//go:build !embedded

package sqlstore_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// TestEventsOfACrowdAreTheSameHoweverFarIsWalked holds the two ways to the events
// of a recipient with many logs to each other, over months and without a time.
func TestEventsOfACrowdAreTheSameHoweverFarIsWalked(t *testing.T) {
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t), DaysAhead: 1})
	const all = "all@example.com"
	u, want := crowdUnit(all)
	mustCommit(t, s, u)
	for _, walked := range []int{0, 1, 13, 40, 1000} {
		for _, limit := range []int{1, 9, 30, 1000} {
			got, err := s.CrowdEvents(t.Context(), all, limit, walked)
			if diff := cmp.Diff(want[:min(limit, len(want))], got); err != nil || diff != "" {
				t.Errorf("%d events, %d walked: %v, -want +got\n%s", limit, walked, err, diff)
			}
		}
	}
}

// TestEventsOfACrowdAreToldOnceThoughNewOnesCome has mail come between the walk
// through the newest events and the look behind them.
func TestEventsOfACrowdAreToldOnceThoughNewOnesCome(t *testing.T) {
	for _, come := range []int{1, 20, 200} {
		s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t), DaysAhead: 1})
		const all = "all@example.com"
		u, want := crowdUnit(all)
		mustCommit(t, s, u)
		got, err := s.CrowdEventsWhile(t.Context(), all, 1000, 40, func() {
			var news ports.Unit
			for n := range come {
				e := deliveryAt(time.Now().UTC().Add(24*time.Hour), n)
				e.Recipient = all
				news.Events = append(news.Events, e)
			}
			mustCommit(t, s, news)
		})
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%d come: %v, -want +got\n%s", come, err, diff)
		}
	}
}

// TestEventsOfARecipientAreTheSameWhateverHisLogsTell holds the ways to the events
// of a recipient with a few logs to each other.
func TestEventsOfARecipientAreTheSameWhateverHisLogsTell(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	const all = "all@example.com"
	u, want := crowdUnit(all)
	mustCommit(t, s, u)
	isReport := func(id domain.EventID) bool { return u.Events[indexOf(u, id)].Type == domain.OOB }
	for _, untold := range []string{"false", "get_byte(uuid_send(key), 8) % 2 = 0", "true"} {
		tell(t, admin, "UPDATE "+schema+".email_log SET days = NULL WHERE "+untold)
		for _, limit := range []int{1, 9, 30, 1000} {
			got := pagedEvents(t, s, ports.EventFilter{Recipient: all}, limit)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pages of %d, untold where %s: -want +got\n%s", limit, untold, diff)
			}
			for _, e := range []int{0, 7, len(u.Events) - 1} {
				f := ports.EventFilter{Recipient: all, MessageID: u.Events[e].MessageID}
				if diff := cmp.Diff(ofMessage(u, want, f.MessageID), pagedEvents(t, s, f, limit)); diff != "" {
					t.Errorf("pages of %d of a message, untold where %s: -want +got\n%s", limit, untold, diff)
				}
			}
			f := ports.EventFilter{Recipient: all, Types: []domain.EventType{domain.OOB}, From: time.Now().AddDate(0, 0, -21), To: time.Now().AddDate(0, 0, -1)}
			got = pagedEvents(t, s, f, limit)
			reports := slices.DeleteFunc(slices.Clone(want), func(id domain.EventID) bool {
				at, ok := id.Time()
				return !ok || !isReport(id) || at.Before(f.From) || !at.Before(f.To)
			})
			if diff := cmp.Diff(reports, got); diff != "" {
				t.Errorf("pages of %d reports, untold where %s: -want +got\n%s", limit, untold, diff)
			}
		}
	}
}

// TestEventsOfAMessageAreNotOfWhoHasTheSameHash has two recipients with one hash.
func TestEventsOfAMessageAreNotOfWhoHasTheSameHash(t *testing.T) {
	s, admin := openWithAdministrator(t)
	e := deliveryAt(oddDay, 1)
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{e}})
	f := ports.EventFilter{Recipient: e.Recipient, MessageID: e.MessageID}
	if ids := pagedEvents(t, s, f, 10); len(ids) != 1 {
		t.Errorf("%d events of the recipient, want 1", len(ids))
	}
	tell(t, admin, "UPDATE email_log SET recipient = 'other@example.com'")
	if ids := pagedEvents(t, s, f, 10); len(ids) != 0 {
		t.Errorf("%d events of somebody else's log", len(ids))
	}
}

// ofMessage are those of ids whose events are of a message, or reports on it.
func ofMessage(u ports.Unit, ids []domain.EventID, messageID string) (list []domain.EventID) {
	for _, id := range ids {
		e := &u.Events[indexOf(u, id)]
		if e.MessageID == messageID || e.Original != nil && e.Original.MessageID == messageID {
			list = append(list, id)
		}
	}
	return list
}

func indexOf(u ports.Unit, id domain.EventID) int {
	return slices.IndexFunc(u.Events, func(e domain.EmailEvent) bool { return e.ID == id })
}

func pagedEvents(t *testing.T, s ports.EventPages, f ports.EventFilter, limit int) (ids []domain.EventID) {
	t.Helper()
	for {
		var before domain.EventID
		if len(ids) > 0 {
			before = ids[len(ids)-1]
		}
		page, err := s.EventPage(t.Context(), f, before, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range page {
			ids = append(ids, row.ID)
		}
		if len(page) < limit {
			return ids
		}
	}
}

// crowdUnit is months of mail to a recipient and others, with reports and
// rejections, and the ids of the recipient's events, greatest first.
func crowdUnit(recipient string) (u ports.Unit, ids []domain.EventID) {
	add := func(kind string, day, n int, about *domain.Original, to ...string) {
		at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -day).Add(time.Duration(n) * time.Minute)
		if day < 0 {
			at = time.Date(2190, 1, 1, 0, n, 0, 0, time.UTC)
		}
		r := contract.Record{Recipients: to}
		r.RecordType, r.MessageID, r.OccurredAt, r.Original = kind, fmt.Sprintf("%012x7%03x8%015x", at.UnixMilli(), n, len(kind)), at, about
		r.AcceptedAt = at
		u.Events = append(u.Events, r.Events(time.Now())...)
	}
	sent := map[int]string{} // a message of each day
	for _, day := range []int{-1, 0, 1, 2, 5, 20, 21, 70} {
		for n := range 6 {
			add("Delivery", day, n, nil, recipient, "other@example.com")
		}
		sent[day] = u.Events[len(u.Events)-1].MessageID
		add("Rejection", day, 11, nil, recipient)
	}
	for i, on := range []struct{ day, sent int }{{70, 70}, {20, 70}, {1, 70}, {0, 21}, {5, 5}, {-1, 2}, {2, -1}} {
		add("OOB", on.day, 20+i, &domain.Original{MessageID: sent[on.sent], Recipients: []string{recipient}, By: domain.TieVERP}, "b@example.com")
	}
	for _, e := range u.Events {
		if e.Type == domain.Delivery && e.Recipient == recipient || e.Type == domain.OOB {
			ids = append(ids, e.ID)
		}
	}
	slices.SortFunc(ids, func(a, b domain.EventID) int { return bytes.Compare(b[:], a[:]) })
	return u, ids
}
