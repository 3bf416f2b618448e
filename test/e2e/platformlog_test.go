//go:build !embedded

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/test/servers"
)

// platformLog is a table of a platform's in a schema of its own.
type platformLog struct {
	t     *testing.T
	conn  *pgx.Conn
	table string
}

// newPlatformLog makes the table as an ORM would, with a row for each id.
func newPlatformLog(t *testing.T, ids ...string) *platformLog {
	t.Helper()
	schema := servers.Schema(t)
	conn, err := pgx.Connect(t.Context(), servers.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	l := &platformLog{t, conn, schema + ".email_log"}
	l.run("CREATE SCHEMA " + schema)
	l.run("CREATE TYPE " + schema + ".email_status AS ENUM ('pending', 'sent', 'delivered', 'failed', 'bounced', 'spam', 'archived')")
	l.run("CREATE TABLE " + l.table + " (id text PRIMARY KEY, status " + schema + `.email_status NOT NULL DEFAULT 'pending',
		"deliveredAt" timestamp, "failedAt" timestamp, "errorMessage" text, "toEmails" jsonb)`)
	for _, id := range ids {
		l.run("INSERT INTO "+l.table+" (id) VALUES ($1)", id)
	}
	return l
}

func (l *platformLog) run(query string, args ...any) {
	l.t.Helper()
	if _, err := l.conn.Exec(l.t.Context(), query, args...); err != nil {
		l.t.Fatal(err)
	}
}

// await waits until the rows are as wanted, each a line in order of ids.
func (l *platformLog) await(want ...string) {
	l.t.Helper()
	got := ""
	defer func() {
		if l.t.Failed() {
			l.t.Logf("rows are\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	}()
	eventually(l.t, "the platform's rows are as wanted", func() bool {
		const row = `concat_ws(' ', id, status, 'delivered ' || "deliveredAt"::time, 'failed ' || "failedAt"::time, "errorMessage")`
		if err := l.conn.QueryRow(l.t.Context(), "SELECT string_agg("+row+", E'\n' ORDER BY id) FROM "+l.table).Scan(&got); err != nil {
			l.t.Fatal(err)
		}
		return got == strings.Join(want, "\n")
	})
}

// of says that a record is of message n, with the application's id n.
func of(n int, fields string) string {
	return rec(fmt.Sprintf(`"id":"10d1b680884d11f1900%d782d7e12e173","meta":{"X-Email-Log-ID":"eml_%d"},`, n, n) + fields)
}

var refused = `"type":"Bounce","delivery_protocol":"ESMTP",` + answer(550, "5.1.1", "no such user") + "," + at(50)

func TestThePlatformsOwnTableIsToldWhatBecameOfItsMessages(t *testing.T) {
	t.Parallel()
	platform := newPlatformLog(t, "eml_1", "eml_2", "eml_3", "eml_4")
	s := startService(t, append(onServers(t), "PLATFORM_EMAIL_LOG="+platform.table)...)
	s.mustTake(of(1, `"type":"Reception"`))
	s.mustTake(of(2, refused))
	s.mustTake(of(3, deferral))
	s.mustTake(of(8, delivery)) // has no row
	s.mustTake(of(1, delivery))
	platform.await("eml_1 delivered delivered 17:20:40", "eml_2 bounced failed 17:20:50 550 5.1.1 no such user", "eml_3 pending", "eml_4 pending")

	// What was committed before a crash is told after it, and what comes late
	// takes nothing down.
	s.mustTake(of(3, delivery))
	s.mustTake(of(4, delivery))
	s.Kill()
	s.Start()
	s.mustTake(of(1, deferral))
	s.mustTake(of(4, `"type":"Reception"`))
	s.mustTake(of(2, deferral))
	want := []string{"eml_1 delivered delivered 17:20:40", "eml_2 bounced failed 17:20:50 550 5.1.1 no such user",
		"eml_3 delivered delivered 17:20:40", "eml_4 delivered delivered 17:20:40"}
	platform.await(want...)
	s.mustTake(of(5, delivery))
	platform.run("INSERT INTO " + platform.table + " (id) VALUES ('eml_6')")
	s.mustTake(of(6, delivery)) // behind all of the above
	platform.await(append(want, "eml_6 delivered delivered 17:20:40")...)
}

// A platform that holds its rows, or has no table any more, holds up nothing.
func TestThePlatformsOwnTableHoldsNothingUp(t *testing.T) {
	t.Parallel()
	platform := newPlatformLog(t, "eml_1")
	s := startService(t, append(onServers(t), "PLATFORM_EMAIL_LOG="+platform.table)...)
	platform.run("BEGIN")
	platform.run("LOCK TABLE " + platform.table + " IN ACCESS EXCLUSIVE MODE")
	text := of(1, delivery)
	s.mustTake(text)
	checkWholly(t, s, parseRecords(t, []string{text}))
	platform.run("COMMIT")
	platform.await("eml_1 delivered delivered 17:20:40")
	platform.run("DROP TABLE " + platform.table)
	more := of(2, delivery)
	s.mustTake(more)
	checkStored(t, s, parseRecords(t, []string{text, more}))
	if code := s.Stop(); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

func TestATableOfThePlatformThatIsNotThereIsOneClearError(t *testing.T) {
	t.Parallel()
	platform := newPlatformLog(t)
	platform.run(`ALTER TABLE ` + platform.table + ` DROP COLUMN "failedAt", DROP COLUMN status`)
	store := onServers(t)
	for table, wants := range map[string][]string{
		platform.table + "s": {"there is no table " + platform.table + "s"},
		platform.table:       {"no column status", "no column failedAt or failed_at"},
		"kumotrail.email.x":  {"PLATFORM_EMAIL_LOG: not the name of a table"},
	} {
		s := newService(t, append(store, "PLATFORM_EMAIL_LOG="+table)...)
		r := s.Run("serve")
		for _, want := range append(wants, "PLATFORM_EMAIL_LOG") {
			if r.code != 1 || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "PLATFORM_EMAIL_LOG") != 1 {
				t.Errorf("%s: %d %s, want %q", table, r.code, r.stderr, want)
			}
		}
	}
	if r := newService(t, "PLATFORM_EMAIL_LOG=email_log").Run("serve"); r.code != 1 || !strings.Contains(r.stderr, "PG_URL, which is not set") {
		t.Errorf("on the embedded store: %d %s", r.code, r.stderr)
	}
}
