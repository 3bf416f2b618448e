package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/adapters/telemetry"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func build() telemetry.Build { return telemetry.Build{Version: "v1", Commit: "c0ffee"} }

// scrape returns all samples as they are written, by name and labels.
func scrape(t *testing.T, m *telemetry.Metrics) map[string]float64 {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape: status %d", w.Code)
	}
	samples := map[string]float64{}
	for line := range strings.Lines(w.Body.String()) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "} ")
		if name += "}"; !ok {
			name, value, _ = strings.Cut(strings.TrimSpace(line), " ")
		}
		if !strings.HasPrefix(line, "#") {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatalf("sample %q: %v", line, err)
			}
			samples[name] = number
		}
	}
	return samples
}

// expect fails t unless the samples have these values.
func expect(t *testing.T, m *telemetry.Metrics, want map[string]float64) {
	t.Helper()
	samples := scrape(t, m)
	for name, value := range want {
		if got, ok := samples[name]; !ok || got != value {
			t.Errorf("%s is %v (there: %t), want %v", name, got, ok, value)
		}
	}
}

func events(t testing.TB, kind string, first, n int) []domain.EmailEvent {
	t.Helper()
	var all []domain.EmailEvent
	for i := range n {
		r := contract.Record{EmailEvent: domain.EmailEvent{
			RecordType: kind, MessageID: fmt.Sprintf("019ca9450de87000800%013d", first+i), Sender: "news@sender.example",
			OccurredAt: time.Date(2026, 3, 1, 12, 0, 0, first+i, time.UTC),
		}, Recipients: []string{"a@example.com"}}
		all = append(all, r.Events(time.Now())...)
	}
	return all
}

func TestRequestsAreCountedByRouteMethodAndClass(t *testing.T) {
	m := telemetry.New(build())
	m.Observe("/api/kumomta/v1/logs/:id", "GET", 200, 100, 20*time.Millisecond)
	m.Observe("/api/kumomta/v1/logs/:id", "GET", 404, 50, time.Millisecond)
	m.Observe("", "BREW", 405, -1, time.Second)
	m.Observe("", "SMASH", 999, 0, time.Minute)
	expect(t, m, map[string]float64{
		`kumotrail_http_requests_total{method="GET",route="/api/kumomta/v1/logs/:id",status="2xx"}`:             1,
		`kumotrail_http_requests_total{method="GET",route="/api/kumomta/v1/logs/:id",status="4xx"}`:             1,
		`kumotrail_http_requests_total{method="other",route="none",status="4xx"}`:                               1,
		`kumotrail_http_requests_total{method="other",route="none",status="other"}`:                             1,
		`kumotrail_http_response_bytes_total{route="/api/kumomta/v1/logs/:id"}`:                                 150,
		`kumotrail_http_response_bytes_total{route="none"}`:                                                     0,
		`kumotrail_http_request_duration_seconds_bucket{route="/api/kumomta/v1/logs/:id",le="0.001"}`:           1,
		`kumotrail_http_request_duration_seconds_bucket{route="/api/kumomta/v1/logs/:id",le="0.025"}`:           2,
		`kumotrail_http_request_duration_seconds_sum{route="none"}`:                                             61,
		`kumotrail_build_info{commit="c0ffee",goversion="` + strings.Fields(goVersion())[0] + `",version="v1"}`: 1,
	})
}

func TestRequestInFlightIsCountedUntilItsEnd(t *testing.T) {
	m := telemetry.New(build())
	open := map[string]float64{"kumotrail_http_requests_in_flight": 1}
	none := map[string]float64{"kumotrail_http_requests_in_flight": 0}
	h := m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		expect(t, m, open)
		panic(http.ErrAbortHandler)
	}))
	func() {
		defer func() { _ = recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	}()
	expect(t, m, none)
}

func TestRecordsAreCountedByTypeAndFate(t *testing.T) {
	m := telemetry.New(build())
	for _, kind := range domain.EventTypes() {
		for _, fate := range application.Fates() {
			m.Tally().Count(kind, fate, 10*int(kind)+int(fate)+1)
		}
	}
	expect(t, m, map[string]float64{
		`kumotrail_records_total{outcome="stored",type="unknown"}`:      1,
		`kumotrail_records_total{outcome="quarantined",type="unknown"}`: 4,
		`kumotrail_records_total{outcome="duplicate",type="delivery"}`:  22,
		`kumotrail_records_total{outcome="expired",type="xfer_in"}`:     143,
	})
}

func TestCommitsAreMeasured(t *testing.T) {
	m, store := telemetry.New(build()), memory.NewStore()
	j := m.Journal(store)
	mail, bounces := events(t, "Delivery", 0, 300), events(t, "Bounce", 400, 3)
	bounces[0].Verdict = domain.Verdict{Cause: domain.CauseRecipient, Permanence: domain.Permanent}
	bounces[1].Verdict = domain.Verdict{Cause: domain.CauseSender, Permanence: domain.Temporary}
	bounces[2].Verdict = domain.Verdict{Cause: "not known yet", Permanence: domain.Permanent}
	for _, u := range [][]domain.EmailEvent{mail, bounces, bounces} {
		if _, err := j.Commit(t.Context(), ports.Unit{Events: u}); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{ports.ErrUnavailable, ports.ErrRefused, ports.ErrRefused, ports.ErrOverloaded, errors.ErrUnsupported} {
		store.FailNext(err)
		if _, got := j.Commit(t.Context(), ports.Unit{Events: mail}); !errors.Is(got, err) {
			t.Errorf("commit: %v, want %v", got, err)
		}
	}
	expect(t, m, map[string]float64{
		"kumotrail_commit_events_count":                                           3,
		"kumotrail_commit_events_sum":                                             306,
		`kumotrail_commit_events_bucket{le="10"}`:                                 2,
		"kumotrail_commit_duration_seconds_count":                                 8,
		`kumotrail_commit_errors_total{kind="unavailable"}`:                       1,
		`kumotrail_commit_errors_total{kind="refused"}`:                           2,
		`kumotrail_commit_errors_total{kind="overloaded"}`:                        1,
		`kumotrail_commit_errors_total{kind="other"}`:                             1,
		`kumotrail_failures_total{cause="recipient",permanence="permanent"}`:      1,
		`kumotrail_failures_total{cause="sender",permanence="temporary"}`:         1,
		`kumotrail_failures_total{cause="unknown",permanence="temporary"}`:        1,
		`kumotrail_failures_total{cause="infrastructure",permanence="temporary"}`: 0,
	})
}

func TestAnnouncementsAreMeasuredFromReceptionToAck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, bus := telemetry.New(build()), memory.NewBus()
		var told []ports.Announced
		for _, e := range events(t, "Delivery", 0, 10) {
			told = append(told, ports.Announced{Event: &e})
		}
		time.Sleep(90 * time.Second)
		bus.Refuse(func(e *domain.EmailEvent) bool { return e.ID == told[3].Event.ID })
		p := m.Publisher(bus)
		if acked, err := p.Publish(t.Context(), told); !errors.Is(err, ports.ErrRefused) || acked[3] || !acked[4] {
			t.Errorf("publish: %v, %v, want all but one", acked, err)
		}
		bus.FailNext(ports.ErrUnavailable)
		if _, err := p.Publish(t.Context(), told); !errors.Is(err, ports.ErrUnavailable) {
			t.Errorf("publish: %v, want %v", err, ports.ErrUnavailable)
		}
		expect(t, m, map[string]float64{
			`kumotrail_announced_events_total{outcome="acknowledged"}`: 9,
			`kumotrail_announced_events_total{outcome="refused"}`:      1,
			`kumotrail_announced_events_total{outcome="failed"}`:       10,
			"kumotrail_announcement_lag_seconds_count":                 9,
			"kumotrail_announcement_lag_seconds_sum":                   9 * 90,
		})
	})
}

func TestLookupsAreCounted(t *testing.T) {
	m := telemetry.New(build())
	c := m.LookupCache(memory.NewLookups(memory.LookupsConfig{}))
	_, ticket, _ := c.Get(t.Context(), "a")
	c.Put(t.Context(), "a", ticket, nil)
	c.Get(t.Context(), "a")
	c.Get(t.Context(), "a")
	c.Forget(t.Context(), []string{"a"})
	c.Get(t.Context(), "a")
	expect(t, m, map[string]float64{
		`kumotrail_cache_lookups_total{result="hit"}`: 2, `kumotrail_cache_lookups_total{result="miss"}`: 2,
	})
}

func TestBudgetIsShown(t *testing.T) {
	m, b := telemetry.New(build()), application.NewBudget(100)
	m.WatchBudget(b)
	for _, n := range []int64{60, 70, 30} {
		_ = b.Take(n)
	}
	expect(t, m, map[string]float64{"kumotrail_body_bytes": 90, "kumotrail_overloads_total": 1})
}

// measured is a store whose commits are measured.
type measured struct {
	*memory.Store
	journal ports.Journal
}

func (s measured) Commit(ctx context.Context, u ports.Unit) (ports.Committed, error) {
	return s.journal.Commit(ctx, u)
}

func TestMeasuredPortsKeepTheirContracts(t *testing.T) {
	m := telemetry.New(build())
	contract.TestJournal(t, func(*testing.T) contract.Store {
		s := memory.NewStore()
		return measured{s, m.Journal(s)}
	})
}
