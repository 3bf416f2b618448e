package sqlstore_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
)

func TestSQLiteFindsLogsByIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	open(t, path, sqlstore.SQLiteConfig{})
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for where, want := range map[string]string{
		"application_id = 'app-1'": "email_log_application (application_id=?)",
		"key = x'00'":              "PRIMARY KEY (key=?)",
		"key BETWEEN x'00' AND x'01' AND message_id = 'm'": "PRIMARY KEY (key>? AND key<?)",
	} {
		var id, parent, unused int
		var plan string
		row := db.QueryRowContext(context.Background(),
			"EXPLAIN QUERY PLAN SELECT * FROM email_log WHERE "+where+" ORDER BY key DESC LIMIT 100")
		if err := row.Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(plan, "SEARCH") || !strings.Contains(plan, want) {
			t.Errorf("%s: %s, want a search by %s", where, plan, want)
		}
	}
}
