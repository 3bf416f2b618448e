package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
)

// Two messages to one mailbox, an hour apart, and what came back that names
// neither.
func TestReportsThatNameNoMessageAreShownByLikeness(t *testing.T) {
	t.Parallel()
	message := func(n, minute int, recipient string) string {
		when := fmt.Sprintf(`"id":%q,"recipient":%q,"event_time":"2026-07-25T%02d:%02d:00Z","timestamp":%d`,
			messageID(n), recipient, 17+minute/60, minute%60, 1785000000-20*60+minute*60)
		return rec(`"type":"Delivery","delivery_protocol":"ESMTP",` + answer(250, "2.0.0", "queued") + "," + when)
	}
	// The late bounce came at 18:24, by its id, and the complaint a day later.
	records := []string{
		message(0, 20, "Frank@example.org"), message(1, 80, "frank@example.org"), message(2, 90, "frank@example.org"),
		message(3, 81, "other@example.org"),
		oob(0, "bounce@EXAMPLE.com", `"recipient":"FRANK@example.org"`),
		feedback(1, `"original_mail_from":"<from@example.com>","original_rcpto_to":["frank@example.org"]`, ""),
		feedback(2, `"original_mail_from":"<from@example.com>","original_rcpto_to":["redacted@example.org"]`, ""),
	}
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		for i := range records { // reports first
			s.mustTake(records[len(records)-1-i])
		}
		c := s.Client()
		for n, want := range []string{"", "oob", "feedback", ""} {
			if got := likelyOf(t, c, n); got != want {
				t.Errorf("message %d has reports %q, want %q", n, got, want)
			}
		}
		about := map[string]string{}
		for _, listed := range gather(t, c.Events(t.Context(), apiclient.EventFilter{})) {
			e, err := c.Event(t.Context(), listed.EventID)
			if err != nil {
				t.Fatal(err)
			}
			if e.Original != nil {
				about[e.MessageID] = fmt.Sprint(*e.Original)
			}
			if listed.TiedBy != "" {
				t.Errorf("a %s is tied in the list by %s", listed.Type, listed.TiedBy)
			}
		}
		for id, want := range map[string]string{
			reportID(0): "{" + messageID(1) + " [frank@example.org] likeness likely}",
			reportID(1): "{" + messageID(2) + " [frank@example.org] likeness likely}", reportID(2): "",
		} {
			if about[id] != want {
				t.Errorf("report %s is about %q, want %q", id, about[id], want)
			}
		}
	})
}

// likelyOf returns the types of the reports that are likely about the nth
// message, which stays delivered.
func likelyOf(t *testing.T, c *apiclient.Client, n int) string {
	t.Helper()
	story, err := c.Log(t.Context(), messageID(n))
	if err != nil || story.Status != "delivered" {
		t.Fatalf("message %d: status %q, %v", n, story.Status, err)
	}
	var types []string
	for _, e := range story.Timeline {
		if o := e.Original; o != nil && o.TiedBy == "likeness" && o.Confidence == "likely" {
			types = append(types, e.Type)
		}
	}
	return strings.Join(types, " ")
}

// The message is told by its signed return path, and its recipient in another
// case: the report is in its story, and gives it no status.
func TestReportOnARecipientInAnotherCaseIsInTheStory(t *testing.T) {
	t.Parallel()
	s := startService(t)
	own := `"id":"` + messageID(0) + `","recipient":"Frank@example.org"`
	s.mustTake(rec(own) + "\n" + rec(delivery+","+own))
	s.mustTake(oob(0, returnPath(messageID(0)), `"recipient":"frank@example.org"`))
	story, err := s.Client().Log(t.Context(), messageID(0))
	if err != nil {
		t.Fatal(err)
	}
	last := story.Timeline[len(story.Timeline)-1]
	if story.Status != "delivered" || len(story.Timeline) != 3 || last.Original == nil || last.Original.TiedBy != "verp" {
		t.Errorf("status %s, %d events, the last a %s about %v", story.Status, len(story.Timeline), last.Type, last.Original)
	}
}
