package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func openForTest(t *testing.T, path string, cfg SQLiteConfig) *SQLite {
	t.Helper()
	s, err := OpenSQLite(context.Background(), path, contract.Decoder{}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// deliveriesOn returns a unit of n deliveries, one a second from start.
func deliveriesOn(start time.Time, n int) ports.Unit {
	var u ports.Unit
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		r := contract.Record{
			EmailEvent: domain.EmailEvent{
				RecordType: "Delivery", OccurredAt: at, AcceptedAt: at,
				MessageID: fmt.Sprintf("%012x70008%015x", at.UnixMilli(), i),
			},
			Recipients: []string{"user@example.org"},
		}
		u.Events = append(u.Events, r.Events(at)...)
	}
	return u
}

var testDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// write runs statements on the store's writing connection.
func write(t *testing.T, s *SQLite, query string) {
	t.Helper()
	err := s.writer.write(context.Background(), func(tx *sqliteTx) error {
		_, err := tx.exec(query)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ask returns the first column of a query's only row.
func ask(t *testing.T, s *SQLite, query string) any {
	t.Helper()
	var answer any
	err := s.writer.write(context.Background(), func(tx *sqliteTx) error {
		return tx.query(query, func(row []driver.Value) error {
			answer = row[0]
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// checkNothingOf fails t if anything of a failed unit is stored, or if the
// store does not take it afterwards.
func checkNothingOf(t *testing.T, s *SQLite, u ports.Unit) {
	t.Helper()
	for _, table := range []string{"email_event", "email_log", "record_chunk", "outbox", "quarantine"} {
		if n := ask(t, s, "SELECT count(*) FROM "+table); n != int64(0) {
			t.Errorf("%s has %v rows of a unit that failed", table, n)
		}
	}
	c, err := s.Commit(context.Background(), u)
	if err != nil {
		t.Fatalf("commit when the cause is gone: %v", err)
	}
	for i, isNew := range c.New {
		if !isNew {
			t.Fatalf("event %d is known when the cause is gone", i)
		}
	}
}

func TestCommitOnFullDiskIsUnavailableAndStoresNothing(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	pages := ask(t, s, "PRAGMA page_count").(int64)
	ask(t, s, fmt.Sprintf("PRAGMA max_page_count = %d", pages+3))
	u := deliveriesOn(testDay, 500)
	if _, err := s.Commit(context.Background(), u); !errors.Is(err, ports.ErrUnavailable) {
		t.Fatalf("got %v, want %v", err, ports.ErrUnavailable)
	}
	ask(t, s, "PRAGMA max_page_count = 1000000")
	checkNothingOf(t, s, u)
}

func TestCommitBesideLongWriteOfAnotherIsUnavailable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openForTest(t, path, SQLiteConfig{BusyTimeout: time.Millisecond})
	other := openForTest(t, path, SQLiteConfig{})
	u := deliveriesOn(testDay, 5)
	err := other.writer.write(context.Background(), func(*sqliteTx) error {
		_, err := s.Commit(context.Background(), u)
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("got %v, want %v", err, ports.ErrUnavailable)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checkNothingOf(t, s, u)
}

func TestCommitOfContentThatBreaksConstraintIsRefusedAndStoresNothing(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	write(t, s, `CREATE TRIGGER no_bounce BEFORE INSERT ON quarantine
		BEGIN SELECT raise(ABORT, 'not taken'); END`)
	u := deliveriesOn(testDay, 5)
	u.Rejects = []domain.Reject{{Reason: "not JSON", Raw: "{", ReceivedAt: testDay}}
	if _, err := s.Commit(context.Background(), u); !errors.Is(err, ports.ErrRefused) {
		t.Fatalf("got %v, want %v", err, ports.ErrRefused)
	}
	write(t, s, `DROP TRIGGER no_bounce`)
	checkNothingOf(t, s, u)
}

func TestWaitingCommitLetsGoWhenContextEnds(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	ctx, cancel := context.WithCancel(context.Background())
	err := s.writer.write(context.Background(), func(*sqliteTx) error {
		failed := make(chan error)
		go func() {
			_, err := s.Commit(ctx, deliveriesOn(testDay, 5))
			failed <- err
		}()
		cancel()
		err := <-failed // while the turn is another's
		if !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v and %v", err, ports.ErrUnavailable, context.Canceled)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWriterSyncsEveryCommit(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	got := []any{ask(t, s, "PRAGMA synchronous"), ask(t, s, "PRAGMA journal_mode")}
	if diff := cmp.Diff([]any{int64(2), "wal"}, got); diff != "" {
		t.Errorf("synchronous and journal_mode: -want +got\n%s", diff)
	}
}

// Building an index of a large store in memory could take all of it.
func TestOnlyCommitsKeepTemporaryFilesInMemory(t *testing.T) {
	s := openForTest(t, filepath.Join(t.TempDir(), "store.db"), SQLiteConfig{})
	var reader int64
	if err := s.read.DB.QueryRowContext(t.Context(), "PRAGMA temp_store").Scan(&reader); err != nil {
		t.Fatal(err)
	}
	const byDefault, inMemory = int64(0), int64(2)
	if diff := cmp.Diff([]any{inMemory, byDefault}, []any{ask(t, s, "PRAGMA temp_store"), reader}); diff != "" {
		t.Errorf("temp_store of writer and reader: -want +got\n%s", diff)
	}
}

func TestOpenRefusesSchemaOfNewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := openForTest(t, path, SQLiteConfig{})
	write(t, s, `INSERT INTO bun_migrations (name, group_id) VALUES ('29990101000000', 2)`)
	for _, keep := range []bool{true, false} {
		_, err := OpenSQLite(context.Background(), path, contract.Decoder{}, SQLiteConfig{KeepSchema: keep})
		if !errors.Is(err, errSchema) {
			t.Errorf("with KeepSchema %v: got %v, want %v", keep, err, errSchema)
		}
	}
}

func TestInterruptedMigrationLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := openSQLiteWriting(t.Context(), path, SQLiteConfig{}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	// The last table but one of the first step stands in its way.
	if _, err := db.Exec(`CREATE TABLE quarantine (x)`); err != nil {
		t.Fatal(err)
	}
	if err := migrateSQLite(context.Background(), db); err == nil {
		t.Fatal("migrating over a foreign table went well")
	}
	var tables int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE type = 'table'`).Scan(&tables); err != nil || tables != 1 {
		t.Fatalf("%d tables, %v, want the foreign one alone", tables, err)
	}
	if _, err := db.Exec(`DROP TABLE quarantine`); err != nil {
		t.Fatal(err)
	}
	if err := migrateSQLite(context.Background(), db); err != nil {
		t.Fatalf("migrating when the cause is gone: %v", err)
	}
}
