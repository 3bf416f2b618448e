package e2e

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/test/records"
)

// post posts lines by the client, of which each must be stored.
func post(t *testing.T, c *apiclient.Client, lines []string) {
	t.Helper()
	raw := make([]json.RawMessage, len(lines))
	for i, line := range lines {
		raw[i] = json.RawMessage(line)
	}
	if r, err := c.Post(t.Context(), raw...); err != nil || r.Stored != len(lines) {
		t.Fatalf("post %d records: %+v, %v", len(lines), r, err)
	}
}

func TestClientFindsWhatItPosts(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		c := s.Client()
		post(t, c, records.NewMaker(5, acceptance, time.Second).Lines(120))
		if r, err := c.Ready(t.Context()); err != nil || r.Status != "ready" {
			t.Errorf("got %+v, %v", r, err)
		}
		listed := gather(t, c.Logs(t.Context(), apiclient.LogFilter{PageSize: 7}))
		if len(listed) == 0 {
			t.Fatal("there are no logs")
		}
		if diff := cmp.Diff(listed, gather(t, c.Export(t.Context(), everything))); diff != "" {
			t.Errorf("(-list +export):\n%s", diff)
		}
		for _, l := range listed {
			story, err := c.Log(t.Context(), l.ID)
			if diff := cmp.Diff(l, story.Log); err != nil || diff != "" || len(story.Timeline) == 0 {
				t.Errorf("log %s: %v, %d events (-listed +single):\n%s", l.ID, err, len(story.Timeline), diff)
			}
		}
		for _, listed := range gather(t, c.Events(t.Context(), apiclient.EventFilter{PageSize: 50})) {
			e, err := c.Event(t.Context(), listed.EventID)
			if err != nil || e.Type != listed.Type || e.Recipient != listed.Recipient || !json.Valid([]byte(e.Raw)) {
				t.Errorf("event %+v: got %+v, %v", listed, e, err)
			}
		}
	})
}

func gather[T any](t *testing.T, items func(func(T, error) bool)) []T {
	t.Helper()
	var all []T
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

// A client that listens all the time hears the end of a service that stops, and
// goes on with the next without a loss.
func TestClientHearsAllAcrossARestart(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		c, maker := s.clientWith(apiclient.Retry{}), records.NewMaker(6, acceptance, time.Second)
		post(t, c, maker.Lines(60))
		announced := s.Announced(60)
		next, ends := 0, 0
		for h, err := range c.Stream(t.Context(), apiclient.StreamFilter{}, "0") {
			if err != nil {
				t.Fatal(err)
			}
			if h.Type == apiclient.End {
				ends++
				continue
			}
			if want := announced[next].raw; string(h.Data) != want {
				t.Fatalf("heard %s, want %s", h.Data, want)
			}
			checkTyped(t, h.Data)
			next++
			if next == 70 {
				break
			}
			if next == 60 {
				if code := s.Stop(); code != 0 {
					t.Errorf("serve ended with %d", code)
				}
				s.Start()
				post(t, c, maker.Lines(10))
				announced = s.Announced(70)
			}
		}
		if ends != 1 {
			t.Errorf("heard %d ends, want 1", ends)
		}
	})
}

// checkTyped wants a payload to have no field that the client does not know.
func checkTyped(t *testing.T, payload []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	var a apiclient.Announcement
	if err := d.Decode(&a); err != nil || a.EventID == "" {
		t.Errorf("%s: %v", payload, err)
	}
}
