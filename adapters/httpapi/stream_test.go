package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// pipes is a network of this process alone, whose deadlines are those of a
// bubble.
type pipes struct {
	accepted chan net.Conn
	closed   chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p.accepted <- there
	return here, nil
}

// liveServer is a server of a live stream.
type liveServer struct {
	t      *testing.T
	bus    *memory.Bus
	stream *application.Stream
	server *http.Server
	net    pipes
	client *http.Client
	sent   int
}

// withLiveServer tells a story in a time of its own.
func withLiveServer(t *testing.T, config application.StreamConfig, tell func(*liveServer)) {
	synctest.Test(t, func(t *testing.T) {
		s := &liveServer{t: t, bus: memory.NewBus(), net: pipes{make(chan net.Conn), make(chan struct{})}}
		log := slog.New(slog.DiscardHandler)
		s.stream = application.NewStream(s.bus, log, config)
		handler := httpapi.New(httpapi.Config{Open: true}, httpapi.Parts{Stream: s.stream, Log: log})
		s.server = httpapi.NewServer(handler, log)
		s.server.RegisterOnShutdown(s.stream.Stop)
		served := make(chan error)
		go func() { served <- s.server.Serve(s.net) }()
		transport := &http.Transport{DialContext: s.net.dial}
		s.client = &http.Client{Transport: transport}
		tell(s)
		if err := s.server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		s.stream.Close()
		transport.CloseIdleConnections()
	})
}

// publish announces bounces of tenants, and lets them come.
func (s *liveServer) publish(tenants ...string) {
	for _, tenant := range tenants {
		s.sent++
		e := domain.EmailEvent{ID: domain.EventID{byte(s.sent)}, Type: domain.Bounce, Tenant: tenant}
		if _, err := s.bus.Publish(context.Background(), []ports.Announced{{Event: &e}}); err != nil {
			s.t.Error(err)
		}
	}
	s.pass(time.Second)
}

func (s *liveServer) pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // in a bubble of synctest no one waits
	synctest.Wait()
}

func (s *liveServer) get(query, lastID string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://localhost/api/kumomta/v1/stream"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp
}

// sse is an event as a client sees it; one without a name is a comment.
type sse struct{ name, id, data string }

// ear reads the events of an answer.
type ear struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
}

func (s *liveServer) listen(query, lastID string) *ear {
	s.t.Helper()
	resp := s.get(query, lastID) //nolint:bodyclose // the ear's own to close
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(resp.Body)
		s.t.Fatalf("%d %s", resp.StatusCode, text)
	}
	return &ear{s.t, resp, bufio.NewReader(resp.Body)}
}

// next waits for the next event or comment.
func (e *ear) next() sse {
	e.t.Helper()
	var event sse
	for {
		line, err := e.in.ReadString('\n')
		if err != nil {
			e.t.Fatalf("after %q: %v", line, err)
		}
		if line == "\n" {
			return event
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			event.id = value
		case "event":
			event.name = value
		case "data":
			event.data += value
		}
	}
}

// names hears n events and returns their ids and names.
func (e *ear) names(n int) []string {
	e.t.Helper()
	var all []string
	for range n {
		event := e.next()
		all = append(all, strings.TrimSpace(event.id+" "+event.name))
	}
	return all
}

func (e *ear) want(events ...string) {
	e.t.Helper()
	if diff := cmp.Diff(events, e.names(len(events))); diff != "" {
		e.t.Errorf("events (-want +got):\n%s", diff)
	}
}

// wantEnd wants the answer to be over.
func (e *ear) wantEnd() {
	e.t.Helper()
	if rest, err := io.ReadAll(e.in); err != nil || len(rest) > 0 {
		e.t.Errorf("after the last event: %q, %v", rest, err)
	}
}

func (e *ear) close() { _ = e.resp.Body.Close() }

func TestStreamTellsEventsAsTheyCome(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		e := s.listen("?tenant=acme&type=bounce,oob", "")
		defer e.close()
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
		} {
			if got := e.resp.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		e.want("0")
		s.publish("acme", "other", "acme")
		e.want("1 bounce")
		event := e.next()
		if event.id != "3" || event.name != "bounce" || !strings.Contains(event.data, `"tenant":"acme"`) {
			t.Errorf("got %+v", event)
		}
		s.publish("other")
		s.pass(20 * time.Second)
		e.want("4") // a comment with its place
	})
}

func TestStreamResumesAfterLastEventID(t *testing.T) {
	withLiveServer(t, application.StreamConfig{Messages: 2}, func(s *liveServer) {
		s.publish("a", "a", "a", "a", "a")
		e := s.listen("", "2")
		defer e.close()
		e.want("2", "3 bounce", "4 bounce", "5 bounce")
		s.publish("a")
		e.want("6 bounce")
	})
}

func TestStreamResetsWhoCannotResume(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		s.publish("a", "a", "a", "a")
		s.bus.Drop(3)
		for _, id := range []string{"1", "5", "9999999999999999999"} {
			e := s.listen("", id)
			e.want("", "4 reset")
			e.close()
		}
	})
}

// The server's time limit of a request is not that of its answer.
func TestStreamLastsLongerThanARequestMay(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		e := s.listen("", "")
		defer e.close()
		e.want("0")
		for range 40 {
			s.pass(15 * time.Second)
			e.want("0")
		}
		s.publish("a")
		e.want("1 bounce")
	})
}

func TestAnswerThatNobodyTakesIsGivenUp(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		conn, err := s.net.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET /api/kumomta/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		s.pass(4 * time.Minute)
		if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
			t.Errorf("after 4 minutes %d bytes are answered, %v", len(rest), err)
		}
	})
}

func TestStreamDropsClientThatTakesNothing(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		e := s.listen("", "")
		defer e.close()
		e.want("0")
		s.publish("a")
		s.pass(8 * time.Second)
		if n := s.stream.Listeners(); n != 1 {
			t.Errorf("%d listen after 9 s of a write, want 1", n)
		}
		s.pass(2 * time.Second)
		if n := s.stream.Listeners(); n != 0 {
			t.Errorf("%d listen after 11 s of a write, want none", n)
		}
	})
}

func TestStreamTellsSlowClientThatItIs(t *testing.T) {
	withLiveServer(t, application.StreamConfig{Messages: 4}, func(s *liveServer) {
		e := s.listen("", "")
		defer e.close()
		e.want("0")
		for range 8 {
			s.publish("a")
		}
		e.want("1 bounce", "end")
		e.wantEnd()
	})
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		e := s.listen("", "")
		e.want("0")
		stopped := make(chan error)
		go func() { stopped <- s.server.Shutdown(context.Background()) }()
		if event := e.next(); event.name != "end" || !strings.Contains(event.data, `"reason":"stopping"`) {
			t.Errorf("the last event is %+v", event)
		}
		e.wantEnd()
		e.close()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestStreamForgetsClientsThatLeave(t *testing.T) {
	withLiveServer(t, application.StreamConfig{}, func(s *liveServer) {
		e := s.listen("", "")
		e.want("0")
		e.close()
		synctest.Wait()
		if n := s.stream.Listeners(); n != 0 {
			t.Errorf("%d listen, want none", n)
		}
	})
}

func TestStreamThatCannotBeListenedToIsAProblem(t *testing.T) {
	withLiveServer(t, application.StreamConfig{Listeners: 1}, func(s *liveServer) {
		e := s.listen("", "")
		e.want("0")
		s.wantProblem("", "", http.StatusServiceUnavailable, "As many listen already")
		e.close()
		synctest.Wait()
		s.bus.SetAway(true)
		s.wantProblem("", "", http.StatusServiceUnavailable, "The bus cannot be reached")
		s.stream.Stop()
		s.wantProblem("", "", http.StatusServiceUnavailable, "The service is stopping")
		for query, fault := range map[string]string{
			"?type=bounces": "type", "?cause=x": "cause", "?status=x": "status", "?recipient=": "recipient", "?nothing=1": "nothing",
			"?recipient=*example.com": "recipient", "?recipient=*@": "recipient", "?recipient=*@*@a": "recipient",
			"?recipient=a*@example.com": "recipient",
			// Each of them would be compared with each message, for each listener.
			"?type=" + strings.Repeat("bounce,", 17) + "bounce":    "type must be at most 17",
			"?cause=" + strings.Repeat("sender,", 9) + "sender":    "cause must be at most 9",
			"?status=" + strings.Repeat("bounced,", 7) + "bounced": "status must be at most 7",
		} {
			s.wantProblem(query, "", http.StatusBadRequest, fault)
		}
		for _, id := range []string{"x", "-1", "1.5", "99999999999999999999"} {
			s.wantProblem("", id, http.StatusBadRequest, "Last-Event-ID must be the id of an event")
		}
	})
}

func (s *liveServer) wantProblem(query, lastID string, status int, part string) {
	s.t.Helper()
	resp := s.get(query, lastID)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	what := fmt.Sprintf("%s %q: %d %s", query, lastID, resp.StatusCode, text)
	if err != nil || resp.StatusCode != status || !strings.Contains(string(text), part) {
		s.t.Errorf("%s, %v, want %d that says %s", what, err, status, part)
	}
	if resp.Header.Get("Content-Type") != "application/problem+json" || resp.Header.Get("Cache-Control") == "no-store" {
		s.t.Errorf("%s is sent as %v", what, resp.Header)
	}
	if status == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
		s.t.Errorf("%s says not when to come back", what)
	}
}
