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
	var u ports.Unit
	add := func(kind string, day, n int, about *domain.Original, to ...string) {
		at := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -day).Add(time.Duration(n) * time.Minute)
		if day < 0 {
			at = time.Date(2190, 1, 1, 0, n, 0, 0, time.UTC)
		}
		r := contract.Record{Recipients: to}
		r.RecordType, r.MessageID, r.OccurredAt, r.Original = kind, fmt.Sprintf("%s.%d.%d", kind, day, n), at, about
		r.AcceptedAt = at
		u.Events = append(u.Events, r.Events(time.Now())...)
	}
	for _, day := range []int{-1, 0, 1, 2, 5, 20, 21, 70} {
		for n := range 6 {
			add("Delivery", day, n, nil, all, "other@example.com")
		}
		add("OOB", day, 10, &domain.Original{MessageID: "delivery.70.1", Recipients: []string{all}, By: domain.TieVERP}, "b@example.com")
		add("Rejection", day, 11, nil, all)
	}
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	var want []domain.EventID
	for _, e := range u.Events {
		if e.Type == domain.Delivery && e.Recipient == all || e.Type == domain.OOB {
			want = append(want, e.ID)
		}
	}
	slices.SortFunc(want, func(a, b domain.EventID) int { return bytes.Compare(b[:], a[:]) })
	for _, walked := range []int{0, 1, 13, 40, 1000} {
		for _, limit := range []int{1, 9, 30, 1000} {
			got, err := s.CrowdEvents(t.Context(), all, limit, walked)
			if diff := cmp.Diff(want[:min(limit, len(want))], got); err != nil || diff != "" {
				t.Errorf("%d events, %d walked: %v, -want +got\n%s", limit, walked, err, diff)
			}
		}
	}
}
