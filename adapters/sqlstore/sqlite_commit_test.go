package sqlstore

import (
	"path/filepath"
	"testing"
)

// SQLite takes the entries of an indexed column out and puts them back whenever
// a statement sets it, changed or not.
func TestJoiningLogsWritesToNoIndex(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	rows, err := s.read.DB.QueryContext(t.Context(), "EXPLAIN "+sqliteLogs.queries[1], make([]any, sqliteLogs.columns)...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	inserted := 0
	for at := -1; rows.Next(); {
		var address int
		var opcode string
		var others [6]any
		if err := rows.Scan(&address, &opcode, &others[0], &others[1], &others[2], &others[3], &others[4], &others[5]); err != nil {
			t.Fatal(err)
		}
		if address < at {
			break // of the program of a trigger
		}
		at = address
		switch opcode {
		case "IdxInsert":
			inserted++
		case "IdxDelete":
			t.Errorf("at %d an entry is taken out of an index", at)
		}
	}
	if err := rows.Err(); err != nil || inserted == 0 {
		t.Errorf("%d entries are put into indexes, %v", inserted, err)
	}
}
