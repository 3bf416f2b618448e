package e2e

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// checkStored holds the export and the stats against the model of records, which
// must hold no event twice. It returns the ids of the logs.
func checkStored(t *testing.T, s *Service, records []object) map[string]string {
	t.Helper()
	want := modelLogs(records)
	got, ids := map[string]object{}, map[string]string{}
	for _, line := range s.Export() {
		key := line.text("message_id") + " " + line.text("recipient")
		if _, twice := got[key]; twice {
			t.Errorf("the export has %s twice", key)
		}
		ids[key] = line.text("id")
		delete(line, "id")
		got[key] = line
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(modelStats(records), s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	return ids
}

// checkAnnounced holds messages against the model: each event once, on its
// subject, with its payload. logs are the ids of the export. It returns the ids
// of the events by what they say.
func checkAnnounced(t *testing.T, messages []announcement, records []object, logs map[string]string) map[string]string {
	t.Helper()
	want, heard := map[string]said{}, map[string]string{}
	for _, s := range spread(records) {
		want[eventKey(modelAnnouncement(s))] = s
	}
	ids := map[string]bool{}
	final := modelLogs(records)
	for _, m := range messages {
		key := eventKey(m.payload)
		s, known := want[key]
		switch {
		case !known:
			t.Errorf("announced, but never posted: %s", m.raw)
			continue
		case heard[key] != "" || ids[m.id]:
			t.Errorf("announced twice: %s", m.raw)
		}
		heard[key], ids[m.id] = m.id, true
		checkMessage(t, m, s)
		checkLogOf(t, m, s, final[s.log()], logs[s.log()])
	}
	for key := range want {
		if heard[key] == "" {
			t.Errorf("never announced: %s", key)
		}
	}
	return heard
}

// eventKey tells the events of a test apart by what they say.
func eventKey(payload object) string {
	smtp := child(payload, "smtp")
	return fmt.Sprint(payload["type"], payload["record_type"], payload["node_id"], payload["message_id"],
		payload["recipient"], payload["occurred_at"], smtp["code"], smtp["response"])
}

func checkMessage(t *testing.T, m announcement, s said) {
	t.Helper()
	if want := "kumomta.event." + s.kind(); m.subject != want {
		t.Errorf("subject %s, want %s", m.subject, want)
	}
	if id, err := uuid.Parse(m.id); err != nil || id.Version() != 7 || m.payload.text("event_id") != m.id {
		t.Errorf("Nats-Msg-Id %q and event_id %q, want the same UUID v7", m.id, m.payload.text("event_id"))
	}
	if instant(t, m.payload.text("received_at")).IsZero() {
		t.Errorf("no received_at: %s", m.raw)
	}
	got := maps.Clone(m.payload)
	for _, ours := range []string{"event_id", "received_at", "log_id", "status"} {
		if _, there := got[ours]; !there {
			t.Errorf("no %s: %s", ours, m.raw)
		}
		delete(got, ours)
	}
	if diff := cmp.Diff(modelAnnouncement(s), got); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

// checkLogOf holds the log that a message names against the export, and its
// status between what the event alone says and how the message ended.
func checkLogOf(t *testing.T, m announcement, s said, final object, logID string) {
	t.Helper()
	if s.log() == "" {
		if m.payload["log_id"] != nil || m.payload["status"] != nil {
			t.Errorf("an event that speaks of no log names one: %s", m.raw)
		}
		return
	}
	if m.payload["log_id"] != logID {
		t.Errorf("log_id %v, want that of the export, %s", m.payload["log_id"], logID)
	}
	rank, known := ranks[m.payload.text("status")]
	if !known || rank < ranks[s.status()] || rank > ranks[final.text("status")] {
		t.Errorf("status %v, want one from %s to %s", m.payload["status"], s.status(), final["status"])
	}
}

// checkWholly checks all that can be seen of records that were posted, also
// after a stop and a new start, and returns the ids of events and logs.
func checkWholly(t *testing.T, s *Service, records []object) (events, logs map[string]string) {
	t.Helper()
	logs = checkStored(t, s, records)
	s.Announced(len(spread(records)))
	events = checkAnnounced(t, s.AnnouncedInAll(), records, logs)
	if diff := cmp.Diff(logs, checkStored(t, s, records)); diff != "" {
		t.Errorf("log ids after a new start (-before +after):\n%s", diff)
	}
	return events, logs
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
