//go:build !embedded

package sqlstore_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

// eventually waits until f is true, ten seconds at most.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if f() {
			return
		}
		<-tick.C
	}
	t.Fatalf("ten seconds later: %s is not so", what)
}

func TestStoreOpensBeforeItsServerDoes(t *testing.T) {
	server := servers.OwnPostgres(t)
	server.Stop(t)
	s := openPostgres(t, server.URL(), sqlstore.PostgresConfig{})
	if _, err := s.Commit(t.Context(), mailUnit(1, 2)); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("commit without a server: %v, want %v", err, ports.ErrUnavailable)
	}
	if err := s.Ping(t.Context()); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("ping without a server: %v, want %v", err, ports.ErrUnavailable)
	}
	server.Start(t)
	eventually(t, "ready", func() bool { return s.Ping(t.Context()) == nil })
	mustCommit(t, s, mailUnit(1, 2))
}

// Every unit that was acknowledged is there after crashes of the server, and
// none twice, though its sender repeats what was not.
func TestCrashesOfServerLoseAndDoubleNothing(t *testing.T) {
	server := servers.OwnPostgres(t)
	s := openPostgres(t, server.URL(), sqlstore.PostgresConfig{})
	const writers, units, size = 3, 120, 20
	var all sync.WaitGroup
	acked := make(chan bool, writers*units)
	for w := range writers {
		all.Go(func() {
			for i := range units {
				u := mailUnit(w*units+i, size)
				for {
					_, err := s.Commit(t.Context(), u)
					if err == nil {
						break
					}
					if !errors.Is(err, ports.ErrUnavailable) {
						t.Errorf("commit during a crash: %v", err)
						return
					}
				}
				acked <- true
			}
		})
	}
	for n := range writers * units {
		<-acked
		if n%100 == 50 {
			server.Stop(t)
			server.Start(t)
		}
	}
	all.Wait()
	if n := stored(t, s); n != writers*units*size {
		t.Errorf("%d events are stored, want %d", n, writers*units*size)
	}
	announced := map[domain.EventID]int{}
	for {
		claimed, err := s.Claim(t.Context(), 100, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if len(claimed) == 0 {
			break
		}
		for _, a := range claimed {
			for _, e := range a.Events {
				announced[e.Event.ID]++
			}
		}
	}
	if len(announced) != writers*units*size {
		t.Errorf("%d events are announced, want %d", len(announced), writers*units*size)
	}
	for id, n := range announced {
		if n != 1 {
			t.Fatalf("event %s is announced %d times", id, n)
		}
	}
}

func TestServerWithoutRoomForConnectionsIsUnavailable(t *testing.T) {
	server := servers.OwnPostgres(t, "max_connections=4", "superuser_reserved_connections=0", "max_wal_senders=0")
	s := openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 1})
	eventually(t, "all connections taken", func() bool {
		conn, err := pgx.Connect(t.Context(), server.URL())
		if err == nil {
			t.Cleanup(func() { _ = conn.Close(t.Context()) })
		}
		return err != nil
	})
	// The store may have one of them: several at once need more.
	var all sync.WaitGroup
	failed := make(chan error, 20)
	for i := range 20 {
		all.Go(func() {
			if _, err := s.Claim(t.Context(), 1, time.Duration(i+1)*time.Minute); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		if !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("claim without a connection: %v, want %v", err, ports.ErrUnavailable)
		}
	}
}

// As after a fail-over, when the old server goes on as a standby.
func TestServerThatTakesNoWritesIsLeft(t *testing.T) {
	server := servers.OwnPostgres(t)
	s := openPostgres(t, server.URL(), sqlstore.PostgresConfig{Writers: 1})
	admin := asAdministrator(t, server.URL())
	mustCommit(t, s, mailUnit(1, 2))
	set := func(value string) {
		tell(t, admin, "ALTER SYSTEM SET default_transaction_read_only = "+value)
		tell(t, admin, "SELECT pg_reload_conf()")
	}
	set("on")
	eventually(t, "taken for a standby", func() bool { return errors.Is(s.Ping(t.Context()), ports.ErrUnavailable) })
	if _, err := s.Commit(t.Context(), mailUnit(2, 2)); !errors.Is(err, ports.ErrUnavailable) {
		t.Errorf("commit: %v, want %v", err, ports.ErrUnavailable)
	}
	tell(t, admin, "SET default_transaction_read_only = off")
	set("off")
	eventually(t, "ready", func() bool { return s.Ping(t.Context()) == nil })
	if c := mustCommit(t, s, mailUnit(2, 2)); slices.Contains(c.New, false) {
		t.Error("something of the failed commit was stored")
	}
}
