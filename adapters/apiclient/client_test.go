package apiclient_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/ports"
)

func TestNewRefusesWhatIsNoAddressOfAService(t *testing.T) {
	for _, base := range []string{"", "localhost:8021", "ftp://localhost", "http://", "http://localhost?a=b", "http://localhost#a", "http://[::1"} {
		if _, err := apiclient.New(base, apiclient.Options{}); err == nil {
			t.Errorf("%q is taken", base)
		}
	}
	if _, err := apiclient.New("http://localhost", apiclient.Options{Retry: apiclient.Retry{Attempts: -1}}); err == nil {
		t.Error("-1 attempts are taken")
	}
}

func TestPostedRecordsAreCountedAndFoundAgain(t *testing.T) {
	s := startService(t)
	s.mustPost(t, 3)
	again, err := s.Post(t.Context(), recordOf("Bounce", 0), json.RawMessage(`{}`))
	if want := (apiclient.Receipt{Received: 2, Duplicates: 1, Quarantined: 1}); err != nil || len(again.Quarantine) != 1 ||
		again.Quarantine[0].Index != 1 || !cmp.Equal(want, apiclient.Receipt{Received: again.Received, Duplicates: again.Duplicates, Quarantined: again.Quarantined}) {
		t.Errorf("got %+v, %v", again, err)
	}
	if r, err := s.Post(t.Context()); err != nil || r.Received != 0 {
		t.Errorf("no records: %+v, %v", r, err)
	}

	story, err := s.Log(t.Context(), messageID(1))
	if err != nil || len(story.Timeline) != 1 || !story.Timeline[0].Decided || story.Timeline[0].SMTP.Code != 550 {
		t.Fatalf("got %+v, %v", story, err)
	}
	if accepted := time.Date(2026, 7, 25, 17, 20, 0, 123456000, time.UTC); story.Status != "bounced" || story.Tenant != "acme" || !story.AcceptedAt.Equal(accepted) {
		t.Errorf("got %+v", story.Log)
	}
	e, err := s.Event(t.Context(), story.Timeline[0].EventID)
	if err != nil || !json.Valid([]byte(e.Raw)) || e.MessageID != messageID(1) || e.Peer == nil || e.Peer.Address != "192.0.2.1" {
		t.Errorf("got %+v, %v", e, err)
	}
	rows, err := s.Stats(t.Context(), apiclient.StatsQuery{Interval: "1d", From: e.OccurredAt.Add(-time.Hour), To: e.OccurredAt.Add(time.Hour)})
	if err != nil || len(rows) != 1 || rows[0].Type != "bounce" || rows[0].Count != 3 {
		t.Errorf("got %+v, %v", rows, err)
	}
}

func TestStatsTellHowMessagesCameThrough(t *testing.T) {
	s := startService(t)
	if _, err := s.Post(t.Context(), recordOf("Bounce", 0), recordOf("Delivery", 1)); err != nil {
		t.Fatal(err)
	}
	q := apiclient.StatsQuery{
		By: []string{"tenant", "domain"}, Interval: "1d", From: time.Date(2026, 7, 25, 0, 0, 0, 0, time.UTC),
		Latency: true, Tenant: "acme", Campaign: "spring", Domain: "example.org",
	}
	rows, err := s.Stats(t.Context(), q)
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %+v, %v", rows, err)
	}
	if r := rows[0]; r.Tenant != "acme" || r.Domain != "example.org" || r.Count != 2 || r.Delivered != 1 || r.P99 == nil || !r.Bucket.Equal(q.From) {
		t.Errorf("got %+v", r)
	}
	q.By, q.Latency = []string{"status", "cause"}, false
	if rows, err := s.Stats(t.Context(), q); err != nil || len(rows) != 2 || rows[0].Status == "" || rows[0].P99 != nil {
		t.Errorf("got %+v, %v", rows, err)
	}
	q.Provider = "google"
	if rows, err := s.Stats(t.Context(), q); err != nil || len(rows) != 0 {
		t.Errorf("got %+v, %v", rows, err)
	}
}

func TestListsAreWalkedOverAllPages(t *testing.T) {
	s := startService(t)
	s.mustPost(t, 7)
	var want []string
	for n := range 7 {
		want = append(want, messageID(n))
	}
	logs := all(t, s.Logs(t.Context(), apiclient.LogFilter{Tenant: "acme", PageSize: 3}))
	if diff := cmp.Diff(want, sorted(logs, func(l apiclient.Log) string { return l.MessageID })); diff != "" {
		t.Errorf("logs -want +got\n%s", diff)
	}
	at := time.Date(2026, 7, 25, 17, 20, 0, 0, time.FixedZone("", 0))
	events := all(t, s.Events(t.Context(), apiclient.EventFilter{Types: []string{"bounce", "oob"}, From: at, To: at.Add(time.Hour), PageSize: 2}))
	if diff := cmp.Diff(want, sorted(events, func(e apiclient.ListedEvent) string { return e.MessageID })); diff != "" {
		t.Errorf("events -want +got\n%s", diff)
	}
	for _, err := range s.Logs(t.Context(), apiclient.LogFilter{PageSize: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		break // asks for no more
	}
	checkProblem(t, lastError(s.Logs(t.Context(), apiclient.LogFilter{Domain: "example.org"})), http.StatusBadRequest)
	checkProblem(t, lastError(s.Events(t.Context(), apiclient.EventFilter{PageSize: 501})), http.StatusBadRequest)
}

func sorted[T any](items []T, key func(T) string) []string {
	var keys []string
	for _, item := range items {
		keys = append(keys, key(item))
	}
	slices.Sort(keys)
	return keys
}

func lastError[T any](items func(func(T, error) bool)) error {
	for _, err := range items {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkProblem wants a problem that names its request, and no address or key in
// the error.
func checkProblem(t *testing.T, err error, status int) {
	t.Helper()
	var p *apiclient.Problem
	if !errors.As(err, &p) || p.Status != status || p.Detail == "" || p.RequestID == "" || p.Title != http.StatusText(status) {
		t.Errorf("got %v, want a problem of status %d", err, status)
		return
	}
	for _, secret := range []string{"user", apiKey, "reloop"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in %v", secret, err)
		}
	}
	if !strings.Contains(err.Error(), p.RequestID) {
		t.Errorf("the id of the request is not in %v", err)
	}
}

func TestErrorsAreProblems(t *testing.T) {
	s := startService(t)
	_, err := s.Log(t.Context(), "user/1%2F?#ü")
	checkProblem(t, err, http.StatusNotFound)
	_, err = s.PostBody(t.Context(), []byte("no record"), "")
	checkProblem(t, err, http.StatusUnprocessableEntity)
	_, err = s.PostBody(t.Context(), []byte("[]"), "br")
	checkProblem(t, err, http.StatusUnsupportedMediaType)
	stranger := newClient(t, s.server.URL+"/", apiclient.Options{APIKey: "x", WebhookKey: "y"})
	_, err = stranger.Post(t.Context())
	checkProblem(t, err, http.StatusUnauthorized)
	_, err = stranger.Stats(t.Context(), apiclient.StatsQuery{})
	checkProblem(t, err, http.StatusUnauthorized)
	s.server.Close()
	if _, err := s.Log(t.Context(), "user@example.org"); err == nil || strings.Contains(err.Error(), "user") {
		t.Errorf("got %v", err)
	}
}

func TestAnIDOfSeveralLogsIsAProblemWithCandidates(t *testing.T) {
	s := startService(t)
	s.mustPost(t, 2)
	_, err := s.Log(t.Context(), "app/1 ü")
	var p *apiclient.Problem
	if !errors.As(err, &p) || p.Status != http.StatusConflict || len(p.Candidates) != 2 {
		t.Fatalf("got %v", err)
	}
	if story, err := s.Log(t.Context(), p.Candidates[1].ID); err != nil || story.Log != p.Candidates[1] {
		t.Errorf("got %+v, %v", story.Log, err)
	}
}

func TestRegisteredMessagesArePending(t *testing.T) {
	s := startService(t)
	message := apiclient.Registration{
		ID: "app/1 ü", Recipients: []string{"User0@Example.org"}, Sender: "s@sender.example", Subject: "Spring",
		Meta: map[string]json.RawMessage{"order": json.RawMessage("4711")},
	}
	for _, want := range []string{"1 0 true", "0 1 false"} {
		r, err := s.Register(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(r.Registered, r.Known, " ", r.Items[0].New); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	story, err := s.Log(t.Context(), message.ID)
	if err != nil || story.Status != "pending" || story.Registration == nil || string(story.Registration.Meta["order"]) != "4711" {
		t.Errorf("got %+v, %v", story, err)
	}
}

func TestSuppressionsGoInBatches(t *testing.T) {
	s := startService(t)
	entries, addresses := make([]apiclient.NewSuppression, 2100), make([]string, 2100)
	for i := range entries {
		addresses[i] = fmt.Sprintf("User/%04d+x@example.org", i)
		entries[i] = apiclient.NewSuppression{Address: addresses[i], Reason: "complaint", Note: "n"}
	}
	added, err := s.AddSuppressions(t.Context(), entries...)
	if err != nil || added.Added != 2100 || added.Known != 0 || len(added.Items) != 2100 {
		t.Fatalf("added %d, %v", added.Added, err)
	}
	if err := s.RemoveSuppression(t.Context(), addresses[7]); err != nil {
		t.Fatal(err)
	}
	checkProblem(t, s.RemoveSuppression(t.Context(), addresses[7]), http.StatusNotFound)
	found, err := s.LookUpSuppressions(t.Context(), append([]string{"nobody@example.org"}, addresses...)...)
	if err != nil || len(found) != 2099 || found[7].Asked != addresses[8] || found[7].Address != strings.ToLower(addresses[8]) {
		t.Errorf("found %d, %v", len(found), err)
	}
	listed := all(t, s.Suppressions(t.Context(), apiclient.SuppressionFilter{Reason: "complaint", Domain: "Example.org", PageSize: 500}))
	if len(listed) != 2099 || listed[0].Note != "n" || listed[0].AddedAt.IsZero() {
		t.Errorf("listed %d", len(listed))
	}
	_, err = s.LookUpSuppressions(t.Context(), "nobody")
	checkProblem(t, err, http.StatusBadRequest)
}

func TestQuarantineIsListedShownAndTriedAgain(t *testing.T) {
	s := startService(t)
	if _, err := s.Post(t.Context(), json.RawMessage(`{"type":1}`), json.RawMessage("\"\xff\"")); err != nil {
		t.Fatal(err)
	}
	entries := all(t, s.Quarantine(t.Context()))
	if len(entries) != 2 {
		t.Fatalf("got %+v", entries)
	}
	shown := map[string]bool{}
	for _, e := range entries {
		q, err := s.Quarantined(t.Context(), e.ID)
		if err != nil || q.Quarantined != e {
			t.Errorf("got %+v, %v, want %+v", q, err, e)
		}
		shown[q.Raw+string(q.Base64)] = true
		if r, err := s.RetryQuarantined(t.Context(), e.ID); err != nil || r.Quarantined != 1 {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	if !shown[`{"type":1}`] || !shown["\"\xff\""] {
		t.Errorf("the bytes are %v", shown)
	}
	_, err := s.RetryQuarantined(t.Context(), "none")
	checkProblem(t, err, http.StatusNotFound)
}

func TestReadyTellsTheStateWhateverItIs(t *testing.T) {
	s := startService(t)
	for _, want := range []string{"ready", "unavailable"} {
		r, err := s.Ready(t.Context())
		if err != nil || r.Status != want || len(r.Parts) != 1 {
			t.Errorf("got %+v, %v, want %s", r, err, want)
		}
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	}
	elsewhere := newClient(t, s.server.URL+"/elsewhere", apiclient.Options{})
	_, err := elsewhere.Ready(t.Context())
	checkProblem(t, err, http.StatusNotFound)
}

func TestUnavailableServiceIsAskedAgain(t *testing.T) {
	s := startService(t)
	s.store.FailNext(ports.ErrUnavailable)
	_, err := s.Post(t.Context(), recordOf("Bounce", 0))
	var p *apiclient.Problem
	if !errors.As(err, &p) || p.RetryAfter != 5*time.Second { // longer than this client waits
		t.Errorf("got %v", err)
	}
}
