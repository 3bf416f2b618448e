package httpapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
)

// asked sends a request with headers in pairs and returns the answer.
func (s service) asked(method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, resp *httptest.ResponseRecorder) httpapi.Problem {
	t.Helper()
	var p httpapi.Problem
	err := json.Unmarshal(resp.Body.Bytes(), &p)
	if err != nil || p.Status != resp.Code || p.Title != http.StatusText(p.Status) || !strings.HasSuffix(p.Detail, ".") {
		t.Errorf("%d %s is no problem: %v", resp.Code, resp.Body, err)
	}
	return p
}

const bearer = "Bearer " + apiKey

func TestKeysAreTakenBehindTheirSchemeInAnyCase(t *testing.T) {
	s := newService()
	for header, want := range map[string]int{
		bearer: http.StatusOK, "bearer " + apiKey: http.StatusOK, "BEARER  " + apiKey: http.StatusOK,
		apiKey: http.StatusUnauthorized, "Basic " + apiKey: http.StatusUnauthorized, "Bearer": http.StatusUnauthorized, "": http.StatusUnauthorized,
	} {
		if resp := s.asked(http.MethodGet, "/api/kumomta/v1/stats", "Authorization", header); resp.Code != want {
			t.Errorf("%.8q: %d, want %d", header, resp.Code, want)
		}
	}
}

func TestRequestIDsOfClientsAreKeptWhereSane(t *testing.T) {
	s := newService()
	made := map[string]bool{}
	for id, kept := range map[string]bool{
		"a": true, "A-b_c.9": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a\tb": false, "ü": false, "a;b": false, "<x>": false, "a\x00": false,
	} {
		for _, path := range []string{"/healthz", "/nothing", "/api/kumomta/v1/stats", "/api/kumomta/v1/logs/x", "/webhook"} {
			resp := s.asked(http.MethodGet, path, "X-Request-Id", id, "Authorization", bearer)
			got := resp.Header().Get("X-Request-Id")
			if kept != (got == id) || got == "" || !kept && made[got] {
				t.Errorf("%s, id %q: answered %q", path, id, got)
			}
			made[got] = true
			if resp.Code >= 400 {
				if p := problemOf(t, resp); p.RequestID != got {
					t.Errorf("%s: request_id %q, header %q", path, p.RequestID, got)
				}
			}
		}
	}
}

// What was asked and by whom stays out of the log.
func TestAccessLogNamesNoAddressQueryOrKey(t *testing.T) {
	var text bytes.Buffer
	s := newServiceWith(httpapi.Config{WebhookKeys: []string{"reloop"}, APIKeys: []string{apiKey}, MaxBodyBytes: 1 << 20},
		slog.New(slog.NewJSONHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug})))
	s.post(t, flat(recordOf("Bounce", 0, "", "a@example.com")))
	s.asked(http.MethodGet, "/healthz")
	s.asked(http.MethodGet, "/api/kumomta/v1/logs/secret@example.com?q=secret", "Authorization", "Bearer secret")
	s.asked(http.MethodGet, "/api/kumomta/v1/logs/"+messageID, "Authorization", bearer, "X-Request-Id", "mine")
	s.asked(http.MethodGet, "/secret")
	var got []string
	for line := range bytes.Lines(text.Bytes()) {
		var l struct {
			Level, Method, Route string
			Status, Bytes        int
			Duration             *int64
			RequestID            string `json:"request_id"`
		}
		if err := json.Unmarshal(line, &l); err != nil || l.Duration == nil || l.RequestID == "" || l.Bytes == 0 {
			t.Errorf("%s: %v", line, err)
		}
		got = append(got, fmt.Sprint(l.Level, " ", l.Method, " ", l.Route, " ", l.Status))
	}
	want := []string{
		"DEBUG POST /webhook 200", "DEBUG GET /healthz 200", "INFO GET /api/kumomta/v1/logs/:id 401",
		"INFO GET /api/kumomta/v1/logs/:id 200", "DEBUG GET  404",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, secret := range []string{"secret", "@", apiKey, "reloop", "192.0.2", messageID} {
		if strings.Contains(text.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, &text)
		}
	}
	if !strings.Contains(text.String(), `"request_id":"mine"`) {
		t.Errorf("no request id:\n%s", &text)
	}
}

func TestEachKeyHasItsOwnRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServiceWith(httpapi.Config{APIKeys: []string{"first", "second"}, RateLimit: 50}, slog.New(slog.DiscardHandler))
		ask := func(key string) *httptest.ResponseRecorder {
			return s.asked(http.MethodGet, "/api/kumomta/v1/stats", "Authorization", "Bearer "+key)
		}
		for n := range 100 {
			if resp := ask("first"); resp.Code != http.StatusOK {
				t.Fatalf("request %d: %d", n, resp.Code)
			}
		}
		resp := ask("first")
		if p := problemOf(t, resp); p.Status != http.StatusTooManyRequests || resp.Header().Get("Retry-After") != "1" {
			t.Errorf("%+v, Retry-After %q", p, resp.Header().Get("Retry-After"))
		}
		if resp := ask("second"); resp.Code != http.StatusOK {
			t.Errorf("another key: %d", resp.Code)
		}
		for _, path := range []string{"/healthz", "/readyz", "/api/kumomta/openapi", "/api/kumomta/openapi.json"} {
			if resp := s.asked(http.MethodGet, path); resp.Code != http.StatusOK {
				t.Errorf("%s: %d", path, resp.Code)
			}
		}
		for range 200 { // who has no key takes nothing from those who do
			if resp := ask("third"); resp.Code != http.StatusUnauthorized {
				t.Fatalf("no key: %d", resp.Code)
			}
		}
		<-time.After(time.Second) // of the bubble
		for n := range 51 {
			if resp := ask("first"); (resp.Code == http.StatusOK) != (n < 50) {
				t.Errorf("request %d of the next second: %d", n, resp.Code)
			}
		}
	})
}

func TestWithoutKeysAllShareOneRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServiceWith(httpapi.Config{Open: true, RateLimit: 1}, slog.New(slog.DiscardHandler))
		for n, want := range []int{200, 200, 429} {
			if resp := s.asked(http.MethodGet, "/api/kumomta/v1/stats", "Authorization", fmt.Sprint("Bearer ", n)); resp.Code != want {
				t.Errorf("request %d: %d, want %d", n, resp.Code, want)
			}
		}
	})
}

func TestOtherMethodsAreAnsweredAsTheyShould(t *testing.T) {
	s := newService()
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", "/healthz", 200, ""},
		{"HEAD", "/api/kumomta/openapi", 200, ""},
		{"HEAD", "/api/kumomta/openapi.json", 200, ""},
		{"HEAD", "/api/kumomta/v1/stats", 200, ""},
		{"HEAD", "/api/kumomta/v1/logs/export?from=2026-01-01T00:00:00Z", 200, ""},
		{"HEAD", "/api/kumomta/v1/logs/x", 404, ""},
		{"HEAD", "/webhook", 405, "POST"},
		{"OPTIONS", "/api/kumomta/v1/stats", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/healthz", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/webhook", 405, "POST"},
		{"OPTIONS", "/nothing", 404, ""},
		{"DELETE", "/api/kumomta/v1/stats", 405, "GET, HEAD"},
		{"GET", "/api/kumomta/v1/webhook/kumomta", 405, "POST"},
		{"POST", "/api/kumomta/openapi.json", 405, "GET, HEAD"},
	} {
		resp := s.asked(c.method, c.path, "Authorization", bearer)
		if resp.Code != c.status || resp.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: %d, Allow %q, want %d, %q", c.method, c.path, resp.Code, resp.Header().Get("Allow"), c.status, c.allow)
		}
	}
}

// A page elsewhere must not be let in by answers that say it may.
func TestNoAnswerInvitesOtherOrigins(t *testing.T) {
	s := newService()
	for _, path := range []string{"/api/kumomta/v1/stats", "/api/kumomta/openapi.json", "/api/kumomta/openapi", "/healthz"} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			resp := s.asked(method, path, "Origin", "https://elsewhere.example", "Access-Control-Request-Method", "GET", "Authorization", bearer)
			for name := range resp.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s: %s", method, path, name)
				}
			}
		}
	}
}
