//go:build !embedded

package sqlstore_test

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"
	"weak"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// receivedAndDelivered returns what some messages begin and end with, those of unit n.
func receivedAndDelivered(n, messages int) (received, delivered []domain.EmailEvent) {
	for i, e := range mailUnit(n, 2*messages).Events {
		if i%2 == 0 {
			received = append(received, e)
		} else {
			delivered = append(delivered, e)
		}
	}
	return received, delivered
}

// Where logs are there before their reception a unit is tried twice, the next ones
// only once.
func TestReceptionsThatComeLastAreJoinedAndRarelyTriedTwice(t *testing.T) {
	var lines strings.Builder // of one writer at a time
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{
		Schema: servers.Schema(t),
		Log:    slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	var all []domain.EmailEvent
	for n := range 20 {
		received, delivered := receivedAndDelivered(n, 60)
		mustCommit(t, s, ports.Unit{Events: delivered})
		c := mustCommit(t, s, ports.Unit{Events: received})
		if slices.Contains(c.New, false) {
			t.Fatal("a reception is not new")
		}
		for _, a := range c.Announcement.Events {
			if a.Status != domain.Delivered {
				t.Fatalf("a delivered message is announced as %s", a.Status)
			}
		}
		all = append(append(all, received...), delivered...)
	}
	if diff := cmp.Diff(domain.Fold(all), logsByKey(t, s)); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(lines.String(), "unit is tried again"); n != 1 {
		t.Errorf("%d units were tried twice, want 1", n)
	}
}

// Each unit begins messages of which another one, of the same moment, has the end.
func TestUnitsThatEndEachOthersMessagesAllSucceed(t *testing.T) {
	server := servers.OwnPostgres(t, "deadlock_timeout=10ms")
	var stores [2]*sqlstore.Postgres
	for i := range stores {
		stores[i] = openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 2})
	}
	var all []domain.EmailEvent
	for n := range 20 {
		received, delivered := receivedAndDelivered(2*n, 60)
		received2, delivered2 := receivedAndDelivered(2*n+1, 60)
		units := [2][]domain.EmailEvent{slices.Concat(received, delivered2), slices.Concat(received2, delivered)}
		var writers sync.WaitGroup
		for i := range units {
			writers.Go(func() {
				if _, err := stores[i].Commit(t.Context(), ports.Unit{Events: units[i]}); err != nil {
					t.Error(err)
				}
			})
		}
		writers.Wait()
		all = slices.Concat(all, units[0], units[1])
	}
	if diff := cmp.Diff(domain.Fold(all), logsByKey(t, stores[0])); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
}

// Copied logs are noted by who copies them, joined ones by triggers.
func TestCopiedLogsLeaveWhatJoinedOnesDo(t *testing.T) {
	url := servers.Postgres(t)
	admin := asAdministrator(t, url)
	var stores [2]*sqlstore.Postgres
	var schemas [2]string
	for i := range stores {
		schemas[i] = servers.Schema(t)
		stores[i] = openPostgres(t, url, sqlstore.PostgresConfig{Schema: schemas[i]})
	}
	stores[1].JoinAllLogs()
	for seed := range 150 {
		for _, u := range append(contract.Units().Example(seed), mailUnit(seed, 6)) {
			for i := range stores {
				mustCommit(t, stores[i], u)
			}
		}
		if seed%50 != 49 {
			continue
		}
		var notes int
		for range 2 { // as noted, as rolled up
			sameOf(t, stores, "figures", countedMessages)
			sameOf(t, stores, "times", latencies)
			sameOf(t, stores, "logs of a tenant", logsOfTenant)
			notes = told[int](t, admin, "SELECT count(*) FROM "+schemas[0]+".unit_tally WHERE messages IS NOT NULL")
			rollAll(t, stores[0])
			rollAll(t, stores[1])
		}
		if notes != 0 {
			t.Fatalf("%d notes are left", notes)
		}
	}
	for _, query := range []string{
		"email_log t", "email_log_rare t",
		"(SELECT DISTINCT l.hash, k.key FROM %[1]s.email_log_list l CROSS JOIN LATERAL unnest(l.keys) k (key)) t",
	} {
		var rows [2]string
		for i, schema := range schemas {
			from := schema + "." + query
			if strings.HasPrefix(query, "(") {
				from = fmt.Sprintf(query, schema)
			}
			rows[i] = told[string](t, admin, `SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text COLLATE "C"), '') FROM `+from)
		}
		if len(rows[1]) < 1000 {
			t.Errorf("%s: %d bytes say little", query, len(rows[1]))
		}
		if diff := cmp.Diff(rows[1], rows[0]); diff != "" {
			t.Errorf("%s: -joined +copied\n%.3000s", query, diff)
		}
	}
}

func sameOf[T any](t *testing.T, stores [2]*sqlstore.Postgres, what string, read func(context.Context, *sqlstore.Postgres) (T, error)) {
	t.Helper()
	var got [2]T
	for i, s := range stores {
		var err error
		if got[i], err = read(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(got[1], got[0]); diff != "" {
		t.Errorf("%s: -joined +copied\n%.3000s", what, diff)
	}
}

func countedMessages(ctx context.Context, s *sqlstore.Postgres) (counts [][]ports.MessageCount, err error) {
	for _, by := range [][]ports.Dimension{
		nil, {ports.ByProvider, ports.ByTenant}, {ports.ByDomain}, {ports.ByCampaign}, {ports.ByEgressSource, ports.ByCause},
	} {
		list, err := s.CountMessages(ctx, ports.StatsQuery{Width: 24 * time.Hour, By: by})
		if err != nil {
			return nil, err
		}
		counts = append(counts, list)
	}
	return counts, nil
}

func latencies(ctx context.Context, s *sqlstore.Postgres) ([]ports.Latency, error) {
	return s.Latencies(ctx, ports.StatsQuery{Width: 24 * time.Hour, By: []ports.Dimension{ports.ByDomain}})
}

func logsOfTenant(ctx context.Context, s *sqlstore.Postgres) ([]domain.EmailLog, error) {
	return s.LogPage(ctx, ports.LogFilter{Tenant: "a", Domain: "example.com"}, domain.LogKey{}, 500)
}

// A prune that was interrupted, or is at work, leaves tables of days that are no part of
// the logs. What comes for one has it attached again.
func TestLogsOfDetachedDayAreSeen(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	s.CopyYoungLogs()
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	first, second := mailUnit(0, 6), mailUnit(1, 6) // of a day in March 2026
	mustCommit(t, s, first)
	tell(t, admin, "ALTER TABLE email_log DETACH PARTITION email_log_20260301")
	mustCommit(t, s, second)
	if diff := cmp.Diff(domain.Fold(slices.Concat(first.Events, second.Events)), logsByKey(t, s)); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
}

// Rows of days that were let go of may outlast their logs.
func TestCopiedLogsReplaceWhatIsLeftOfTheirLists(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	received, _ := receivedAndDelivered(0, 3)
	bounced := slices.Clone(received)
	for i := range bounced {
		bounced[i].Type, bounced[i].ID[15] = domain.Bounce, bounced[i].ID[15]^1
	}
	u := ports.Unit{Events: slices.Concat(received, bounced)}
	logs := domain.Fold(u.Events)
	tell(t, admin, "INSERT INTO email_log_rare (key, status, of_report, tenant) VALUES ($1, 'bounced', true, 'left')", logs[0].Key.String())
	mustCommit(t, s, u)
	if n := told[int](t, admin, "SELECT count(*) FROM email_log_rare WHERE status = 'bounced' AND NOT of_report AND tenant = 'acme'"); n != len(logs) {
		t.Errorf("%d of %d logs are listed as they are", n, len(logs))
	}
}

// Texts of events are parts of what was received, which may be large.
func TestCommitKeepsNothingOfItsUnit(t *testing.T) {
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t)})
	commit := func() (tenant weak.Pointer[byte]) {
		received, delivered := receivedAndDelivered(0, 60)
		u := ports.Unit{Events: slices.Concat(received, delivered)}
		text := strings.Repeat("tenant ", 100)
		for i := range u.Events {
			u.Events[i].Tenant = text
		}
		mustCommit(t, s, u)
		return weak.Make(unsafe.StringData(text))
	}
	tenant := commit()
	runtime.GC()
	if tenant.Value() != nil {
		t.Error("a text of a committed unit is still held")
	}
}
