package sqlstore_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/migrate"
	"github.com/uptrace/bun/schema"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/migrations"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// before names the last file of the schema that the migration tests start from.
const before = "20260715000000"

// applyUntil applies the files up to one to db, as a service of then did.
func applyUntil(t *testing.T, pool *sql.DB, dialect schema.Dialect, files fs.FS, last string) {
	t.Helper()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	old := fstest.MapFS{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		if name[:len(last)] <= last {
			old[name] = &fstest.MapFile{Data: text}
		}
	}
	if len(old) == 0 || len(old) == len(names) {
		t.Fatalf("%d of %d files are of before", len(old), len(names))
	}
	steps := migrate.NewMigrations()
	if err := steps.Discover(old); err != nil {
		t.Fatal(err)
	}
	migrator := migrate.NewMigrator(bun.NewDB(pool, dialect), steps)
	if err := migrator.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// oldUnit is what a store of before holds: of several days, and of none.
func oldUnit() ports.Unit {
	return ports.Unit{Events: []domain.EmailEvent{
		deliveryOf("", oddDay, 1), deliveryOf("", oddDay.AddDate(0, 0, 1), 2), deliveryOf("", oddDay.AddDate(0, 0, 1), 3),
		deliveryOf("odd", time.Unix(1, 0).UTC(), 4),
	}}
}

// newUnit is what comes later: a copy of what is there with more to say, a late
// bounce of it, and something new on an old day.
func newUnit() ports.Unit {
	events := oldUnit().Events
	again, bounce, fresh := events[1], events[0], deliveryOf("", oddDay.AddDate(0, 0, 2), 9)
	again.Provider, again.Tenant = "example", "acme"
	again.Verdict = domain.Verdict{Cause: domain.CauseSender, Permanence: domain.Temporary, Fault: domain.FaultSender, Rule: "a"}
	var report contract.Record
	report.RecordType, report.MessageID, report.OccurredAt = "OOB", "a-report", oddDay.Add(time.Hour)
	report.Original = &domain.Original{MessageID: bounce.MessageID, Recipients: []string{bounce.Recipient}, By: domain.TieVERP}
	report.Verdict = domain.Verdict{Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent, Rule: "b"}
	report.ResponseHash = 1 << 63
	report.Recipients = []string{"postmaster@example.com"}
	return ports.Unit{Events: append(report.Events(oddDay), again, fresh)}
}

// deliveryOf returns a delivery of a message of that id, or of one made of time
// and number.
func deliveryOf(id string, at time.Time, n int) domain.EmailEvent {
	r := contract.Record{Recipients: []string{"a@example.com"}}
	r.RecordType, r.MessageID = "Delivery", id
	if id == "" {
		r.MessageID = fmt.Sprintf("%012x70008%015x", at.UnixMilli(), n)
	}
	r.OccurredAt, r.AcceptedAt, r.DeliveryProtocol = at, at, "ESMTP"
	return r.Events(oddDay)[0]
}

var oddDay = time.Date(2031, 5, 4, 12, 0, 0, 0, time.UTC)

// goesOn fails t unless a store that was brought up to date has all of oldUnit
// and takes newUnit.
func goesOn(t *testing.T, s contract.Store) {
	t.Helper()
	old, next := oldUnit(), newUnit()
	if diff := cmp.Diff(domain.Fold(old.Events), logsByKey(t, s)); diff != "" {
		t.Errorf("logs of before: -want +got\n%s", diff)
	}
	counted(t, s, old.Events)
	c, err := s.Commit(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]bool{true, false, true}, c.New); diff != "" {
		t.Errorf("New: -want +got\n%s", diff)
	}
	want := domain.Fold(append(old.Events, next.Events...))
	confirmed := want[:0]
	for _, l := range want {
		if l.Confirmed {
			confirmed = append(confirmed, l)
		}
	}
	if diff := cmp.Diff(confirmed, logsByKey(t, s)); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
	counted(t, s, append(old.Events, next.Events[0], next.Events[2]))
	events, err := s.Events(t.Context(), old.Events[0].MessageID)
	if diff := cmp.Diff([]domain.EmailEvent{old.Events[0], next.Events[0]}, events); diff != "" || err != nil {
		t.Errorf("timeline: %v, -want +got\n%s", err, diff)
	}
	if n, err := s.Prune(t.Context(), oddDay.AddDate(0, 1, 0), oddDay.AddDate(0, 1, 0)); err != nil || n < 8 {
		t.Errorf("pruned %d rows, %v", n, err)
	}
}

func TestSQLiteOfBeforeIsBroughtUpToDate(t *testing.T) {
	dir := t.TempDir()
	source, path := filepath.Join(dir, "source.db"), filepath.Join(dir, "old.db")
	s := open(t, source, sqlstore.SQLiteConfig{})
	if _, err := s.Commit(t.Context(), oldUnit()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	applyUntil(t, db, sqlitedialect.New(), migrations.SQLite(), before)
	if _, err := db.ExecContext(t.Context(), "ATTACH ? AS source", source); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"email_event", "email_log", "record_chunk"} {
		var columns string
		const query = "SELECT group_concat(name) FROM pragma_table_info(?, 'main')"
		if err := db.QueryRowContext(t.Context(), query, table).Scan(&columns); err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), "INSERT INTO main."+table+" ("+columns+") SELECT "+columns+" FROM source."+table); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), "UPDATE email_log SET decision = substr(decision, 1, 25)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	goesOn(t, open(t, path, sqlstore.SQLiteConfig{}))
}
