//go:build !embedded

package e2e

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/records"
)

// startTwo starts two instances on the same servers at the same moment, before
// there is a schema.
func startTwo(t *testing.T) (a, b *Service) {
	t.Helper()
	shared := onServers(t)
	a, b = newService(t, shared...), newService(t, shared...)
	a.launch()
	b.launch()
	a.awaitReady()
	b.awaitReady()
	return a, b
}

// postToBoth has two clients of each instance post all bodies.
func postToBoth(clients *senders, a, b *Service, bodies []string) {
	for n := range uint64(2) {
		clients.send(a, 2*n, bodies)
		clients.send(b, 2*n+1, bodies)
	}
}

func TestTwoInstancesKeepAndAnnounceEverythingOnce(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t)
	made := records.NewMaker(21, acceptance, time.Second).Lines(3000)
	var clients senders
	postToBoth(&clients, a, b, bodiesOf(made, 20))
	clients.Wait()
	if diff := cmp.Diff(checkStored(t, a, parseRecords(t, made)), checkStored(t, b, parseRecords(t, made))); diff != "" {
		t.Errorf("log ids (-one instance +other):\n%s", diff)
	}
	if code := b.Stop(); code != 0 {
		t.Errorf("an instance ended with %d", code)
	}
	checkWholly(t, a, parseRecords(t, made))
}

// What the killed instance was about to announce is announced by the other when
// its hold is over.
func TestKillsOfOneInstanceLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t)
	made := records.NewMaker(22, acceptance, time.Second).Lines(3000)
	var clients senders
	postToBoth(&clients, a, b, bodiesOf(made, 20))
	for _, answers := range []int64{20, 80, 160, 260, 380} {
		eventually(t, "clients are answered", func() bool { return clients.answered.Load() >= answers })
		b.Kill()
		b.Start()
	}
	clients.Wait()
	b.Kill()
	checkWholly(t, a, parseRecords(t, made))
}

// Each record goes to the instance that was asked before, so that one of them
// has just kept an answer that the other makes out of date.
func TestALookupShowsAtOnceWhatAnotherInstanceTook(t *testing.T) {
	t.Parallel()
	a, b := startTwo(t)
	maker := records.NewMaker(23, acceptance, time.Second)
	for range 25 {
		lines := maker.Message()
		for n := range lines {
			a.mustTake(lines[n])
			known := parseRecords(t, lines[:n+1])
			checkLookups(t, b, known)
			checkLookups(t, a, known)
			a, b = b, a
		}
	}
}

// checkLookups holds the answers to all ids of a message against the model.
func checkLookups(t *testing.T, s *Service, known []object) {
	t.Helper()
	var want object
	for _, log := range modelLogs(known) {
		want = log
	}
	id := ""
	for _, name := range []string{"message_id", "application_id", "id"} {
		asked := want.text(name)
		if name == "id" {
			asked = id
		}
		if asked == "" {
			continue // the message has no such id
		}
		got := s.Lookup(asked)
		timeline, _ := got["timeline"].([]any)
		if len(timeline) != len(known) {
			t.Errorf("by %s: a timeline of %d events, want %d", name, len(timeline), len(known))
		}
		if transfers, _ := got["transfers"].([]any); len(transfers) > 0 || got["registration"] != nil {
			t.Errorf("by %s: transfers %v, registration %v of a message with neither", name, transfers, got["registration"])
		}
		id = got.text("id")
		for _, beside := range []string{"id", "timeline", "transfers", "registration"} {
			delete(got, beside)
		}
		meanings{}.settle(t, want, got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", name, diff)
		}
	}
}

// The records of the first came with the same ids as those of the second.
func TestTwoSchemasShareTheirServersAndNothingElse(t *testing.T) {
	t.Parallel()
	text, cache := rec(""), onRedis(t)
	first := startService(t, append(onPostgres(t), cache, startBus(t).Setting())...)
	second := startService(t, append(onPostgres(t), cache, startBus(t).Setting())...)
	id := parseObject(t, text).text("id")
	first.mustTake(text)
	first.Lookup(id)
	first.Lookup(id) // from the cache
	if code, body := second.Get("/api/kumomta/v1/logs/" + id); code != http.StatusNotFound {
		t.Errorf("a log of another schema: %d %s", code, body)
	}
	second.mustTake(rec(delivery))
	for s, status := range map[*Service]string{first: "pending", second: "delivered"} {
		for range 2 {
			if got := s.Lookup(id).text("status"); got != status {
				t.Errorf("status %s, want %s", got, status)
			}
		}
	}
}

func TestInstancesOnServersNeedNoDataDir(t *testing.T) {
	t.Parallel()
	shared := onServers(t)
	a := newService(t, shared...)
	b := newService(t, append(shared, "DATA_DIR="+a.data)...)
	a.Start()
	b.Start()
	text := lines(sample(t, "modern.jsonl"))
	a.mustTake(strings.Join(text[:16], "\n"))
	b.mustTake(strings.Join(text[16:], "\n"))
	if code := b.Stop(); code != 0 {
		t.Errorf("an instance ended with %d", code)
	}
	checkWholly(t, a, parseRecords(t, text))
	if _, err := os.Stat(a.data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is in DATA_DIR: %v", err)
	}
}

// The stream is in DATA_DIR there.
func TestASecondServeWithTheSameEmbeddedBusIsRefused(t *testing.T) {
	t.Parallel()
	store := onPostgres(t)
	s := startService(t, store...)
	second := newService(t, append(store, "DATA_DIR="+s.data)...)
	r := second.Run("serve")
	if r.code != 1 || !strings.Contains(r.stderr, "another serve works on this DATA_DIR") {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	checkWholly(t, s, parseRecords(t, lines(text)))
}
