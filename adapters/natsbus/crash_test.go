package natsbus

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
)

// crashDirVariable makes the test binary a process that publishes until it is
// killed.
const crashDirVariable = "NATSBUS_TEST_CRASH_DIR"

// publishUntilKilled prints the id of each acknowledged event.
func publishUntilKilled(dir string) {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server, err := StartServer(ServerConfig{Dir: dir, Listen: "off", Log: log})
	if err != nil {
		panic(err)
	}
	conn, err := Connect(ctx, ConnConfig{Server: server, Log: log})
	if err != nil {
		panic(err)
	}
	pub, err := NewPublisher(conn, PublisherConfig{Stream: newLimits()})
	if err != nil {
		panic(err)
	}
	const batch = 100
	for i := 0; ; i += batch {
		events := eventsFrom(i, batch)
		acked, err := pub.Publish(ctx, events)
		if err != nil {
			panic(err)
		}
		for k, ok := range acked {
			if ok {
				fmt.Println(events[k].Event.ID)
			}
		}
	}
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acked := killAfter(t, dir, 2000)

	b := startBus(t, dir)
	if err := b.pub.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := map[string]int{}
	for _, m := range stored(t, b.pub) {
		kept[msgID(m)]++
	}
	for _, id := range acked {
		if kept[id] != 1 {
			t.Errorf("event %s was acknowledged and is stored %d times", id, kept[id])
		}
	}

	// The relay does not know what was acknowledged last and publishes again.
	again := newEvents(len(kept))
	publish(t, b.pub, again)
	if got := len(stored(t, b.pub)); got != len(kept) {
		t.Errorf("published again after the crash: %d messages, want %d", got, len(kept))
	}
}

// killAfter runs the publishing process in dir, kills it when it has printed n
// ids and returns all that it printed.
func killAfter(t *testing.T, dir string, n int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDirVariable+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		ids = append(ids, lines.Text())
		if len(ids) == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || len(ids) < n {
		t.Fatalf("process ended by itself after %d events: %v", len(ids), err)
	}
	if last := ids[len(ids)-1]; len(last) < 36 { // a line cut by the kill
		ids = ids[:len(ids)-1]
	}
	return ids
}
