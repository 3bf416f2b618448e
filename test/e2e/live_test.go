package e2e

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/test/records"
)

const livePath = "/api/kumomta/v1/stream"

// liveEvent is one of the live stream. One without a name is a comment.
type liveEvent struct{ name, id, data string }

// live is a client of the live stream, as a browser is one.
type live struct {
	t    *testing.T
	resp *http.Response
	in   *bufio.Reader
	last string // id
}

// Listen begins to listen, after an event if its id is given, and waits until
// the service does.
func (s *Service) Listen(query, lastID string) *live {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	s.t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL(livePath+query), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	setHeaders(req, []string{"Last-Event-ID", lastID})
	resp, err := plainClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		s.t.Fatalf("live stream: %d, %s", resp.StatusCode, kind)
	}
	l := &live{t: s.t, resp: resp, in: bufio.NewReader(resp.Body)}
	if first := l.next(); first.name != "" {
		s.t.Fatalf("the live stream begins with %+v, want a comment", first)
	}
	return l
}

// next waits for what comes next.
func (l *live) next() liveEvent {
	l.t.Helper()
	var e liveEvent
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the live stream broke after %+v: %v", e, err)
		}
		if line == "\n" {
			break
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "event":
			e.name = value
		case "data":
			e.data += value
		case "id":
			e.id = value
		}
	}
	if e.id != "" {
		l.last = e.id
	}
	return e
}

// events waits for n events and passes over comments.
func (l *live) events(n int) []liveEvent {
	l.t.Helper()
	var all []liveEvent
	for len(all) < n {
		if e := l.next(); e.name != "" {
			all = append(all, e)
		}
	}
	return all
}

// checkLive holds what was heard against what the stream has.
func checkLive(t *testing.T, heard []liveEvent, announced []announcement) {
	t.Helper()
	if len(heard) != len(announced) {
		t.Fatalf("heard %d events, %d were announced", len(heard), len(announced))
	}
	for i, e := range heard {
		a := announced[i]
		want := liveEvent{strings.TrimPrefix(a.subject, "kumomta.event."), strconv.FormatUint(a.sequence, 10), a.raw}
		if e != want {
			t.Errorf("heard %+v, want %+v", e, want)
		}
	}
}

// From first event through a restart to the last, a client that comes back with
// the last id misses nothing and hears nothing twice.
func TestLiveStreamTellsWhatIsPostedAcrossARestart(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		maker := records.NewMaker(1, acceptance, time.Second)
		l := s.Listen("", "")
		s.mustTake(strings.Join(maker.Lines(20), "\n"))
		heard := l.events(20)

		if code := s.Stop(); code != 0 {
			t.Errorf("serve ended with %d", code)
		}
		if e := l.next(); e.name != "end" || !strings.Contains(e.data, `"reason":"stopping"`) {
			t.Errorf("the last event is %+v", e)
		}
		if rest, err := l.in.ReadString('\n'); rest != "" || err == nil {
			t.Errorf("the stream goes on after its end: %q", rest)
		}
		s.Start()
		s.mustTake(strings.Join(maker.Lines(300), "\n"))
		again := s.Listen("", l.last)
		heard = append(heard, again.events(300)...)
		s.mustTake(strings.Join(maker.Lines(5), "\n"))
		heard = append(heard, again.events(5)...)
		checkLive(t, heard, s.Announced(325))
	})
}

func TestLiveStreamFilters(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		lines := records.NewMaker(2, acceptance, time.Second).Lines(60)
		all, some := s.Listen("", ""), s.Listen("?type=delivery,bounce&status=delivered", "")
		s.mustTake(strings.Join(lines, "\n"))
		var want []announcement
		announced := s.Announced(60)
		for _, a := range announced {
			if kind := a.payload.text("type"); (kind == "delivery" || kind == "bounce") && a.payload.text("status") == "delivered" {
				want = append(want, a)
			}
		}
		if len(want) == 0 || len(want) == len(announced) {
			t.Fatalf("%d of %d are to be chosen, so this test shows nothing", len(want), len(announced))
		}
		checkLive(t, all.events(60), announced)
		checkLive(t, some.events(len(want)), want)
	})
}

func TestLiveStreamIsResetWhereItCannotGoOn(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		maker := records.NewMaker(3, acceptance, time.Second)
		s.mustTake(strings.Join(maker.Lines(3), "\n"))
		s.Announced(3)
		l := s.Listen("", "1000000")
		if e := l.next(); e.name != "reset" || e.id != "3" {
			t.Errorf("got %+v, want a reset to 3", e)
		}
		s.mustTake(strings.Join(maker.Lines(1), "\n"))
		if e := l.next(); e.id != "4" {
			t.Errorf("got %+v, want event 4", e)
		}
	})
}
