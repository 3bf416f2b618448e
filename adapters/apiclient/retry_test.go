package apiclient_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
)

// script answers requests one after the other, the last answer again and again.
type script struct {
	t       *testing.T
	answers []answer
	asked   []*http.Request
}

// answer is one of a script; its body may go on as a stream does.
type answer struct {
	status     int
	kind, body string
	retryAfter string
	then       func(context.Context) io.Reader
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	a := s.answers[min(len(s.asked), len(s.answers)-1)]
	s.asked = append(s.asked, r)
	if a.status == 0 {
		return nil, errors.New("no connection")
	}
	resp := &http.Response{StatusCode: a.status, Header: http.Header{"Content-Type": {a.kind}}, Request: r}
	if a.status/100 == 3 {
		resp.Header.Set("Location", "http://elsewhere.example")
	}
	if a.retryAfter != "" {
		resp.Header.Set("Retry-After", a.retryAfter)
	}
	body := io.Reader(strings.NewReader(a.body))
	if a.then != nil {
		body = io.MultiReader(body, a.then(r.Context()))
	}
	resp.Body = io.NopCloser(body)
	return resp, nil
}

func (s *script) client(retry apiclient.Retry) *apiclient.Client {
	return newClient(s.t, "http://service.example", apiclient.Options{HTTPClient: &http.Client{Transport: s}, Retry: retry})
}

const jsonType = "application/json"

func TestRefusedRequestsAreSentAgainWhenTheServiceSays(t *testing.T) {
	taken := answer{status: 200, kind: jsonType, body: `{"received":1}`}
	refused := func(status int, after string) answer {
		return answer{status: status, kind: "text/html", retryAfter: after}
	}
	for name, test := range map[string]struct {
		answers  []answer
		retry    apiclient.Retry
		requests int
		took     time.Duration
		status   int // of the problem, 0 for none
	}{
		"after its seconds":      {[]answer{refused(503, "7"), refused(429, "3"), taken}, apiclient.Retry{}, 3, 10 * time.Second, 0},
		"without them slower":    {[]answer{refused(503, ""), refused(503, ""), refused(503, "Sun"), taken}, apiclient.Retry{}, 4, 7 * time.Second, 0},
		"at most so often":       {[]answer{refused(503, "1")}, apiclient.Retry{Attempts: 6}, 6, 5 * time.Second, 503},
		"never again":            {[]answer{refused(429, "1")}, apiclient.Retry{Attempts: 1}, 1, 0, 429},
		"not after too long":     {[]answer{refused(503, "31")}, apiclient.Retry{MaxWait: 30 * time.Second}, 1, 0, 503},
		"not after ages":         {[]answer{refused(503, "9223372036854775807")}, apiclient.Retry{MaxWait: time.Hour}, 1, 0, 503},
		"not what is wrong":      {[]answer{refused(413, "1"), taken}, apiclient.Retry{}, 1, 0, 413},
		"nor what is elsewhere":  {[]answer{refused(302, ""), taken}, apiclient.Retry{}, 1, 0, 302},
		"nor what else may fail": {[]answer{refused(500, ""), taken}, apiclient.Retry{}, 1, 0, 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.retry.MaxWait == 0 {
					test.retry.MaxWait = 30 * time.Second
				}
				s := &script{t: t, answers: test.answers}
				start := time.Now()
				_, err := s.client(test.retry).PostBody(t.Context(), []byte("[]"), "")
				var p *apiclient.Problem
				if errors.As(err, &p); (p == nil) != (test.status == 0) || p != nil && p.Status != test.status {
					t.Errorf("got %v, want status %d", err, test.status)
				}
				if took := time.Since(start); len(s.asked) != test.requests || took != test.took {
					t.Errorf("%d requests in %v, want %d in %v", len(s.asked), took, test.requests, test.took)
				}
				for _, r := range s.asked {
					body, err := io.ReadAll(r.Body)
					if err != nil || string(body) != "[]" || r.Header.Get("X-Kumomta-Key") != "reloop" || r.Header.Get("Authorization") != "" {
						t.Errorf("sent %q with %v, %v", body, r.Header, err)
					}
				}
			})
		})
	}
}

func TestWhatMayBeDoneOnceIsNotSentAgainAfterADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for status, want := range map[int]int{429: 4, 503: 1} {
			s := &script{t: t, answers: []answer{{status: status}}}
			_, err := s.client(apiclient.Retry{}).RetryQuarantined(t.Context(), "id")
			if err == nil || len(s.asked) != want {
				t.Errorf("%d: %d requests, %v, want %d", status, len(s.asked), err, want)
			}
		}
	})
}

func TestWaitingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &script{t: t, answers: []answer{{status: 503, retryAfter: "20"}}}
		_, err := s.client(apiclient.Retry{MaxWait: time.Minute}).Stats(ctx, apiclient.StatsQuery{})
		var p *apiclient.Problem
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &p) {
			t.Errorf("got %v, want the context's error and the problem", err)
		}
	})
}

func TestAnswersThatAreNotWholeAreErrors(t *testing.T) {
	s := &script{t: t, answers: []answer{{status: 200, kind: jsonType, body: `{"rows":[`}}}
	if rows, err := s.client(apiclient.Retry{}).Stats(t.Context(), apiclient.StatsQuery{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v, %v", rows, err)
	}
}
