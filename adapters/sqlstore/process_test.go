package sqlstore_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/sqlstore"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// Variables that make the test binary a second process on a store.
const (
	childPath  = "SQLSTORE_TEST_PATH"
	childFirst = "SQLSTORE_TEST_FIRST" // number of the first unit
	childUnits = "SQLSTORE_TEST_UNITS" // how many
)

func TestMain(m *testing.M) {
	sqlstore.CopyFewLogs() // the suites' units are small
	if path := os.Getenv(childPath); path != "" {
		if err := commitUnits(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// commitUnits is the child: it prints the number of every unit that was
// acknowledged.
func commitUnits(path string) error {
	first, err := strconv.Atoi(os.Getenv(childFirst))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(os.Getenv(childUnits))
	if err != nil {
		return err
	}
	ctx := context.Background()
	s, err := sqlstore.OpenSQLite(ctx, path, contract.Decoder{}, sqlstore.SQLiteConfig{})
	if err != nil {
		return err
	}
	for i := range n {
		if _, err := s.Commit(ctx, mailUnit(first+i, 20)); err != nil {
			return err
		}
		fmt.Println(first + i)
	}
	return s.Close()
}

// startChild starts a process that commits units and returns what it prints.
func startChild(t *testing.T, path string, first, units int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path,
		childFirst+"="+strconv.Itoa(first), childUnits+"="+strconv.Itoa(units))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

func TestKilledProcessKeepsAllThatWasAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	next := 0
	for range 3 {
		cmd, lines := startChild(t, path, next, 1_000_000)
		acknowledged := next
		for range 25 {
			if !lines.Scan() {
				t.Fatalf("the process ended after unit %d", acknowledged)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		acknowledged += 25
		for lines.Scan() { // what it still said before it died
			acknowledged++
		}
		_ = cmd.Wait() // says that it was killed
		next = checkCrashed(t, path, acknowledged) + 1
	}
}

// checkCrashed fails t unless units 0 to acknowledged are stored and announced,
// and the one after them whole or not at all. It returns the last that is.
func checkCrashed(t *testing.T, path string, acknowledged int) int {
	t.Helper()
	s := open(t, path, sqlstore.SQLiteConfig{})
	queued := countQueued(t, path)
	for n := range acknowledged {
		for i, isNew := range commitAgain(t, s, n) {
			if isNew {
				t.Fatalf("event %d of unit %d of %d was acknowledged and is not stored", i, n, acknowledged)
			}
		}
	}
	last := acknowledged
	isNew := commitAgain(t, s, last)
	for i := range isNew {
		if isNew[i] != isNew[0] {
			t.Fatalf("the unit that was under way is stored in part")
		}
	}
	if !isNew[0] {
		queued -= 20
	}
	if want := acknowledged * 20; queued != want {
		t.Fatalf("%d events are queued to be announced, want %d", queued, want)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	checkIntegrity(t, path)
	return last
}

func commitAgain(t *testing.T, s ports.Journal, n int) []bool {
	t.Helper()
	c, err := s.Commit(context.Background(), mailUnit(n, 20))
	if err != nil {
		t.Fatal(err)
	}
	return c.New
}

// countQueued counts the events that are to be announced.
func countQueued(t *testing.T, path string) int {
	t.Helper()
	var bytes int
	askFile(t, path, "SELECT coalesce(sum(length(events)), 0) FROM outbox", &bytes)
	return bytes / len(domain.EventID{})
}

func checkIntegrity(t *testing.T, path string) {
	t.Helper()
	var found string
	if askFile(t, path, "PRAGMA integrity_check", &found); found != "ok" {
		t.Fatalf("integrity check: %q", found)
	}
}

// askFile asks without the store.
func askFile(t *testing.T, path, query string, answer any) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRow(query).Scan(answer); err != nil {
		t.Fatal(err)
	}
}

func TestTwoProcessesCommitToOneFile(t *testing.T) {
	const units = 40
	path := filepath.Join(t.TempDir(), "store.db")
	cmd, lines := startChild(t, path, 0, units)
	s := open(t, path, sqlstore.SQLiteConfig{}) // both make the schema
	for n := range units {
		if _, err := s.Commit(context.Background(), mailUnit(units/2+n, 20)); err != nil {
			t.Fatal(err)
		}
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	// The two sent half of the units both.
	if n := countEvents(t, s); n != units*3/2*20 {
		t.Fatalf("%d events are stored, want %d", n, units*3/2*20)
	}
	if n := countQueued(t, path); n != units*3/2*20 {
		t.Fatalf("%d events are queued, want %d", n, units*3/2*20)
	}
}

func countEvents(t *testing.T, s ports.StatsReader) int {
	t.Helper()
	counts, err := s.CountEvents(context.Background(), ports.StatsQuery{Width: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range counts {
		n += int(c.Count)
	}
	return n
}
