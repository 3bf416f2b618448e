//go:build !embedded

package servers_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/kumotrail/kumotrail/test/servers"
)

// childServer makes the test of that name a process that starts a server, prints
// its URL and waits to be killed.
const childServer = "SERVERS_TEST_CHILD"

func answers(t *testing.T, url string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

func TestServerSyncsWhatIsCommitted(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, servers.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
		var value string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", setting).Scan(&value); err != nil || value != "on" {
			t.Errorf("%s is %q, %v, want on", setting, value, err)
		}
	}
}

func TestSchemaIsGoneAfterItsTest(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, servers.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var name string
	t.Run("uses it", func(t *testing.T) {
		name = servers.Schema(t)
		if _, err := conn.Exec(ctx, "CREATE SCHEMA "+name+" CREATE TABLE t (i int)"); err != nil {
			t.Fatal(err)
		}
	})
	var left bool
	if err := conn.QueryRow(ctx, "SELECT to_regnamespace($1) IS NOT NULL", name).Scan(&left); err != nil || left {
		t.Errorf("schema is left: %t, %v", left, err)
	}
}

func TestOwnServerKeepsWhatIsCommittedWhenItCrashes(t *testing.T) {
	p := servers.OwnPostgres(t)
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, "CREATE TABLE t AS SELECT 7 AS i"); err != nil {
		t.Fatal(err)
	}
	p.Stop(t)
	if err := answers(t, p.URL()); err == nil {
		t.Error("stopped server answers")
	}
	p.Start(t)
	if conn, err = pgx.Connect(ctx, p.URL()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var i int
	if err := conn.QueryRow(ctx, "SELECT i FROM t").Scan(&i); err != nil || i != 7 {
		t.Errorf("got %d, %v", i, err)
	}
}

func TestServerEndsWithKilledProcess(t *testing.T) {
	if os.Getenv(childServer) != "" {
		fmt.Println(servers.OwnPostgres(t).URL())
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childServer+"=1")
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child printed no URL")
	}
	url := lines.Text()
	if err := answers(t, url); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		if answers(t, url) != nil {
			return
		}
		<-tick.C
	}
	t.Error("server goes on without its process")
}
