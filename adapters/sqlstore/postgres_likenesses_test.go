//go:build !embedded

package sqlstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// TestLikenessesUseTheirIndexes holds each question to its index, in the days that
// it is about, by the plans that are kept.
func TestLikenessesUseTheirIndexes(t *testing.T) {
	_, admin, now := openForPlans(t, 60, 400)
	queries, args := sqlstore.PostgresLikenessQueries("a@example.com", now.AddDate(0, 0, -30), now)
	for i, want := range []struct {
		index string
		days  int // that have a table
	}{{"hashtextextended(lower(recipient), ", 30}, {"hashtextextended(reported, ", 1}} {
		plan := planOf(t, admin, queries[i], args[i])
		if n := strings.Count(plan, "Index Cond: (("+want.index); n != want.days || strings.Count(plan, "Scan") != n || strings.Contains(plan, "->  Sort") {
			t.Errorf("%d scans by %s), want %d and nothing else, in\n%.3000s", n, want.index, want.days, plan)
		}
	}
}

// untiedReports are OOBs of those days that name no message.
func untiedReports(days ...time.Time) ports.Unit {
	var u ports.Unit
	for i, day := range days {
		r := contract.Record{Recipients: []string{"a@example.com"}}
		r.RecordType, r.MessageID, r.Sender = "OOB", fmt.Sprintf("%012x70008%015x", day.UnixMilli(), i), "news@sender.example"
		r.OccurredAt, r.AcceptedAt, r.ReceptionProtocol, r.Report = day, day, "ESMTP", &domain.Report{}
		u.Events = append(u.Events, r.Events(oddDay)...)
	}
	return u
}

func TestReportsGoWithTheirDay(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	mustCommit(t, s, untiedReports(time.Unix(1, 0).UTC(), oddDay.AddDate(0, 0, -1), oddDay, oddDay.AddDate(0, 0, 1)))
	for _, want := range []struct {
		before time.Time
		left   int
	}{{oddDay.Add(-time.Hour), 3}, {oddDay.Add(time.Hour), 2}, {oddDay.AddDate(0, 0, 3), 0}} {
		if _, err := s.Prune(t.Context(), want.before, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if n := told[int](t, admin, "SELECT count(*) FROM email_report"); n != want.left {
			t.Errorf("%d reports are left of what is before %v, want %d", n, want.before, want.left)
		}
	}
}

// withoutReports undoes the step of the schema that gave reports a table. Before, they
// were found by an index of the events.
const withoutReports = `BEGIN;
	LOCK TABLE email_event;
	DROP TABLE email_report;
	DROP FUNCTION email_event_follow_report CASCADE;
	CREATE INDEX email_event_reported ON email_event (hashtextextended(reported, 0), id NULLS FIRST) WHERE reported IS NOT NULL;
	DELETE FROM bun_migrations WHERE name = '20261128000000';
	COMMIT`

func TestReportsOfBeforeAreFound(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	mustCommit(t, s, untiedReports(time.Unix(1, 0).UTC(), oddDay.AddDate(0, 0, -1), oddDay))
	tell(t, admin, withoutReports)
	// As someone left it who was interrupted in dropping the day.
	tell(t, admin, "ALTER TABLE email_event DETACH PARTITION email_event_"+oddDay.Format("20060102"))
	if _, err := sqlstore.MigratePostgres(t.Context(), url, sqlstore.PostgresConfig{Schema: schema}); err != nil {
		t.Fatal(err)
	}
	mustCommit(t, s, untiedReports(oddDay.Add(time.Hour))) // which needs the day
	reports, err := s.ReportsOn(t.Context(), "a@example.com", time.Time{}, oddDay.AddDate(1, 0, 0), 10)
	if err != nil || len(reports) != 3 {
		t.Errorf("%d reports and %v, want 3", len(reports), err)
	}
	if n := told[int](t, admin, "SELECT count(*) FROM email_report"); n != 4 {
		t.Errorf("%d reports with the one without a time, want 4", n)
	}
}

func TestNoReportIsMissedThatComesBesideTheMigration(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	cfg := sqlstore.PostgresConfig{Schema: schema, Writers: 2}
	s, admin := openPostgres(t, url, cfg), asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for n := w; ctx.Err() == nil; n += 2 {
				if _, err := s.Commit(t.Context(), untiedReports(oddDay.Add(time.Duration(n)*time.Second))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		tell(t, admin, withoutReports)
		if _, err := sqlstore.MigratePostgres(t.Context(), url, cfg); err != nil {
			t.Error(err)
		}
	}
	stop()
	writers.Wait()
	const missed = "SELECT count(*) FROM email_event e FULL JOIN email_report r USING (id, reported) WHERE e.message_id IS NULL OR r.id IS NULL"
	if n := told[int](t, admin, missed); n != 0 {
		t.Errorf("%d reports are missed", n)
	}
	if n := told[int](t, admin, "SELECT count(*) FROM email_report"); n < 20 {
		t.Errorf("%d reports came, want more", n)
	}
}
