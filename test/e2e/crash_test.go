package e2e

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

// acceptance is when the messages that tests make up begin to be accepted.
var acceptance = time.Date(2026, 7, 25, 9, 0, 0, 0, time.UTC)

// senders post bodies, each until it is answered with 200, as KumoMTA does.
type senders struct {
	sync.WaitGroup
	answered atomic.Int64
}

// send posts all bodies in an order of its own.
func (w *senders) send(s *Service, seed uint64, bodies []string) {
	w.Go(func() {
		retry := time.NewTicker(2 * time.Millisecond)
		defer retry.Stop()
		for _, i := range rand.New(rand.NewPCG(seed, 9)).Perm(len(bodies)) {
			for {
				r, err := s.tryPost(webhook, strings.NewReader(bodies[i]))
				if err == nil && r.code == http.StatusOK {
					break
				}
				select {
				case <-retry.C:
				case <-s.t.Context().Done():
					return
				}
			}
			w.answered.Add(1)
		}
	})
}

func bodiesOf(lines []string, size int) []string {
	var bodies []string
	for ; len(lines) > size; lines = lines[size:] {
		bodies = append(bodies, records.Array(lines[:size]))
	}
	return append(bodies, strings.Join(lines, "\n"))
}

// Each body is sent by two clients, so that the kills also meet duplicates.
func TestKillsWhilePostingLoseNothingAndDoubleNothing(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(1, acceptance, time.Second).Lines(4000)
	bodies := bodiesOf(made, 20)
	half := len(bodies) / 2
	var clients senders
	for n := range uint64(4) {
		mine := bodies[:half]
		if n >= 2 {
			mine = bodies[half:]
		}
		clients.send(s, n, mine)
	}
	for _, answers := range []int64{1, 20, 50, 90, 140, 200, 270, 350} {
		eventually(t, "clients are answered", func() bool { return clients.answered.Load() >= answers })
		s.Kill()
		s.Start()
	}
	clients.Wait()
	checkWholly(t, s, parseRecords(t, made))
	if left := s.Quarantine(); len(left) > 0 {
		t.Errorf("good records in quarantine: %v", left)
	}
}

// The bus is away, so that nothing of what was committed can be announced before
// the kill.
func TestCommittedBeforeAKillIsAnnouncedAfterTheStart(t *testing.T) {
	t.Parallel()
	s := newService(t)
	listen := s.env["NATS_LISTEN"]
	s.set("NATS_URL=nats://" + listen) // where nobody is yet
	s.Start()
	if code, body := s.Get("/readyz"); code != http.StatusOK || !strings.Contains(body, `"degraded"`) {
		t.Errorf("readyz without a bus: %d %s, want 200 and degraded", code, body)
	}
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	s.Kill()
	s.set("NATS_URL")
	s.Start()
	checkWholly(t, s, parseRecords(t, lines(text)))
}

// A kill between the answer and the publishing, as far as there is anything
// between them.
func TestKillRightAfterAnAnswerLosesNoAnnouncement(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(2, acceptance, time.Second).Lines(3000)
	for i := range 3 {
		s.mustTake(records.Array(made[i*1000 : (i+1)*1000]))
		s.Kill()
		s.Start()
	}
	checkWholly(t, s, parseRecords(t, made))
}

func TestExportIsWholeWhilePostingGoesOn(t *testing.T) {
	t.Parallel()
	s := startService(t)
	made := records.NewMaker(4, acceptance, time.Second).Lines(6000)
	var clients senders
	bodies := bodiesOf(made, 30)
	clients.send(s, 1, bodies[:len(bodies)/2])
	clients.send(s, 2, bodies[len(bodies)/2:])
	seen := map[string]bool{}
	for clients.answered.Load() < int64(len(bodies)) {
		got := map[string]bool{}
		for _, l := range s.Export() {
			got[l.text("id")] = true
		}
		for id := range seen {
			if !got[id] {
				t.Fatalf("log %s was in an export and is not in the next", id)
			}
		}
		seen = got
	}
	clients.Wait()
	checkWholly(t, s, parseRecords(t, made))
}
