package apiclient_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

const streamType = "text/event-stream"

func events(body string) answer { return answer{status: 200, kind: streamType, body: body} }

// heard is what a script's stream tells until its error.
func (s *script) heard(lastID string, retry apiclient.Retry) (told []string, err error) {
	for h, err := range s.client(retry).Stream(s.t.Context(), apiclient.StreamFilter{}, lastID) {
		if err != nil {
			return told, err
		}
		told = append(told, fmt.Sprintf("%s %s %s", h.ID, h.Type, h.Data))
	}
	return told, nil
}

// resumed are the places from which it was asked to go on.
func (s *script) resumed() (ids []string) {
	for _, r := range s.asked {
		ids = append(ids, r.Header.Get("Last-Event-ID"))
	}
	return ids
}

func TestStreamGoesOnWhereItBroke(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{t: t, answers: []answer{
			events("retry: 2000\n: listening\nid: 4\n\nid: 5\nevent: bounce\ndata: {\"a\":\ndata: 1}\n\nid: 6\nevent: oob\ndata: lost\n"),
			events(": a comment\r\nid:9\r\n\r\n"), // no event, but a place
			{},                                    // no connection
			{status: 503, retryAfter: "4"},
			events("id: 12\nevent: reset\ndata: {}\n\nevent: end\ndata: {\"reason\":\"stopping\"}\n\n"),
			{status: 401, kind: "application/problem+json", body: `{"status":401,"detail":"Send a key."}`},
		}}
		start := time.Now()
		told, err := s.heard("3", apiclient.Retry{MaxWait: time.Minute})
		var p *apiclient.Problem
		if !errors.As(err, &p) || p.Status != http.StatusUnauthorized {
			t.Errorf("ended with %v", err)
		}
		if diff := cmp.Diff([]string{"5 bounce {\"a\":\n1}", "12 reset {}", `12 end {"reason":"stopping"}`}, told); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		if diff := cmp.Diff([]string{"3", "5", "9", "9", "9", "12"}, s.resumed()); diff != "" {
			t.Errorf("resumed -want +got\n%s", diff)
		}
		if took, want := time.Since(start), (2+2+1+4+2)*time.Second; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestStreamEndsWhereItCannotGoOn(t *testing.T) {
	for name, test := range map[string]struct {
		answers  []answer
		requests int
	}{
		"no connection":       {[]answer{{}}, 3},
		"never available":     {[]answer{{status: 502}}, 3},
		"asked to wait ages":  {[]answer{{status: 503, retryAfter: "3600"}}, 1},
		"no stream":           {[]answer{{status: 200, kind: "text/html", body: "<html>"}}, 1},
		"counted from anew":   {[]answer{{}, {}, events(""), {}, {}, events(""), {}}, 9},
		"another than wanted": {[]answer{{status: 400}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{t: t, answers: test.answers}
				if told, err := s.heard("", apiclient.Retry{Attempts: 3, MaxWait: time.Minute}); err == nil || len(told) > 0 || len(s.asked) != test.requests {
					t.Errorf("told %v, then %v, after %d requests, want %d", told, err, len(s.asked), test.requests)
				}
			})
		})
	}
}

// silent is a connection on which nothing comes.
func silent(ctx context.Context) io.Reader {
	in, out := io.Pipe()
	context.AfterFunc(ctx, func() { _ = out.CloseWithError(context.Cause(ctx)) })
	return in
}

// mute answers with events and then is silent, and refuses the second time.
type mute struct{ asked []string }

func (m *mute) RoundTrip(r *http.Request) (*http.Response, error) {
	m.asked = append(m.asked, r.Header.Get("Last-Event-ID"))
	s := &script{answers: []answer{{status: 200, kind: streamType, body: "id: 7\n\n", then: silent}}}
	if len(m.asked) > 1 {
		s.answers[0] = answer{status: http.StatusForbidden}
	}
	return s.RoundTrip(r)
}

func TestASilentConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mute{}
		c := newClient(t, "http://service.example", apiclient.Options{HTTPClient: &http.Client{Transport: m}})
		var p *apiclient.Problem
		if err := lastError(c.Stream(t.Context(), apiclient.StreamFilter{}, "")); !errors.As(err, &p) {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff([]string{"", "7"}, m.asked); diff != "" {
			t.Errorf("resumed -want +got\n%s", diff)
		}
	})
}

// Neither a sign of life every 15 s nor the time that is taken over an event is
// silence.
func TestAConnectionThatLivesIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lively := func(ctx context.Context) io.Reader {
			in, out := io.Pipe()
			context.AfterFunc(ctx, func() { _ = out.CloseWithError(context.Cause(ctx)) })
			go func() {
				for range 40 {
					<-time.After(15 * time.Second)
					_, _ = io.WriteString(out, ": still listening\nid: 3\n\n")
				}
				_, _ = io.WriteString(out, "id: 4\nevent: oob\ndata: {}\n\n")
				_, _ = io.WriteString(out, "id: 5\nevent: oob\ndata: {}\n\n")
			}()
			return in
		}
		s := &script{t: t, answers: []answer{{status: 200, kind: streamType, then: lively}, {status: 400}}}
		var told []string
		for h, err := range s.client(apiclient.Retry{}).Stream(t.Context(), apiclient.StreamFilter{}, "") {
			if err != nil {
				t.Fatal(err)
			}
			if told = append(told, h.ID); len(told) == 2 {
				break
			}
			<-time.After(10 * time.Minute)
		}
		if diff := cmp.Diff([]string{"4", "5"}, told); diff != "" || len(s.asked) != 1 {
			t.Errorf("%d connections, -want +got\n%s", len(s.asked), diff)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := newClient(t, "http://service.example", apiclient.Options{HTTPClient: &http.Client{Transport: &mute{}}})
		if err := lastError(c.Stream(ctx, apiclient.StreamFilter{}, "")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

// What the service tells across lost connections is heard once, in its order.
func TestStreamOfTheServiceIsHeardAcrossLostConnections(t *testing.T) {
	s := startService(t)
	publish := func(n int) {
		e := domain.EmailEvent{ID: domain.EventID{byte(n)}, Type: domain.Bounce, Tenant: "acme"}
		if _, err := s.bus.Publish(t.Context(), []ports.Announced{{Event: &e}}); err != nil {
			t.Error(err)
		}
	}
	publish(1)
	n := 1
	for h, err := range s.Stream(t.Context(), apiclient.StreamFilter{Types: []string{"bounce", "oob"}, Tenant: "acme"}, "0") {
		if err != nil {
			t.Fatal(err)
		}
		a, err := h.Announcement()
		if err != nil || h.ID != fmt.Sprint(n) || h.Type != "bounce" || a.EventID != (domain.EventID{byte(n)}).String() {
			t.Fatalf("got %+v, %v, want event %d", h, err, n)
		}
		if n == 6 {
			break
		}
		if n%2 == 0 {
			s.server.CloseClientConnections()
		}
		n++
		publish(n)
	}
	if _, err := (apiclient.Heard{Data: []byte("no JSON")}).Announcement(); err == nil {
		t.Error("what is no JSON is an announcement")
	}
}
