//go:build !embedded

package sqlstore_test

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
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
