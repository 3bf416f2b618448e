package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/contract"
)

// newStatsService has messages of two tenants: one was delivered, one at the
// second attempt, and one bounced.
func newStatsService(t *testing.T) service {
	t.Helper()
	s := newService()
	accepted := time.Date(2026, 7, 25, 17, 0, 0, 0, time.UTC)
	event := func(kind string, n int, after time.Duration, change func(*contract.Record)) domain.EmailEvent {
		r := contract.Record{EmailEvent: domain.EmailEvent{
			RecordType: kind, MessageID: fmt.Sprintf("%012x70008%015x", accepted.UnixMilli(), n),
			OccurredAt: accepted.Add(after), AcceptedAt: accepted, Provider: "google", Tenant: "acme",
		}, Recipients: []string{"a@Example.org"}}
		change(&r)
		return r.Events(accepted)[0]
	}
	asIs := func(*contract.Record) {}
	_, err := s.store.Commit(t.Context(), ports.Unit{Events: []domain.EmailEvent{
		event("Delivery", 1, 2*time.Second, asIs),
		event("TransientFailure", 2, 3*time.Second, asIs),
		event("Delivery", 2, 90*time.Second, func(r *contract.Record) { r.Attempts = 1 }),
		event("Bounce", 3, time.Minute, func(r *contract.Record) {
			r.Tenant, r.Provider, r.Verdict.Cause = "", "", domain.CauseRecipient
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const ofThatDay = "&from=2026-07-25T00:00:00Z&to=2026-07-26T00:00:00Z"

func TestStatsAreToldApartByWhatIsAskedFor(t *testing.T) {
	s := newStatsService(t)
	for query, want := range map[string]string{
		"interval=1d": `{"bucket":"2026-07-25T00:00:00Z","type":"bounce","count":1}
			{"bucket":"2026-07-25T00:00:00Z","type":"delivery","count":2}
			{"bucket":"2026-07-25T00:00:00Z","type":"transient_failure","count":1}`,
		"by=type&interval=1m&to=2026-07-25T17:01:00Z": `{"bucket":"2026-07-25T17:00:00Z","type":"delivery","count":1}
			{"bucket":"2026-07-25T17:00:00Z","type":"transient_failure","count":1}`,
		"by=cause,tenant" + ofThatDay: `{"bucket":"2026-07-25T17:00:00Z","tenant":"acme","cause":null,"type":"delivery","count":2}
			{"bucket":"2026-07-25T17:00:00Z","tenant":"acme","cause":null,"type":"transient_failure","count":1}
			{"bucket":"2026-07-25T17:00:00Z","tenant":null,"cause":"recipient","type":"bounce","count":1}`,
		"by=status,provider&domain=EXAMPLE.org" + ofThatDay: `{"bucket":"2026-07-25T17:00:00Z","provider":null,"status":"bounced","count":1}
			{"bucket":"2026-07-25T17:00:00Z","provider":"google","status":"delivered","count":2}`,
		"by=provider&latency=true" + ofThatDay: `{"bucket":"2026-07-25T17:00:00Z","provider":null,"count":1,
				"delivered":0,"first_attempt_rate":null,"deferral_rate":0,"p50":null,"p90":null,"p95":null,"p99":null}
			{"bucket":"2026-07-25T17:00:00Z","provider":"google","count":2,
				"delivered":2,"first_attempt_rate":0.5,"deferral_rate":0.5,"p50":2,"p90":90,"p95":90,"p99":90}`,
		"by=status&latency=true&tenant=acme" + ofThatDay: `{"bucket":"2026-07-25T17:00:00Z","count":2,
				"delivered":2,"first_attempt_rate":0.5,"deferral_rate":0.5,"p50":2,"p90":90,"p95":90,"p99":90}`,
		"by=status&tenant=other" + ofThatDay:                 "",
		"by=status&campaign=none" + ofThatDay:                "",
		"by=status&provider=apple&from=2026-07-25T00:00:00Z": "",
	} {
		code, body := s.ask(http.MethodGet, "/stats?"+query, "", "")
		var got, rows struct{ Rows []map[string]any }
		lines := strings.TrimSpace(strings.ReplaceAll(want, "}\n", "},"))
		if err := json.Unmarshal([]byte(`{"rows":[`+lines+`]}`), &rows); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK {
			t.Errorf("%s: %d %s", query, code, body)
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestStatsRefuseWhatHasNoBoundOrMeaning(t *testing.T) {
	s := newStatsService(t)
	for query, named := range map[string]string{
		"by=tenant":                             "from is needed",
		"by=status":                             "from is needed",
		"tenant=acme":                           "from is needed",
		"latency=true":                          "from is needed",
		"by=type,status" + ofThatDay:            "not both",
		"by=type&latency=true" + ofThatDay:      "leave type out of by",
		"by=provider,domain,tenant" + ofThatDay: "at most two",
		"by=tenant,tenant" + ofThatDay:          "tenant twice",
		"by=recipient" + ofThatDay:              "by must be",
		"interval=1m&from=2026-07-25T00:00:00Z&to=2026-07-27T00:00:01Z": "at most 2 days",
		"interval=5m&from=2026-07-25T00:00:00Z&to=2026-08-01T00:00:01Z": "at most 7 days",
		"interval=1h&from=2026-07-25T00:00:00Z&to=2026-08-25T00:00:01Z": "at most 31 days",
		"interval=1d&from=2025-07-25T00:00:00Z&to=2026-08-30T00:00:00Z": "at most 400 days",
		"from=2026-07-26T00:00:00Z&to=2026-07-25T00:00:00Z":             "from must not be after to",
	} {
		if code, body := s.ask(http.MethodGet, "/stats?"+query, "", ""); code != http.StatusBadRequest || !strings.Contains(body, named) {
			t.Errorf("%s: %d %s, want 400 that says %q", query, code, body, named)
		}
	}
}

// A missing end is as far as it may be from the other.
func TestStatsTakeOneEndOfTheRange(t *testing.T) {
	s := newStatsService(t)
	for query, want := range map[string]bool{
		"interval=1m&from=2026-07-25T17:00:00Z": true, "interval=1m&from=2026-07-23T17:00:00Z": false,
		"interval=1m&to=2026-07-27T17:00:00Z": true, "interval=1m&to=2026-07-25T17:00:00Z": false,
		"interval=5m&from=2026-07-19T17:00:00Z": true, "interval=1h&from=2026-07-19T17:00:00Z": true,
	} {
		_, body := s.ask(http.MethodGet, "/stats?by=status&"+query, "", "")
		if got := strings.Contains(body, "delivered"); got != want {
			t.Errorf("%s: %s, want rows %t", query, body, want)
		}
	}
}

func TestStatsRefuseEndlessAnswers(t *testing.T) {
	s := newService()
	accepted := time.Date(2026, 7, 25, 0, 0, 0, 0, time.UTC)
	events := make([]domain.EmailEvent, 50_001)
	for i := range events {
		r := contract.Record{EmailEvent: domain.EmailEvent{
			RecordType: "Delivery", MessageID: fmt.Sprint(i), OccurredAt: accepted, Tenant: fmt.Sprint("tenant-", i),
		}, Recipients: []string{"a@example.org"}}
		events[i] = r.Events(accepted)[0]
	}
	if _, err := s.store.Commit(t.Context(), ports.Unit{Events: events}); err != nil {
		t.Fatal(err)
	}
	if code, body := s.ask(http.MethodGet, "/stats?by=tenant"+ofThatDay, "", ""); code != http.StatusBadRequest || !strings.Contains(body, "50000 rows") {
		t.Errorf("%d %.300s, want 400", code, body)
	}
	if code, body := s.ask(http.MethodGet, "/stats?by=tenant&tenant=tenant-7"+ofThatDay, "", ""); code != http.StatusOK {
		t.Errorf("%d %.300s, want 200", code, body)
	}
}

// frozenStats never answers.
type frozenStats struct{ ports.StatsReader }

func (frozenStats) CountEvents(ctx context.Context, _ ports.StatsQuery) ([]ports.EventCount, error) {
	<-ctx.Done()
	return nil, fmt.Errorf("count events: %w: %w", ports.ErrUnavailable, ctx.Err())
}

func TestStoreThatDoesNotAnswerIsWaitedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := service{Handler: httpapi.New(httpapi.Config{APIKeys: []string{apiKey}},
			httpapi.Parts{Stats: frozenStats{}, Log: slog.New(slog.DiscardHandler), Budget: application.NewBudget(1)})}
		start := time.Now()
		code, answer := s.ask(http.MethodGet, "/stats", "", "")
		if took := time.Since(start); code != http.StatusServiceUnavailable || took != time.Minute {
			t.Errorf("after %v: %d %s, want 503 after a minute", took, code, answer)
		}
	})
}
