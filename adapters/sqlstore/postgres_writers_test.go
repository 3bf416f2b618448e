//go:build !embedded

package sqlstore_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// attemptsOf returns the n-th attempt to deliver each of some messages.
func attemptsOf(messages, n int) []domain.EmailEvent {
	events := mailUnit(0, 2*messages).Events
	var list []domain.EmailEvent
	for i := 1; i < len(events); i += 2 {
		r := contract.Record{EmailEvent: events[i], Recipients: []string{events[i].Recipient}}
		r.RecordType, r.OccurredAt, r.Attempts = "TransientFailure", r.OccurredAt.Add(time.Duration(n)*time.Minute), n
		list = append(list, r.Events(r.OccurredAt)...)
	}
	return list
}

// Two instances with ten writers each, all on the same logs and every second
// one on the same events, from both ends.
func TestTwentyWritersOfReversedKeysDoNotDeadlock(t *testing.T) {
	server := servers.OwnPostgres(t)
	admin := asAdministrator(t, server.URL())
	var stores [2]*sqlstore.Postgres
	for i := range stores {
		stores[i] = openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 10})
	}
	const rounds, messages = 8, 150
	var (
		writers sync.WaitGroup
		mu      sync.Mutex
		all     []domain.EmailEvent
	)
	for w := range 20 {
		writers.Go(func() {
			for r := range rounds {
				events := attemptsOf(messages, r*20+w/2)
				if w%2 == 1 {
					slices.Reverse(events)
				}
				if _, err := stores[w%2].Commit(t.Context(), ports.Unit{Events: events}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				all = append(all, events...)
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	if diff := cmp.Diff(domain.Fold(all), logsByKey(t, stores[0])); diff != "" {
		t.Errorf("logs: -want +got\n%s", diff)
	}
	if n := stored(t, stores[0]); n != rounds*messages*10 {
		t.Errorf("%d events are stored, want %d", n, rounds*messages*10)
	}
	for _, s := range stores {
		if err := s.Close(); err != nil { // their connections report what they met
			t.Fatal(err)
		}
	}
	if n := told[int](t, admin, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}

func TestLockThatIsNotFreeInTimeIsUnavailable(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, LockTimeout: 50 * time.Millisecond})
	admin := asAdministrator(t, url)
	tell(t, admin, "BEGIN; LOCK TABLE "+schema+".outbox")
	if _, err := s.Commit(t.Context(), mailUnit(1, 20)); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("commit beside a lock: %v, want %v", err, ports.ErrUnavailable)
	}
	tell(t, admin, "ROLLBACK")
	if c := mustCommit(t, s, mailUnit(1, 20)); slices.Contains(c.New, false) {
		t.Error("something of the failed commit was stored")
	}
}

func TestContextEndsCommitThatWaits(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1, LockTimeout: time.Hour})
	admin := asAdministrator(t, url)
	tell(t, admin, "BEGIN; LOCK TABLE "+schema+".outbox")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Commit(ctx, mailUnit(1, 20))
	if !errors.Is(err, ports.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("commit whose context ended: %v, want %v", err, ports.ErrUnavailable)
	}
	tell(t, admin, "ROLLBACK")
	mustCommit(t, s, mailUnit(1, 20))
	if n := stored(t, s); n != 20 {
		t.Errorf("%d events are stored, want 20", n)
	}
}
