package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// failures are of each rare status, and of others.
func failures() ports.Unit {
	var events []domain.EmailEvent
	for i, kind := range []string{"TransientFailure", "XferOut", "Expiration", "Bounce", "Delivery", "Reception"} {
		r := contract.Record{Recipients: []string{"a@example.com"}}
		r.RecordType, r.MessageID = kind, deliveryOf("", oddDay, i).MessageID
		r.OccurredAt, r.AcceptedAt, r.DeliveryProtocol = oddDay, oddDay, "ESMTP"
		events = append(events, r.Events(oddDay)...)
	}
	return ports.Unit{Events: events}
}

// rareLogs are the logs of each status, by its name: one each of failures, but
// no complaint.
func rareLogs(t *testing.T, s contract.Store) map[string][]domain.EmailLog {
	t.Helper()
	lists := map[string][]domain.EmailLog{}
	for status := domain.Pending; status <= domain.Complained; status++ {
		page, err := s.LogPage(t.Context(), ports.LogFilter{Statuses: domain.ParseStatuses(status.String())}, domain.LogKey{}, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) != 1 && status != domain.Complained {
			t.Fatalf("%d logs are %s, want 1", len(page), status)
		}
		lists[status.String()] = page
	}
	return lists
}

func TestSQLiteListsRareLogsOfBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, sqlstore.SQLiteConfig{})
	if _, err := s.Commit(t.Context(), failures()); err != nil {
		t.Fatal(err)
	}
	want := rareLogs(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"DROP TRIGGER email_log_rare_new", "DROP TRIGGER email_log_rare_changed", "DROP TRIGGER email_log_rare_gone",
		"DROP TABLE email_log_rare", "DELETE FROM bun_migrations WHERE name = '20261124060000'",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rareLogs(t, open(t, path, sqlstore.SQLiteConfig{}))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
