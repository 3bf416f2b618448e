package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/adapters/httpapi"
	"github.com/kumotrail/kumotrail/test/apidoc"
)

const (
	webhook = "/api/kumomta/webhook"
	alias   = "/webhook"
	v1Alias = "/api/kumomta/v1/webhook/kumomta"
)

// receipt is the answer to the webhook, and of errors their problem.
type receipt struct {
	Received, Stored, Duplicates, Expired, Quarantined int
	Quarantine                                         []note
	Processed, Errors                                  *int

	Title, Detail string
	code          int
	header        http.Header
	body          string
}

type note struct {
	Index      int
	ID, Reason string
}

// counts are those of a receipt.
type counts struct{ Received, Stored, Duplicates, Expired, Quarantined int }

func (r receipt) counts() counts {
	return counts{r.Received, r.Stored, r.Duplicates, r.Expired, r.Quarantined}
}

// Post posts a body with the key of development. Headers come in pairs.
func (s *Service) Post(body string, headers ...string) receipt {
	s.t.Helper()
	return s.PostTo(webhook, strings.NewReader(body), headers...)
}

// PostTo posts to a path, chunked where the body's length cannot be told.
func (s *Service) PostTo(path string, body io.Reader, headers ...string) receipt {
	s.t.Helper()
	r, err := s.tryPost(path, body, headers...)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// plainClient follows no redirect, so that tests see one, and takes no answer that
// is not in the API's document.
var plainClient = &http.Client{
	Transport:     documented{},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

type documented struct{}

func (documented) RoundTrip(req *http.Request) (*http.Response, error) {
	doc, err := document()
	if err != nil {
		return nil, err
	}
	return (&apidoc.Transport{Document: doc, Next: http.DefaultTransport}).RoundTrip(req)
}

// document is that of the sources that the program under test is built from.
var document = sync.OnceValues(func() (*apidoc.Document, error) {
	handler := httpapi.New(httpapi.Config{}, httpapi.Parts{Log: slog.New(slog.DiscardHandler)})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, httpapi.Base+"/openapi.json", nil))
	return apidoc.Parse(w.Body.Bytes())
})

func (s *Service) tryPost(path string, body io.Reader, headers ...string) (receipt, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.URL(path), body)
	if err != nil {
		return receipt{}, err
	}
	req.Header.Set("X-Kumomta-Key", "reloop")
	setHeaders(req, headers)
	resp, err := plainClient.Do(req)
	if err != nil {
		return receipt{}, err
	}
	return readReceipt(resp)
}

func setHeaders(req *http.Request, headers []string) {
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			req.Header.Del(headers[i])
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
}

func readReceipt(resp *http.Response) (receipt, error) {
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return receipt{}, err
	}
	r := receipt{code: resp.StatusCode, header: resp.Header, body: string(text)}
	if err := json.Unmarshal(text, &r); err != nil {
		return receipt{}, fmt.Errorf("answer %d %q: %w", resp.StatusCode, text, err)
	}
	return r, nil
}

// mustTake posts a body of which every record must be taken, new or known.
func (s *Service) mustTake(body string, headers ...string) receipt {
	s.t.Helper()
	r := s.Post(body, headers...)
	if r.code != http.StatusOK || r.Stored+r.Duplicates != r.Received {
		s.t.Fatalf("answer %d %s, want every record stored or a duplicate", r.code, r.body)
	}
	return r
}

// Get asks for a path. Headers come in pairs.
func (s *Service) Get(path string, headers ...string) (code int, body string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.URL(path), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	setHeaders(req, headers)
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := plainClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// Client returns a client of the service, whose answers are held against the
// document too. What is refused is not sent again.
func (s *Service) Client() *apiclient.Client {
	s.t.Helper()
	return s.clientWith(apiclient.Retry{Attempts: 1})
}

func (s *Service) clientWith(retry apiclient.Retry) *apiclient.Client {
	s.t.Helper()
	c, err := apiclient.New(s.URL(""), apiclient.Options{WebhookKey: "reloop", HTTPClient: plainClient, Retry: retry})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// everything is a filter that chooses all, for which a bound must be named.
var everything = apiclient.LogFilter{From: time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)}

// Export reads the export of everything, and checks that it is ordered newest
// acceptance first.
func (s *Service) Export() []object {
	s.t.Helper()
	var logs []object
	for line, err := range s.Client().ExportLines(s.t.Context(), everything) {
		if err != nil {
			s.t.Fatal(err)
		}
		logs = append(logs, parseObject(s.t, string(line)))
	}
	checkNewestFirst(s.t, logs)
	return logs
}

func checkNewestFirst(t *testing.T, logs []object) {
	t.Helper()
	for i := 1; i < len(logs); i++ {
		if place(logs[i]) > place(logs[i-1]) {
			t.Errorf("export: %v stands behind %v", logs[i], logs[i-1])
		}
	}
}

// place is a log's in the order of the export. What was not accepted within
// 2020 to 2100 has none, and comes last.
func place(log object) string {
	if at := log.text("accepted_at"); "2020" < at && at < "2100" {
		return at
	}
	return ""
}

// Stats returns the number of stored events by type.
func (s *Service) Stats() map[string]int {
	s.t.Helper()
	rows, err := s.Client().Stats(s.t.Context(), apiclient.StatsQuery{By: []string{"type"}, Interval: "1h"})
	if err != nil {
		s.t.Fatal(err)
	}
	count := map[string]int{}
	for _, row := range rows {
		count[row.Type] += int(row.Count)
	}
	return count
}

func total(count map[string]int) int {
	sum := 0
	for _, n := range count {
		sum += n
	}
	return sum
}

// quarantined is one line of `kumotrail quarantine list`.
type quarantined struct{ id, bytes, reason string }

// Quarantine lists the quarantine by the command.
func (s *Service) Quarantine() []quarantined {
	s.t.Helper()
	r := s.Run("quarantine", "list")
	if r.code != 0 {
		s.t.Fatalf("quarantine list: %d %s", r.code, r.stderr)
	}
	var entries []quarantined
	for i, line := range strings.Split(strings.TrimSuffix(r.stdout, "\n"), "\n") {
		f := strings.Fields(line)
		if i == 0 || len(f) < 4 {
			continue // the header
		}
		entries = append(entries, quarantined{id: f[0], bytes: f[2], reason: strings.Join(f[3:], " ")})
	}
	return entries
}

// object is a JSON object with numbers as they are spelled.
type object map[string]any

func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func parseObject(t *testing.T, text string) object {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var o object
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return o
}

func parseLines(t *testing.T, text string) []object {
	t.Helper()
	var all []object
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		all = append(all, parseObject(t, lines.Text()))
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
