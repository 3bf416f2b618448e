package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
)

func TestSQLiteLikenessesUseTheirIndexes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open(t, path, sqlstore.SQLiteConfig{})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	queries, args := sqlstore.SQLiteLikenessQueries("a@example.com", from, from.AddDate(0, 0, 30))
	for i, want := range []string{"email_log_capitals (<expr>=? AND key>? AND key<?)", "email_event_reported (reported=? AND id>? AND id<?)"} {
		if plan := sqlitePlan(t, db, queries[i], args[i]); !strings.Contains(plan, want) || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s, want a search by %s", plan, want)
		}
	}
}
