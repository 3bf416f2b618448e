//go:build !embedded

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/records"
	"github.com/kumotrail/kumotrail/test/servers"
)

// checkRefused posts and reads while the store is away: the answer is 503, and
// the sender is told to come again.
func checkRefused(t *testing.T, s *Service, body string) {
	t.Helper()
	r := s.Post(body)
	checkProblem(t, r, http.StatusServiceUnavailable)
	if r.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	for _, path := range []string{export + "?from=2020-01-01T00:00:00Z", stats, "/api/kumomta/v1/logs/10d1b680884d11f19001782d7e12e173"} {
		if code, body := s.Get(path); code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d %s, want 503", path, code, body)
		}
	}
	if code, body := s.Get("/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d %s, want 200", code, body)
	}
	checkReady(t, s, http.StatusServiceUnavailable, "unavailable", "store")
}

func TestServeWaitsForItsStoreAndRefusesUntilThen(t *testing.T) {
	t.Parallel()
	server := servers.OwnPostgres(t)
	server.Stop(t)
	s := newService(t, "PG_URL="+server.URL(), onRedis(t), startBus(t).Setting())
	s.launch()
	eventually(t, "serve listens", func() bool {
		resp, err := http.Get(s.URL("/healthz"))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	text := sample(t, "modern.jsonl")
	checkRefused(t, s, text)
	checkRefused(t, s, lines(text)[0])
	server.Start(t)
	s.awaitReady()
	if got := s.mustTake(text).counts(); got != (counts{Received: 32, Stored: 32}) {
		t.Errorf("counts %+v, want all new", got)
	}
	checkReady(t, s, http.StatusOK, "ready")
	checkWholly(t, s, parseRecords(t, lines(text)))
}

// Each body is sent by two clients, so that the crashes also meet duplicates.
func TestCrashesOfTheStoreLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	server := servers.OwnPostgres(t)
	s := startService(t, "PG_URL="+server.URL(), onRedis(t), startBus(t).Setting())
	made := records.NewMaker(31, acceptance, time.Second).Lines(4000)
	bodies := bodiesOf(made, 20)
	var clients senders
	for n := range uint64(4) {
		clients.send(s, n, bodies[:len(bodies)-1])
	}
	for _, answers := range []int64{30, 200, 450} {
		eventually(t, "clients are answered", func() bool { return clients.answered.Load() >= answers })
		server.Stop(t)
		checkRefused(t, s, bodies[len(bodies)-1])
		server.Start(t)
		s.awaitReady()
	}
	clients.Wait()
	if r := s.mustTake(bodies[len(bodies)-1]); r.Duplicates != 0 {
		t.Errorf("%d records are stored that were refused: %s", r.Duplicates, r.body)
	}
	checkWholly(t, s, parseRecords(t, made))
	if left := s.Quarantine(); len(left) > 0 {
		t.Errorf("good records in quarantine: %v", left)
	}
}

// One client posts body by body, so that the order of commit is known. Before
// the bus is missed some announcements wait in memory.
func TestEventsWaitForTheBusInOrderOfCommit(t *testing.T) {
	t.Parallel()
	b := newBus(t)
	s := startService(t, append(onStoreAndCache(t), b.Setting())...)
	checkReady(t, s, http.StatusOK, "degraded", "bus")
	made := records.NewMaker(32, acceptance, time.Second).Lines(900)
	bodies := bodiesOf(made, 10)
	post := func(from, to int) {
		for _, body := range bodies[from:to] {
			s.mustTake(body)
		}
	}
	// What is committed while the relay looks into the outbox may be overtaken by the
	// next: so it has looked, and found the bus missing, before others follow.
	post(0, 1)
	eventually(t, "the bus is missed", func() bool { return strings.Contains(s.log.String(), "could not be announced") })
	post(1, 30)
	if n := s.countRows("outbox"); n != 30 {
		t.Errorf("%d units wait in the outbox, want 30", n)
	}
	b.Start()
	s.Announced(300)
	s.awaitStatus("ready")
	post(30, 31)
	s.Announced(310)
	post(31, 50)
	b.Stop()
	post(50, 70)
	checkReady(t, s, http.StatusOK, "degraded", "bus")
	if n := s.countRows("outbox"); n < 20 {
		t.Errorf("%d units wait in the outbox, want 20 at least", n)
	}
	b.Start()
	post(70, 90)
	checkOrder(t, s.Announced(900), parseRecords(t, made))
	eventually(t, "the outbox is empty", func() bool { return s.countRows("outbox") == 0 })
	checkWholly(t, s, parseRecords(t, made))
}

// checkOrder holds the order of messages against that of the records.
func checkOrder(t *testing.T, messages []announcement, records []object) {
	t.Helper()
	var want, got []string
	for _, s := range spread(records) {
		want = append(want, eventKey(modelAnnouncement(s)))
	}
	for _, m := range messages {
		got = append(got, eventKey(m.payload))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-committed +announced):\n%s", diff)
	}
}
