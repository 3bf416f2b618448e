//go:build !embedded

package bootstrap

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/rediscache"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
	"github.com/kumotrail/kumotrail/test/servers"
)

const messageID = "10d1b680884d11f19001782d7e12e173"

// delivery is a record of today.
const delivery = `{"type":"Delivery","id":"` + messageID + `","sender":"s@sender.example","recipient":"a@example.com",` +
	`"queue":"example.com","response":{"code":250,"content":"OK"},"timestamp":1785000000,"created":1784999000,` +
	`"num_attempts":0,"nodeid":"4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10"}`

func settingsOf(t *testing.T, redis string) Settings {
	t.Helper()
	s, err := settingsFrom(map[string]string{
		"PORT": "0", "NATS_LISTEN": "off", "DATA_DIR": t.TempDir(), "REDIS_URL": redis, "RETENTION_DAYS": "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	s.redisTimeout = 10 * time.Second // a busy machine has what it needs
	return s
}

// ask returns an answer in JSON.
func ask(t *testing.T, h http.Handler, method, path, body string) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(body))
	r.Header.Set("x-kumomta-key", defaultKey)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return w.Code, answer
}

func TestServiceGoesOnWithoutItsCache(t *testing.T) {
	server := servers.OwnRedis(t)
	var handler http.Handler
	app := fxtest.New(t, Service(settingsOf(t, server.URL()), ServeOptions{}, slog.New(slog.DiscardHandler)), fx.Populate(&handler))
	app.RequireStart()
	defer app.RequireStop()
	isReady := func(status, cache string) {
		t.Helper()
		code, answer := ask(t, handler, http.MethodGet, "/readyz", "")
		parts, _ := answer["parts"].(map[string]any)
		if code != http.StatusOK || answer["status"] != status || parts["cache"] != cache {
			t.Errorf("%d, %v, want %s with a cache that is %s", code, answer, status, cache)
		}
	}
	shows := func(status string) {
		t.Helper()
		for range 2 {
			code, answer := ask(t, handler, http.MethodGet, "/api/kumomta/v1/logs/"+messageID, "")
			if code != http.StatusOK || answer["status"] != status {
				t.Errorf("%d, %v, want %s", code, answer, status)
			}
		}
	}
	post := func(record string) {
		t.Helper()
		if code, answer := ask(t, handler, http.MethodPost, "/webhook", record); code != http.StatusOK || answer["stored"] != 1.0 {
			t.Fatalf("%d, %v", code, answer)
		}
	}
	isReady("ready", "ok")
	post(strings.Replace(delivery, "Delivery", "TransientFailure", 1))
	shows("deferred")
	server.Stop(t)
	isReady("degraded", "unavailable")
	post(delivery)
	shows("delivered")
}

func TestRetryOfACommandIsSeenThroughTheSharedCache(t *testing.T) {
	ctx, server := context.Background(), servers.OwnRedis(t)
	s := settingsOf(t, server.URL())
	store, err := openStore(ctx, s, kumomta.Decoder{})
	if err != nil {
		t.Fatal(err)
	}
	reject := domain.Reject{Reason: "an older version did not know it", Raw: delivery}
	if _, err := store.Commit(ctx, ports.Unit{Rejects: []domain.Reject{reject}}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	cache, err := rediscache.Open(s.redis(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cache.Close() }()
	if err := cache.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	_, ticket, _ := cache.Get(ctx, messageID)
	cache.Put(ctx, messageID, ticket, nil)
	if _, _, ok := cache.Get(ctx, messageID); !ok {
		t.Fatal("nothing was kept, so this test shows nothing")
	}

	quarantine, closeStore, err := OpenQuarantine(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if receipt, err := quarantine.Retry(ctx, reject.ID()); err != nil || receipt.Stored != 1 {
		t.Errorf("got %+v, %v", receipt, err)
	}
	if err := closeStore(); err != nil {
		t.Error(err)
	}
	if _, _, ok := cache.Get(ctx, messageID); ok {
		t.Error("the cache still has that there is no such message")
	}
}
