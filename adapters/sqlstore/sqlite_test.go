package sqlstore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestReopenedStoreHasAllThatWasCommitted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "with space, 100% and ?#.db")
	s := open(t, path, sqlstore.SQLiteConfig{})
	u := mailUnit(1, 20)
	u.Rejects = []domain.Reject{{Reason: "not JSON", Raw: "{", ReceivedAt: u.Events[0].ReceivedAt}}
	committed, err := s.Commit(context.Background(), u)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, path, sqlstore.SQLiteConfig{KeepSchema: true})
	claimed, err := s.Claim(context.Background(), 10, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ports.Announcement{committed.Announcement}, claimed); diff != "" {
		t.Errorf("announcements: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(domain.Fold(u.Events), logsByKey(t, s)); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
	if q, err := s.Get(context.Background(), u.Rejects[0].ID()); err != nil || q.Raw != "{" {
		t.Errorf("quarantined: got %q, %v", q.Raw, err)
	}
}

// logsByKey returns all logs as domain.Fold orders them.
func logsByKey(t *testing.T, s ports.LogReader) []domain.EmailLog {
	t.Helper()
	var logs []domain.EmailLog
	for l, err := range s.Logs(context.Background(), ports.LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		logs = append([]domain.EmailLog{l}, logs...)
	}
	return logs
}

func TestFilesAreReadableByOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, sqlstore.SQLiteConfig{})
	if _, err := s.Commit(context.Background(), mailUnit(1, 2)); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("mode of store%s is %o, want 600", suffix, mode)
		}
	}
}

func TestPingFailsWhenFileIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, path, sqlstore.SQLiteConfig{})
	if err := s.Ping(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.Background()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("without the file: %v, want %v", err, ports.ErrUnavailable)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(context.Background()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("with another file in its place: %v, want %v", err, ports.ErrUnavailable)
	}
}

func TestOpenNamesEveryFaultOfConfig(t *testing.T) {
	cfg := sqlstore.SQLiteConfig{Readers: -1, BusyTimeout: -time.Second}
	_, err := sqlstore.OpenSQLite(context.Background(), filepath.Join(t.TempDir(), "x"), contract.Decoder{}, cfg)
	if err == nil || !strings.Contains(err.Error(), "readers") || !strings.Contains(err.Error(), "busy timeout") {
		t.Errorf("got %v, want both faults", err)
	}
}

func TestOpenOfUnusablePathIsUnavailable(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"a folder": dir, "in no folder": filepath.Join(dir, "none", "x"), "not a database": garbage,
	} {
		_, err := sqlstore.OpenSQLite(context.Background(), path, contract.Decoder{}, sqlstore.SQLiteConfig{})
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("%s: got %v, want %v", name, err, ports.ErrUnavailable)
		}
	}
}

func TestSchemaIsMadeOnceByManyAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := sqlstore.MigrateSQLite(context.Background(), path); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() {
			s, err := sqlstore.OpenSQLite(context.Background(), path, contract.Decoder{}, sqlstore.SQLiteConfig{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first, err := sqlstore.SQLiteMigrations(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sqlstore.MigrateSQLite(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("after migrating again: -first +again\n%s", diff)
	}
	for _, m := range again {
		if m.AppliedAt.IsZero() {
			t.Errorf("%s is not applied", m.Name)
		}
	}
}

func TestStoreKeepsOutOfSchemaWhenToldTo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	keep := sqlstore.SQLiteConfig{KeepSchema: true}
	_, err := sqlstore.OpenSQLite(context.Background(), path, contract.Decoder{}, keep)
	if err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Fatalf("opening without a schema: %v, want what is missing", err)
	}
	list, err := sqlstore.SQLiteMigrations(context.Background(), path)
	if err != nil || len(list) == 0 || !list[0].AppliedAt.IsZero() {
		t.Fatalf("migrations: %v, %v, want the first unapplied", list, err)
	}
	if _, err := sqlstore.MigrateSQLite(context.Background(), path); err != nil {
		t.Fatal(err)
	}
	open(t, path, keep)
}

func TestReleasedHoldsAreClaimedAtOnce(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "kumotrail.db"), sqlstore.SQLiteConfig{})
	u := mailUnit(1, 2)
	u.Hold = time.Hour
	if _, err := s.Commit(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	claim := func() int {
		claimed, err := s.Claim(t.Context(), 10, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		return len(claimed)
	}
	if n := claim(); n != 0 {
		t.Fatalf("%d announcements that are held were claimed", n)
	}
	if err := s.ReleaseHolds(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := claim(); n != 1 {
		t.Errorf("%d announcements were claimed after the release, want 1", n)
	}
}
