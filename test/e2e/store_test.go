package e2e

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // stands in for another process that locks the store
)

// lockStore keeps all others from writing to the store until release.
func lockStore(t *testing.T, s *Service) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.data, "kumotrail.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
	}
}

// Another process keeps the store to itself for longer than a commit waits.
func TestAStoreThatCannotCommitIs503AndLaterTakesAll(t *testing.T) {
	t.Parallel()
	s := startService(t)
	text := sample(t, "modern.jsonl")
	release := lockStore(t, s)
	r := s.Post(text)
	checkProblem(t, r, http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	release()
	if got := s.mustTake(text).counts(); got != (counts{Received: 32, Stored: 32}) {
		t.Errorf("counts %+v behind the failure, want 32 stored", got)
	}
	checkWholly(t, s, parseRecords(t, lines(text)))
}
