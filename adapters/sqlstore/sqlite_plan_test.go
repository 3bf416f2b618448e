package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// TestSQLiteListsUseTheirIndexes holds each list to its index, in the order of
// keys, so that nothing is sorted and nothing beside the page is read.
func TestSQLiteListsUseTheirIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open(t, path, sqlstore.SQLiteConfig{})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for want, f := range map[string]ports.LogFilter{
		"email_log_recipient (<expr>=? AND key>? AND key<?)":           {Recipient: "a@example.com", Tenant: "acme"},
		"email_log_application (application_id=? AND key>? AND key<?)": {ApplicationID: "app", Tenant: "acme"},
		"email_log_campaign (campaign=? AND key>? AND key<?)":          {Campaign: "spring", Tenant: "acme"},
		"email_log_tenant (tenant=? AND key>? AND key<?)":              {Tenant: "acme", Domain: "example.com", From: from},
		"email_log_domain (<expr>=? AND key>? AND key<?)":              {Domain: "example.com", Provider: "google", From: from},
		"PRIMARY KEY (key>? AND key<?)":                                {Provider: "google", From: from, To: from.Add(time.Hour)},
	} {
		query, args := sqlstore.SQLiteLogQuery(f, 50)
		if plan := sqlitePlan(t, db, query, args); !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v: %s, want a search by %s", f, plan, want)
		}
	}
	for want, f := range map[string]ports.LogFilter{
		"email_log_rare USING PRIMARY KEY (status=? AND key>? AND key<?)":                                  {From: from, Domain: "example.com"},
		"email_log_rare USING INDEX email_log_rare_tenant (tenant=? AND status=? AND key>? AND key<?)":     {Tenant: "acme", Domain: "example.com"},
		"email_log_rare USING INDEX email_log_rare_campaign (campaign=? AND status=? AND key>? AND key<?)": {Campaign: "spring", Tenant: "acme"},
	} {
		f.Statuses = []domain.Status{domain.Bounced, domain.BouncedLate}
		query, args := sqlstore.SQLiteLogQuery(f, 50)
		plan := sqlitePlan(t, db, query, args)
		if !strings.Contains(plan, want) || !strings.Contains(plan, "email_log USING PRIMARY KEY (key=?)") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%+v: %s, want a search by %s", f, plan, want)
		}
	}
	for _, of := range []string{"m", ""} {
		query, args := sqlstore.SQLiteEventQuery(of, "a@example.com")
		plan := sqlitePlan(t, db, query, args)
		for _, want := range []string{"email_event_message", "email_event_original", "USING PRIMARY KEY", "email_log_recipient (<expr>=?)"} {
			if !strings.Contains(plan, want) {
				t.Errorf("events: %s, want a search by %s", plan, want)
			}
		}
	}
}

func sqlitePlan(t *testing.T, db *sql.DB, query string, args []any) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	var plan []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
