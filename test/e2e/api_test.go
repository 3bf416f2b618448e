package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	export = "/api/kumomta/v1/logs/export"
	stats  = "/api/kumomta/v1/stats"
)

// guarded are the routes that need a key or a loopback Host.
var guarded = []string{export + "?from=2020-01-01T00:00:00Z", stats}

// open are the routes that need nothing.
var open = []string{"/healthz", "/readyz", "/api/kumomta/health"}

// checkAccess asks all routes with some headers.
func checkAccess(t *testing.T, s *Service, name string, want int, headers ...string) {
	t.Helper()
	for _, path := range guarded {
		code, body := s.Get(path, headers...)
		if code != want {
			t.Errorf("%s, %s: %d %s, want %d", name, path, code, body, want)
		}
		if want != http.StatusOK {
			o := parseObject(t, body)
			if o["status"] != spelled(int64(want)) || !strings.HasSuffix(o.text("detail"), ".") {
				t.Errorf("%s, %s: %s is no problem", name, path, body)
			}
		}
	}
	for _, path := range open {
		if code, body := s.Get(path, headers...); code != http.StatusOK {
			t.Errorf("%s, %s: %d %s, want 200", name, path, code, body)
		}
	}
}

func TestWithoutKeysTheAPIIsForThisMachineAlone(t *testing.T) {
	t.Parallel()
	s := startService(t)
	port := fmt.Sprint(":", s.port)
	for _, host := range []string{"localhost", "localhost" + port, "127.0.0.1" + port, "127.8.8.8", "[::1]" + port, "app.localhost" + port} {
		checkAccess(t, s, "Host "+host, http.StatusOK, "Host", host)
		checkAccess(t, s, "Origin "+host, http.StatusOK, "Host", host, "Origin", "http://"+host)
	}
	for _, host := range []string{"evil.example" + port, "localhost.evil.example", "127.0.0.1.evil.example" + port, "192.0.2.1", "0.0.0.0" + port, "notlocalhost"} {
		checkAccess(t, s, "Host "+host, http.StatusForbidden, "Host", host)
		checkAccess(t, s, "Origin "+host, http.StatusForbidden, "Host", "localhost"+port, "Origin", "http://"+host)
	}
	for _, origin := range []string{"null", "https://evil.example", "http://localhost@evil.example", "localhost", "file://"} {
		checkAccess(t, s, "Origin "+origin, http.StatusForbidden, "Origin", origin)
	}
	// The webhook has a key of its own.
	if r := s.Post("[]", "Origin", "https://evil.example"); r.code != http.StatusOK {
		t.Errorf("webhook: %d %s", r.code, r.body)
	}
}

func TestKeysAreDemandedAsBearer(t *testing.T) {
	t.Parallel()
	s := startService(t, "API_KEYS=first-api-key, second-api-key")
	for _, header := range []string{"Bearer first-api-key", "Bearer second-api-key"} {
		checkAccess(t, s, header, http.StatusOK, "Authorization", header, "Host", "kumotrail.example")
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer first-api-ke", "Bearer reloop", "Basic first-api-key", "first-api-key"} {
		checkAccess(t, s, header, http.StatusUnauthorized, "Authorization", header)
	}
	checkAccess(t, s, "the webhook's key", http.StatusUnauthorized, "X-Kumomta-Key", "reloop")
	checkProblem(t, s.Post("[]", "X-Kumomta-Key", "first-api-key"), http.StatusUnauthorized)
}

func TestWithoutKeysAProductionAPIIsClosed(t *testing.T) {
	t.Parallel()
	s := startService(t, "NODE_ENV=production", "HOST=127.0.0.1", "X_KUMOMTA_KEY="+longKey, "VERP_KEY=k")
	checkAccess(t, s, "production", http.StatusForbidden)
	checkAccess(t, s, "an empty key", http.StatusForbidden, "Authorization", "Bearer ")
}

func TestWithoutKeysADevelopmentAPIOnTheNetworkIsClosed(t *testing.T) {
	t.Parallel()
	s := startService(t, "HOST=0.0.0.0")
	checkAccess(t, s, "0.0.0.0", http.StatusForbidden)
}

func TestBadParametersAre400(t *testing.T) {
	t.Parallel()
	s := startService(t)
	for _, query := range []string{
		export + "?format=xml", export + "?nonsense=1", export + "?status=gone", export + "?from=yesterday",
		export + "?to=2026-13-01T00:00:00Z", export + "?tenant=a&tenant=b", export + "?recipient=" + strings.Repeat("x", 2000),
		export + "?Tenant=acme", export + "?tenant=%00", export + "?limit=5", export + "?tenant=%zz", export + "?a;b",
		stats + "?by=tenant", stats + "?interval=7m", stats + "?from=1", stats + "?nonsense", stats + "?by=type&by=type",
	} {
		code, body := s.Get(query)
		if code != http.StatusBadRequest {
			t.Errorf("%s: %d %.200s, want 400", query, code, body)
			continue
		}
		if o := parseObject(t, body); o["status"] != spelled(400) || o.text("detail") == "" {
			t.Errorf("%s: %s is no problem", query, body)
		}
	}
}

// Each filter holds against the model's own choice.
func TestExportFilters(t *testing.T) {
	t.Parallel()
	s := startService(t)
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	logs := modelLogs(parseRecords(t, lines(text)))
	is := func(field, value string) func(object) bool {
		return func(l object) bool { return l[field] == value }
	}
	for filter, keep := range map[string]func(object) bool{
		"message_id=22a08300884d11f19005782d7e12e173":     is("message_id", "22a08300884d11f19005782d7e12e173"),
		"message_id=22A08300-884D-11F1-9005-782D7E12E173": is("message_id", "22a08300884d11f19005782d7e12e173"),
		"id=eml_406de800884d11f1900c782d":                 is("application_id", "eml_406de800884d11f1900c782d"),
		"recipient=frank@example.org":                     is("recipient", "frank@example.org"),
		"recipient=frank@EXAMPLE.org":                     is("recipient", "frank@example.org"),
		"recipient=Frank@example.org":                     func(object) bool { return false },
		"status=bounced":                                  is("status", "bounced"),
		"status=pending":                                  is("status", "pending"),
		"tenant=acme":                                     is("tenant", "acme"),
		"tenant=other":                                    func(object) bool { return false },
		"campaign=spring":                                 is("campaign", "spring"),
		"from=2026-07-25T17:20:30Z":                       func(l object) bool { return l.text("accepted_at") >= "2026-07-25T17:20:30.000000Z" },
		"to=2026-07-25T17:20:30Z":                         func(l object) bool { return l.text("accepted_at") < "2026-07-25T17:20:30.000000Z" },
		"from=2026-07-25T19:20:30%2B02:00":                func(l object) bool { return l.text("accepted_at") >= "2026-07-25T17:20:30.000000Z" },
	} {
		want := map[string]object{}
		for key, l := range logs {
			if keep(l) {
				want[key] = l
			}
		}
		got := map[string]object{}
		for _, l := range s.exportBy(filter) {
			delete(l, "id")
			got[l.text("message_id")+" "+l.text("recipient")] = l
		}
		if diff := diffLogs(t, want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
}

// exportBy reads the export by a filter as it is written in the query.
func (s *Service) exportBy(filter string) []object {
	s.t.Helper()
	code, body := s.Get(export + "?" + filter + anyTime(filter))
	if code != http.StatusOK {
		s.t.Fatalf("export by %s: %d %s", filter, code, body)
	}
	logs := parseLines(s.t, body)
	checkNewestFirst(s.t, logs)
	return logs
}

// anyTime is a bound for filters that have none and need one.
func anyTime(filter string) string {
	if strings.HasPrefix(filter, "from=") || strings.HasPrefix(filter, "to=") {
		return ""
	}
	return "&from=0001-01-02T00:00:00Z"
}

func TestStatsCountByTimeOfTheRecords(t *testing.T) {
	t.Parallel()
	s := startService(t)
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	for interval, width := range map[string]time.Duration{"1m": time.Minute, "5m": 5 * time.Minute, "1h": time.Hour, "1d": 24 * time.Hour} {
		from, to := time.Date(2026, 7, 25, 17, 20, 1, 0, time.UTC), time.Date(2026, 7, 26, 18, 20, 0, 0, time.UTC)
		want := map[string]int{}
		for _, r := range spread(parseRecords(t, lines(text))) {
			if !r.at().Before(from) && r.at().Before(to) {
				want[r.at().Truncate(width).Format(time.RFC3339)+" "+r.kind()]++
			}
		}
		_, body := s.Get(stats + "?interval=" + interval + "&from=" + from.Format(time.RFC3339) + "&to=" + to.Format(time.RFC3339))
		var answer struct {
			Rows []struct {
				Bucket, Type string
				Count        int
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, row := range answer.Rows {
			got[row.Bucket+" "+row.Type] += row.Count
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("interval %s (-want +got):\n%s", interval, diff)
		}
	}
}

// Lookup asks what became of the message that an id means.
func (s *Service) Lookup(id string) object {
	s.t.Helper()
	code, body := s.Get("/api/kumomta/v1/logs/" + id)
	if code != http.StatusOK {
		s.t.Fatalf("look up %s: %d %s", id, code, body)
	}
	return parseObject(s.t, body)
}
