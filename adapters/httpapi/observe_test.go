package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/application"
)

func TestEveryRequestIsObservedByItsPattern(t *testing.T) {
	var seen []string
	h := New(Config{APIKeys: []string{"key"}}, Parts{
		Budget: application.NewBudget(1), Log: slog.New(slog.DiscardHandler),
		Observe: func(route, method string, status int, bytes int64, took time.Duration) {
			seen = append(seen, fmt.Sprint(route, " ", method, " ", status, " ", bytes > 0, " ", took >= 0))
		},
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1") }),
	})
	ask := func(method, path, key string) int {
		r := httptest.NewRequestWithContext(context.Background(), method, path, nil)
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	got := []int{
		ask("GET", "/healthz", ""), ask("GET", "/metrics", "key"), ask("GET", "/metrics", "other"),
		ask("GET", "/nobody@example.com", ""), ask("BREW", "/healthz", ""), ask("GET", apiBase+"/logs/nobody@example.com", ""),
	}
	if diff := cmp.Diff([]int{200, 200, 401, 404, 405, 401}, got); diff != "" {
		t.Errorf("statuses: -want +got\n%s", diff)
	}
	want := []string{
		"/healthz GET 200 true true", "/metrics GET 200 true true", "/metrics GET 401 true true",
		" GET 404 true true", " BREW 405 true true", apiBase + "/logs/:id GET 401 true true",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("observed: -want +got\n%s", diff)
	}
}

func TestMetricsAreAnsweredAtAnyRate(t *testing.T) {
	h := New(Config{APIKeys: []string{"key"}, RateLimit: 1}, Parts{
		Budget: application.NewBudget(1), Log: slog.New(slog.DiscardHandler),
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "up 1") }),
	})
	for n := range 10 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		r.Header.Set("Authorization", "Bearer key")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("request %d: %d", n, w.Code)
		}
	}
}
