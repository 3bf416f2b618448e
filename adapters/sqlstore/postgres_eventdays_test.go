//go:build !embedded

package sqlstore_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// A log of before does not know its days, nor does it learn of one day alone.
func TestPostgresFindsEventsOfLogsOfBefore(t *testing.T) {
	s, admin := openWithAdministrator(t)
	first, last := deliveryOf("", oddDay, 1), deliveryOf("", oddDay, 1)
	last.OccurredAt = oddDay.AddDate(0, 0, 3)
	last.ID = domain.EventID(onDay(last.ID, last.OccurredAt))
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{first}})
	tell(t, admin, "UPDATE email_log SET days = NULL")
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{last}})
	if n := told[int](t, admin, "SELECT count(*) FROM email_log WHERE days IS NOT NULL"); n != 0 {
		t.Error("the log of before has learnt of a day")
	}
	timelineIs(t, s, first, last)
}

// What one log of a message does not know, another does not make known.
func TestPostgresFindsEventsOfAMessageThatHasALogOfBefore(t *testing.T) {
	s, admin := openWithAdministrator(t)
	before, after := deliveryOf("", oddDay, 1), deliveryOf("", oddDay, 1)
	before.OccurredAt = oddDay.AddDate(0, 0, 3)
	before.ID = domain.EventID(onDay(before.ID, before.OccurredAt))
	after.Recipient, after.ID[15] = "b@example.com", after.ID[15]+1
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{before}})
	tell(t, admin, "UPDATE email_log SET days = NULL")
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{after}})
	timelineIs(t, s, after, before)
}

// A log outlives its events.
func TestPostgresFindsNoEventsOfDaysThatAreGone(t *testing.T) {
	s, admin := openWithAdministrator(t)
	first, last := deliveryOf("", oddDay, 1), deliveryOf("", oddDay, 1)
	last.OccurredAt = oddDay.AddDate(0, 0, 3)
	last.ID = domain.EventID(onDay(last.ID, last.OccurredAt))
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{first}})
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{last}})
	if days := told[int64](t, admin, "SELECT days FROM email_log"); days != 0b1001 {
		t.Errorf("the log has days %b", days)
	}
	timelineIs(t, s, first, last)
	if _, err := s.Prune(t.Context(), oddDay.AddDate(0, 0, 2), oddDay.AddDate(0, 0, -40)); err != nil {
		t.Fatal(err)
	}
	timelineIs(t, s, last)
}

// openWithAdministrator also returns a connection to the store's schema.
func openWithAdministrator(t *testing.T) (*sqlstore.Postgres, *pgx.Conn) {
	t.Helper()
	url, schema := servers.Postgres(t), servers.Schema(t)
	s, admin := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1}), asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	return s, admin
}

// onDay returns an id with another time.
func onDay(id [16]byte, at time.Time) [16]byte {
	for i, ms := 5, at.UnixMilli(); i >= 0; i, ms = i-1, ms>>8 {
		id[i] = byte(ms)
	}
	return id
}

func timelineIs(t *testing.T, s *sqlstore.Postgres, want ...domain.EmailEvent) {
	t.Helper()
	events, err := s.Events(t.Context(), want[0].MessageID)
	var got []domain.EventID
	for _, e := range events {
		got = append(got, e.ID)
	}
	var ids []domain.EventID
	for _, e := range want {
		ids = append(ids, e.ID)
	}
	if diff := cmp.Diff(ids, got); diff != "" || err != nil {
		t.Errorf("timeline: %v, -want +got\n%s", err, diff)
	}
}
