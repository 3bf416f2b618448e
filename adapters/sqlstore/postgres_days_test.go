//go:build !embedded

package sqlstore_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
	"github.com/kumotrail/kumotrail/test/servers"
)

// deliveryAt returns a delivery of a message of its own, accepted and delivered
// at that time.
func deliveryAt(at time.Time, n int) domain.EmailEvent {
	r := contract.Record{Recipients: []string{"a@example.com"}}
	r.RecordType, r.MessageID = "Delivery", fmt.Sprintf("%012x70008%015x", at.UnixMilli(), n)
	r.OccurredAt, r.AcceptedAt, r.DeliveryProtocol = at, at, "ESMTP"
	return r.Events(at)[0]
}

func TestMissingDaysAreMadeOnDemandByManyWriters(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	const writers, days = 8, 5
	var all sync.WaitGroup
	for w := range writers {
		s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 2})
		all.Go(func() {
			for d := range days {
				u := ports.Unit{Events: []domain.EmailEvent{
					deliveryAt(oddDay.AddDate(0, d, 0), w), deliveryAt(oddDay.AddDate(0, 0, -d), 100+w), deliveryAt(time.Unix(1, 0).UTC(), 100*d+w),
				}}
				if _, err := s.Commit(t.Context(), u); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema})
	if n := stored(t, s); n != writers*days*3 {
		t.Errorf("%d events are stored, want %d", n, writers*days*3)
	}
}

// A connection may not know of a day that was made for it, see renotice.
func TestUnitThatFindsNoDayAnewIsTriedAgain(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	admin := asAdministrator(t, url)
	tell(t, admin, "SET search_path TO "+schema)
	tell(t, admin, `CREATE SEQUENCE misses;
		CREATE FUNCTION miss() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
		BEGIN
			IF nextval('misses') <= 3 THEN
				RAISE check_violation USING MESSAGE = 'no partition of relation "record_chunk" found for row';
			END IF;
			RETURN NEW;
		END $$;
		CREATE TRIGGER miss BEFORE INSERT ON record_chunk FOR EACH ROW EXECUTE FUNCTION miss()`)
	mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{deliveryAt(oddDay, 1)}})
	if n, tries := stored(t, s), told[int](t, admin, "SELECT last_value FROM misses"); n != 1 || tries != 4 {
		t.Errorf("%d events are stored in %d tries, want 1 in 4", n, tries)
	}
}

func TestDaysAheadAreMadeAtStart(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 2})
	if err := s.Close(); err != nil { // waits for the background, which may be interrupted
		t.Fatal(err)
	}
	openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 2})
	// Yesterday, today and two days.
	awaitDays(t, asAdministrator(t, url), schema, 4)
}

// awaitDays waits until the store has made that many days ahead, of three tables each
// with those of time 0. It does so behind its opening, and gives up if somebody makes
// one of them beside it.
func awaitDays(t *testing.T, admin *pgx.Conn, schema string, n int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	const days = "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'r' AND c.relnamespace = $1::text::regnamespace"
	for range 1500 {
		if told[int](t, admin, days, schema) == 3*(n+1) {
			return
		}
		<-tick.C
	}
	t.Fatalf("%d partitions after half a minute", told[int](t, admin, days, schema))
}

// TestDayIsToldOfOnceMore looks whether tables of a day that mail made changed behind
// its attaching, which tells connections that missed that.
func TestDayIsToldOfOnceMore(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, DaysAhead: 1})
	admin := asAdministrator(t, url)
	awaitDays(t, admin, schema, 3)
	columns := map[string]string{"email_event": "id", "record_chunk": "id", "email_log": "key"}
	changed := func(table string) string {
		return told[string](t, admin, "SELECT xmin::text FROM pg_attribute WHERE attrelid = $1::text::regclass AND attname = $2",
			schema+"."+table, columns[table])
	}
	before := map[string]string{}
	for table := range columns {
		before[table] = changed(table)
	}
	mustCommit(t, s, mailUnit(1, 2))
	for table := range columns {
		if changed(table) == before[table] {
			t.Errorf("%s told nobody of its new day", table)
		}
	}
}

// A crash may leave a day detached and not dropped, or even half detached.
func TestDayOfInterruptedPruneIsMended(t *testing.T) {
	const day = "email_event_20310504"
	for name, interrupt := range map[string]func(*testing.T, string, string){
		"detached": func(t *testing.T, url, schema string) {
			admin := asAdministrator(t, url)
			tell(t, admin, "SET search_path TO "+schema)
			tell(t, admin, "ALTER TABLE email_event DETACH PARTITION "+day)
		},
		"half detached": func(t *testing.T, url, schema string) {
			reader, pruner := asAdministrator(t, url), asAdministrator(t, url)
			tell(t, reader, "BEGIN; SELECT count(*) FROM "+schema+".email_event")
			tell(t, pruner, "SET search_path TO "+schema)
			tell(t, pruner, "SET lock_timeout = 100")
			if _, err := pruner.Exec(t.Context(), "ALTER TABLE email_event DETACH PARTITION "+day+" CONCURRENTLY"); err == nil {
				t.Fatal("detaching did not wait for the reader")
			}
			tell(t, reader, "ROLLBACK")
		},
	} {
		for _, prune := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, pruned again is %t", name, prune), func(t *testing.T) {
				url, schema := servers.Postgres(t), servers.Schema(t)
				s := openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
				mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{deliveryAt(oddDay, 1)}})
				interrupt(t, url, schema)
				if prune {
					if n, err := s.Prune(t.Context(), oddDay.AddDate(0, 0, 1), time.Time{}); err != nil || n != 1 {
						t.Fatalf("prune: %d rows, %v, want 1", n, err)
					}
				}
				c := mustCommit(t, s, ports.Unit{Events: []domain.EmailEvent{deliveryAt(oddDay, 1), deliveryAt(oddDay, 2)}})
				if c.New[0] != prune || !c.New[1] {
					t.Errorf("New is %v", c.New)
				}
				if n := stored(t, s); n != 2 {
					t.Errorf("%d events are stored, want 2", n)
				}
			})
		}
	}
}

func TestPrunesOfManyInstancesCountEachRowOnce(t *testing.T) {
	url, schema := servers.Postgres(t), servers.Schema(t)
	const instances, days = 4, 6
	var stores [instances]*sqlstore.Postgres
	for i := range stores {
		stores[i] = openPostgres(t, url, sqlstore.PostgresConfig{Schema: schema, Writers: 1})
	}
	for d := range days {
		mustCommit(t, stores[0], ports.Unit{Events: []domain.EmailEvent{deliveryAt(oddDay.AddDate(0, 0, d), 1)}})
	}
	var all sync.WaitGroup
	var gone atomic.Int64
	for _, s := range stores {
		all.Go(func() {
			n, err := s.Prune(t.Context(), oddDay.AddDate(0, 0, days), oddDay.AddDate(0, 0, days))
			if err != nil {
				t.Error(err)
			}
			gone.Add(n)
		})
	}
	all.Wait()
	if n := gone.Load(); n != 2*days {
		t.Errorf("%d rows went, want %d", n, 2*days)
	}
}

// A reader who takes his time must not keep days from going.
func TestPruneDoesNotWaitForStreams(t *testing.T) {
	s := openPostgres(t, servers.Postgres(t), sqlstore.PostgresConfig{Schema: servers.Schema(t), LockTimeout: 5 * time.Second})
	const logs = 20_000 // more than windows are read ahead
	mustCommit(t, s, mailUnit(1, 2*logs))
	seen := 0
	for _, err := range s.Logs(t.Context(), ports.LogFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 10 {
			if _, err := s.Prune(t.Context(), time.Now(), time.Now()); err != nil {
				t.Fatalf("prune beside a stream: %v", err)
			}
		}
	}
	if seen < 10 || seen == logs {
		t.Errorf("the stream had %d logs, want those of its first pages", seen)
	}
}
