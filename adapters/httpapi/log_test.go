package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/domain"
)

const apiKey = "key-of-the-api"

// service is a handler over a store in memory.
type service struct {
	http.Handler
	store *memory.Store
}

func newService() service {
	return newServiceWith(
		httpapi.Config{WebhookKeys: []string{"reloop"}, APIKeys: []string{apiKey}, MaxBodyBytes: 1 << 20},
		slog.New(slog.DiscardHandler))
}

func newServiceWith(config httpapi.Config, log *slog.Logger) service {
	store, cache := memory.NewStore(), memory.NewLookups(memory.LookupsConfig{})
	decoder := kumomta.Decoder{}
	committer := application.NewCommitter(application.NewForgetful(store, cache), nil)
	return service{httpapi.New(config, httpapi.Parts{
		Ingest: application.NewIngest(decoder, committer, 0, time.Now),
		Budget: application.NewBudget(1 << 20), Logs: store, Stats: store,
		Lookup: application.NewLookup(store, cache), Lists: application.NewLists(store, store, store), Log: log,
		Register: application.NewRegister(store, time.Now), Suppressions: application.NewSuppressions(store, time.Now),
		Quarantine: application.NewQuarantine(store, application.NewIngest(decoder, committer, 0, time.Now)),
		Stream:     application.NewStream(memory.NewBus(), log, application.StreamConfig{}),
	}), store}
}

// post sends records to the webhook.
func (s service) post(t *testing.T, records ...string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(strings.Join(records, "\n")))
	r.Header.Set("x-kumomta-key", "reloop")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("webhook answered %d: %s", w.Code, w.Body)
	}
}

// get asks the API and returns its answer, JSON in any case.
func (s service) get(t *testing.T, path string) (int, string, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/api/kumomta/v1"+path, nil)
	r.Header.Set("Authorization", "Bearer "+apiKey)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%s: %v in %q", path, err, body)
	}
	return w.Code, w.Header().Get("Content-Type"), answer
}

const messageID = "10d1b680884d11f19001782d7e12e173"

// recordOf returns a record about the message n.
func recordOf(kind string, n int, more string, recipients ...string) string {
	id := fmt.Sprintf("%08x%s", 0x10d1b680+n, messageID[8:])
	to, _ := json.Marshal(recipients) // strings always can
	return fmt.Sprintf(`{"type":%q,"id":%q,"sender":"s@sender.example","recipient":%s,"queue":"spring:acme@example.com",
		"site":"mx.example.com","size":1047,"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},
		"content":"no such user","command":"RCPT TO:<a@example.com>\r\n"},"peer_address":{"name":"mx.example.com.","addr":"192.0.2.1"},
		"timestamp":1785000000,"event_time":"2026-07-25T17:20:0%d.5Z","created":1784999000,"num_attempts":1,
		"egress_source":"ip-1","nodeid":"4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10"%s}`, kind, id, to, n, more)
}

func logID(n int, recipient string) string {
	return domain.NewLogKey(fmt.Sprintf("%08x%s", 0x10d1b680+n, messageID[8:]), recipient).String()
}

func flat(record string) string { return strings.NewReplacer("\n", "", "\t", "").Replace(record) }

// A plus sign needs no escape in a path, and is what base64 has beside slashes.
func TestIDInAPathIsReadAsItIsEscaped(t *testing.T) {
	for _, id := range []string{"a+b", "a+b/c", "a b/c", "a%2Fb", "a%2Fb/c", "%zz/+", "ü/é", "..", "a?b#c;d"} {
		s := newService()
		meta, _ := json.Marshal(map[string]string{"X-Email-Log-ID": id}) // strings always can
		s.post(t, flat(recordOf("Bounce", 0, `,"meta":`+string(meta), "a@example.com")))
		if code, _, got := s.get(t, "/logs/"+url.PathEscape(id)); code != http.StatusOK || got["application_id"] != id {
			t.Errorf("%s: %d, %v", id, code, got)
		}
	}
}

func TestLogIsAnsweredWithItsTimeline(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Bounce", 0, `,"meta":{"X-Email-Log-ID":"app/1 ü"}`, "a@example.com")),
		flat(recordOf("Bounce", 1, "", "b@example.com")))
	for _, id := range []string{messageID, logID(0, "a@example.com"), url.PathEscape("app/1 ü")} {
		code, contentType, got := s.get(t, "/logs/"+id)
		if code != http.StatusOK || !strings.HasPrefix(contentType, "application/json") {
			t.Fatalf("%s: %d, %s, %v", id, code, contentType, got)
		}
		timeline, _ := got["timeline"].([]any)
		if len(timeline) != 1 {
			t.Fatalf("timeline is %v", got["timeline"])
		}
		event, _ := timeline[0].(map[string]any)
		for _, derived := range []string{"event_id", "received_at"} {
			if text, _ := event[derived].(string); text == "" {
				t.Errorf("%s is missing", derived)
			}
			delete(event, derived)
		}
		accepted, _ := domain.MessageTime(messageID)
		acceptedAt := accepted.Format("2006-01-02T15:04:05.000000Z07:00")
		want := map[string]any{
			"id": logID(0, "a@example.com"), "message_id": messageID, "application_id": "app/1 ü",
			"recipient": "a@example.com", "sender": "s@sender.example", "status": "bounced",
			"accepted_at": acceptedAt, "delivered_at": nil,
			"failed_at": "2026-07-25T17:20:00.500000Z", "complained_at": nil, "attempts": 2.0,
			"smtp_code": 550.0, "enhanced_code": "5.1.1", "response": "no such user", "cause": nil,
			"subcause": nil, "permanence": nil, "fault": nil, "rule": nil, "response_hash": nil, "confidence": nil,
			"tenant": "acme", "campaign": "spring", "provider": nil, "egress_source": "ip-1", "size": 1047.0,
			"prior_id": nil, "next_id": nil, "of_report": false, "transfers": []any{}, "registration": nil,
			"timeline": []any{map[string]any{
				"message_id": messageID, "decided": true, "waited_seconds": time.Date(2026, 7, 25, 17, 20, 0, 500_000_000, time.UTC).Sub(accepted.Truncate(time.Microsecond)).Seconds(),
				"type": "bounce", "record_type": "Bounce", "occurred_at": "2026-07-25T17:20:00.500000Z", "attempts": 1.0,
				"smtp": map[string]any{
					"code": 550.0, "enhanced_code": "5.1.1", "response": "no such user",
					"command": "RCPT TO:<a@example.com>",
				},
				"site": "mx.example.com", "peer": map[string]any{"name": "mx.example.com.", "address": "192.0.2.1"},
				"egress_source": "ip-1", "node_id": "4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10",
				"cause": nil, "subcause": nil, "permanence": nil, "fault": nil, "rule": nil, "response_hash": nil,
				"classification": nil, "provider": nil, "transfer_id": nil, "feedback_type": nil, "original": nil,
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s: -want +got\n%s", id, diff)
		}
	}
}

func TestLogShowsWhatTheWebhookJustTook(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Reception", 0, "", "a@example.com")))
	for _, want := range []struct{ kind, status string }{
		{"Reception", "pending"}, {"TransientFailure", "deferred"}, {"Delivery", "delivered"},
	} {
		s.post(t, flat(recordOf(want.kind, 0, "", "a@example.com")))
		for range 2 {
			if _, _, got := s.get(t, "/logs/"+messageID); got["status"] != want.status {
				t.Errorf("status is %v after %s, want %s", got["status"], want.kind, want.status)
			}
		}
	}
}

func TestAmbiguousIDIsAConflictWithCandidates(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Delivery", 0, "", "a@example.com", "b@example.com")))
	code, contentType, got := s.get(t, "/logs/"+messageID)
	candidates, _ := got["candidates"].([]any)
	if code != http.StatusConflict || contentType != "application/problem+json" || len(candidates) != 2 || got["status"] != 409.0 {
		t.Fatalf("%d, %s, %v", code, contentType, got)
	}
	for _, c := range candidates {
		id, _ := c.(map[string]any)["id"].(string)
		if code, _, one := s.get(t, "/logs/"+id); code != http.StatusOK || one["id"] != id {
			t.Errorf("candidate %s: %d, %v", id, code, one)
		}
	}
}

func TestLogsThatCannotBeAnsweredAreProblems(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Delivery", 0, "", "a@example.com")))
	for _, c := range []struct {
		path string
		code int
		says string
	}{
		{"/logs/unknown", 404, "No log has this id"},
		{"/logs/" + logID(7, "a@example.com"), 404, "No log"},
		{"/logs/%00", 404, "No log"},
		{"/logs/%FF", 404, "No log"},
		{"/logs/" + strings.Repeat("a", 1025), 400, "id must be 1 to 1024 characters long"},
		{"/logs/" + messageID + "?verbose=1", 400, "verbose"},
		{"/logs/", 404, "nothing at this path"},
		{"/logs/" + messageID + "/more", 404, "nothing at this path"},
	} {
		code, contentType, got := s.get(t, c.path)
		detail, _ := got["detail"].(string)
		if code != c.code || contentType != "application/problem+json" || !strings.Contains(detail, c.says) {
			t.Errorf("%.60s: %d, %s, %q, want %d and %q", c.path, code, contentType, detail, c.code, c.says)
		}
	}
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _, got := s.get(t, "/logs/"+messageID); code != http.StatusServiceUnavailable {
		t.Errorf("without a store: %d, %v", code, got)
	}
}

func TestLogIsBehindTheGuard(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Delivery", 0, "", "a@example.com")))
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/api/kumomta/v1/logs/"+messageID, nil)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "a@example.com") {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}
