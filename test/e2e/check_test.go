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
	if diff := diffLogs(t, want, got); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(modelStats(records), s.Stats()); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
	return ids
}

// diffLogs compares lines of the export with the model's, which it completes.
func diffLogs(t *testing.T, want, got map[string]object) string {
	t.Helper()
	hashes := meanings{}
	for name, line := range got {
		if want[name] != nil {
			hashes.settle(t, want[name], line)
		}
	}
	return cmp.Diff(want, got)
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
	fates, hashes := modelFates(records), meanings{}
	heardOf := maps.Clone(logs) // and of logs that the export leaves out
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
		checkMessage(t, m, s, hashes)
		checkLogOf(t, m.payload, s.log(), s.status(), fates, heardOf)
		if original := child(m.payload, "original"); original != nil {
			checkOriginal(t, original, s, fates, heardOf)
		}
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

func checkMessage(t *testing.T, m announcement, s said, hashes meanings) {
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
	if original := child(got, "original"); original != nil {
		original = maps.Clone(original)
		delete(original, "log_id")
		delete(original, "status")
		got["original"] = map[string]any(original)
	}
	want := modelAnnouncement(s)
	hashes.settle(t, want, got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
}

// checkLogOf holds the log that an event names against the others that speak of
// it and the export, and its status between what the event alone says and how
// the message ended.
func checkLogOf(t *testing.T, named object, log, status string, fates map[string]fate, ids map[string]string) {
	t.Helper()
	if log == "" {
		if named["log_id"] != nil || named["status"] != nil {
			t.Errorf("an event that speaks of no log names one: %v", named)
		}
		return
	}
	if ids[log] == "" {
		ids[log] = named.text("log_id")
	}
	if named["log_id"] != ids[log] || ids[log] == "" {
		t.Errorf("log_id %v of %s, want that of the export and of others, %s", named["log_id"], log, ids[log])
	}
	last := fates[log].decider().decided
	for _, rank := range ranksShown(named.text("status")) {
		if rank >= ranks[status] && rank <= ranks[last] {
			return
		}
	}
	t.Errorf("status %v of %s, want one from %s to %s", named["status"], log, status, last)
}

// checkOriginal holds the log of the message that a report is tied to. A report
// that came first names none.
func checkOriginal(t *testing.T, original object, s said, fates map[string]fate, ids map[string]string) {
	t.Helper()
	log := ""
	if about := s.tie(); about != nil && len(about.recipients) > 0 && !s.isNoComplaint() {
		log = logName(about.id, about.recipients[0])
	}
	if log != "" && original["log_id"] == nil && original["status"] == nil {
		return
	}
	if log != "" && !fates[log].isKnown() {
		t.Errorf("a report names a log that is not known: %v", original)
	}
	checkLogOf(t, original, log, s.status(), fates, ids)
}

// checkMeanings holds what failures of logs mean against the announcements of
// the events that decided.
func checkMeanings(t *testing.T, s *Service, messages []announcement, records []object) {
	t.Helper()
	announced := map[string]object{}
	for _, m := range messages {
		announced[eventKey(m.payload)] = m.payload
	}
	fates := modelFates(records)
	for _, line := range s.Export() {
		decider := fates[line.text("message_id")+" "+line.text("recipient")].decider()
		payload := announced[eventKey(modelAnnouncement(decider.said))]
		for _, name := range append(verdictFields, "response_hash") {
			if line[name] != payload[name] {
				t.Errorf("%s of a log is %v, of the event that decided %v: %v", name, line[name], payload[name], line)
			}
		}
	}
}

// checkWholly checks all that can be seen of records that were posted, also
// after a stop and a new start, and returns the ids of events and logs.
func checkWholly(t *testing.T, s *Service, records []object) (events, logs map[string]string) {
	t.Helper()
	logs = checkStored(t, s, records)
	s.Announced(len(spread(records)))
	messages := s.AnnouncedInAll()
	events = checkAnnounced(t, messages, records, logs)
	checkMeanings(t, s, messages, records)
	if diff := cmp.Diff(logs, checkStored(t, s, records)); diff != "" {
		t.Errorf("log ids after a new start (-before +after):\n%s", diff)
	}
	return events, logs
}

func lines(text string) []string { return strings.Split(strings.TrimSpace(text), "\n") }
