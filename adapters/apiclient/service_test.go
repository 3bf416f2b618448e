package apiclient_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/adapters/kumomta"
	"github.com/kumotrail/kumotrail/adapters/memory"
	"github.com/kumotrail/kumotrail/application"
)

const apiKey = "key-of-the-api"

// service is a service over a store and a bus in memory, and a client of it.
type service struct {
	*apiclient.Client
	store  *memory.Store
	bus    *memory.Bus
	server *httptest.Server
}

// startService also sends requests again without waiting long, unless the
// service asks for it.
func startService(t *testing.T) *service {
	t.Helper()
	store, bus, cache := memory.NewStore(), memory.NewBus(), memory.NewLookups(memory.LookupsConfig{})
	log := slog.New(slog.DiscardHandler)
	ingest := application.NewIngest(kumomta.Decoder{}, application.NewCommitter(application.NewForgetful(store, cache), nil), 0, time.Now)
	live := application.NewStream(bus, log, application.StreamConfig{})
	handler := httpapi.New(
		httpapi.Config{WebhookKeys: []string{"reloop"}, APIKeys: []string{apiKey}, MaxBodyBytes: 1 << 20},
		httpapi.Parts{
			Ingest: ingest, Budget: application.NewBudget(1 << 20), Logs: store, Stats: store, Lookup: application.NewLookup(store, cache),
			Lists: application.NewLists(store, store, store), Log: log, Stream: live, Register: application.NewRegister(store, time.Now),
			Suppressions: application.NewSuppressions(store, time.Now), Quarantine: application.NewQuarantine(store, ingest),
			Health: []httpapi.Probe{{Name: "store", Required: true, Health: store}},
		})
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		live.Stop()
		server.Close()
		live.Close()
	})
	return &service{newClient(t, server.URL, apiclient.Options{}), store, bus, server}
}

// newClient fills in keys and the bound of waiting where they are not given.
func newClient(t *testing.T, url string, options apiclient.Options) *apiclient.Client {
	t.Helper()
	if options.APIKey == "" {
		options.APIKey, options.WebhookKey = apiKey, "reloop"
	}
	if options.Retry.MaxWait == 0 {
		options.Retry.MaxWait = time.Millisecond
	}
	c, err := apiclient.New(url, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// recordOf returns a record about the message n and its own recipient.
func recordOf(kind string, n int) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"type":%q,"id":%q,"sender":"s@sender.example","recipient":"user%d@example.org",
		"queue":"spring:acme@example.org","site":"mx.example.org","size":1047,
		"response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no such user","command":"RCPT TO"},
		"peer_address":{"name":"mx.example.org.","addr":"192.0.2.1"},"timestamp":1785000000,"event_time":"2026-07-25T17:20:01.5Z",
		"created":1784999000,"num_attempts":1,"egress_source":"ip-1","nodeid":"4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10",
		"meta":{"X-Email-Log-ID":"app/1 ü"}}`, kind, messageID(n), n))
}

func messageID(n int) string { return fmt.Sprintf("%08x884d11f19001782d7e12e173", 0x10d1b680+n) }

// mustPost posts bounces of the messages 0 to n-1.
func (s *service) mustPost(t *testing.T, n int) {
	t.Helper()
	records := make([]json.RawMessage, n)
	for i := range records {
		records[i] = recordOf("Bounce", i)
	}
	r, err := s.Post(t.Context(), records...)
	if err != nil || r.Stored != n {
		t.Fatalf("post %d records: %+v, %v", n, r, err)
	}
}

// all gathers a sequence.
func all[T any](t *testing.T, items func(func(T, error) bool)) []T {
	t.Helper()
	var found []T
	for item, err := range items {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, item)
	}
	return found
}
