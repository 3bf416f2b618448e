package bootstrap

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/kumotrail/kumotrail/adapters/telemetry"
)

// asked is one request of this machine's.
func asked(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("x-kumomta-key", defaultKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestMetricsTellWhatServiceDid(t *testing.T) {
	s, err := settingsFrom(map[string]string{"PORT": "0", "NATS_LISTEN": "off", "DATA_DIR": t.TempDir(), "RETENTION_DAYS": "0"})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	options := ServeOptions{Build: telemetry.Build{Version: "v9", Commit: "c0ffee"}}
	app := fxtest.New(t, Service(s, options, slog.New(slog.DiscardHandler)), fx.Populate(&handler))
	app.RequireStart()
	const record = `{"type":"Bounce","id":"17010c40884d11f19002782d7e12e173","sender":"s@sender.example",` +
		`"recipient":"a@example.com","queue":"example.com","timestamp":1785000000,"created":1784999000,"num_attempts":0,` +
		`"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no such user"},` +
		`"nodeid":"4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10"}`
	for range 2 {
		if w := asked(handler, http.MethodPost, "/webhook", record); w.Code != http.StatusOK {
			t.Fatalf("%d: %s", w.Code, w.Body)
		}
		asked(handler, http.MethodGet, "/api/kumomta/v1/logs/17010c40884d11f19002782d7e12e173", "")
	}
	app.RequireStop() // whereupon all is announced, and the store is closed
	told := asked(handler, http.MethodGet, "/metrics", "").Body.String()
	for _, line := range []string{
		`kumotrail_build_info{commit="c0ffee",`,
		`kumotrail_records_total{outcome="stored",type="bounce"} 1`,
		`kumotrail_records_total{outcome="duplicate",type="bounce"} 1`,
		`kumotrail_failures_total{cause="recipient",permanence="permanent"} 1`,
		`kumotrail_commit_events_count 2`,
		`kumotrail_announced_events_total{outcome="acknowledged"} 1`,
		`kumotrail_announcement_lag_seconds_count 1`,
		`kumotrail_cache_lookups_total{result="miss"} 2`,
		`kumotrail_http_requests_total{method="POST",route="/webhook",status="2xx"} 2`,
		`kumotrail_http_requests_in_flight 1`,
		`kumotrail_body_bytes 0`,
		`kumotrail_store_up 0`,
	} {
		if !strings.Contains(told, line) {
			t.Errorf("%s is not told", line)
		}
	}
	if t.Failed() {
		t.Log(told)
	}
}
