package httpapi_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// items returns what a list answers, and its next cursor.
func (s service) items(t *testing.T, path string) (items []map[string]any, next string) {
	t.Helper()
	code, _, got := s.get(t, path)
	list, isList := got["items"].([]any)
	next, isText := got["next_cursor"].(string)
	if code != http.StatusOK || !isList || !isText {
		t.Fatalf("%s: %d, %v", path, code, got)
	}
	for _, item := range list {
		items = append(items, item.(map[string]any))
	}
	return items, next
}

// eight posts bounces of the messages 0 to 7, each to a recipient of its own.
func eight(t *testing.T, s service) {
	t.Helper()
	for i := range 8 {
		s.post(t, flat(recordOf("Bounce", i, "", fmt.Sprintf("user%d@Example%d.com", i, i%2))))
	}
}

func TestLogsAreListedPageByPage(t *testing.T) {
	s := newService()
	eight(t, s)
	var found []string // in no order: their ids have one millisecond
	for path := "/logs?limit=3"; ; {
		items, next := s.items(t, path)
		for _, item := range items {
			recipient, _ := item["recipient"].(string)
			found = append(found, recipient)
		}
		if next == "" {
			break
		}
		path = "/logs?limit=3&cursor=" + next
	}
	var want []string
	for i := range 8 {
		want = append(want, fmt.Sprintf("user%d@example%d.com", i, i%2))
	}
	slices.Sort(found)
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestLogsAreChosenByFilters(t *testing.T) {
	s := newService()
	eight(t, s)
	for query, want := range map[string]int{
		"recipient=user3@example1.com":                                     1,
		"recipient=*@EXAMPLE1.com&tenant=acme":                             4,
		"domain=example0.com&tenant=acme":                                  4,
		"recipient=*@example0.com&domain=EXAMPLE0.com&tenant=acme":         4,
		"tenant=acme&egress_source=ip-1":                                   8,
		"tenant=acme&egress_source=ip-2":                                   0,
		"tenant=acme&provider=google":                                      0,
		"tenant=acme&cause=content":                                        0,
		"tenant=acme&status=bounced&campaign=spring":                       8,
		"message_id=" + messageID:                                          1,
		"from=2026-07-25T00:00:00Z&to=2026-07-26T00:00:00Z&status=bounced": 8,
	} {
		if items, _ := s.items(t, "/logs?"+query); len(items) != want {
			t.Errorf("%s: %d logs, want %d", query, len(items), want)
		}
	}
}

func TestQuestionsThatNeedMoreAreNamed(t *testing.T) {
	s := newService()
	eight(t, s)
	_, next := s.items(t, "/logs?limit=1&tenant=acme")
	for path, says := range map[string]string{
		"/logs?status=bounced":                                      "tenant is needed",
		"/logs?recipient=*@example.com":                             "tenant is needed",
		"/logs?recipient=*@&tenant=acme":                            "recipient must be",
		"/logs?recipient=*@a.com&domain=b.com":                      "recipient and domain",
		"/logs?from=0001-01-01T00:00:00Z":                           "from must be a time",
		"/stats?interval=1d&to=0001-01-01T01:00:00%2B01:00":         "to must be a time",
		"/logs?recipient=*":                                         "recipient must be",
		"/logs?recipient=@example.com":                              "recipient must be",
		"/logs/export?recipient=*.com":                              "recipient must be",
		"/events?recipient=*@example0.com":                          "recipient must be a whole address.",
		"/events?recipient=user@":                                   "recipient must be a whole address.",
		"/logs?limit=0":                                             "limit must be a whole number from 1 to 500",
		"/logs?limit=501":                                           "limit must be a whole number from 1 to 500",
		"/logs?cursor=" + next:                                      "cursor must be the next_cursor",
		"/logs?tenant=acme&cursor=abc":                              "cursor must be the next_cursor",
		"/logs?from=2026-07-26T00:00:00Z&to=2026-07-25T00:00:00Z":   "from must not be after to",
		"/events?from=2026-07-26T00:00:00Z&to=2026-07-25T00:00:00Z": "from must not be after to",
		"/events?type=bounce":                                       "type needs",
		"/events?cursor=" + next:                                    "cursor must be the next_cursor",
		"/logs/export":                                              "from is needed",
		"/logs/export?status=bounced&format=csv":                    "from is needed",
	} {
		code, contentType, got := s.get(t, path)
		detail, _ := got["detail"].(string)
		if code != http.StatusBadRequest || contentType != "application/problem+json" || !strings.Contains(detail, says) {
			t.Errorf("%s: %d, %s, %q, want 400 and %q", path, code, contentType, detail, says)
		}
	}
}

func TestEventsAreListedAndReadWhole(t *testing.T) {
	s := newService()
	eight(t, s)
	items, next := s.items(t, "/events?limit=5")
	if len(items) != 5 || next == "" {
		t.Fatalf("%d events, cursor %q", len(items), next)
	}
	rest, end := s.items(t, "/events?limit=5&cursor="+next)
	if len(rest) != 3 || end != "" {
		t.Errorf("%d events behind, cursor %q", len(rest), end)
	}
	for query, want := range map[string]int{
		"message_id=" + messageID: 1, "recipient=user2@example0.com": 1, "recipient=nobody@example0.com": 0,
		"message_id=" + messageID + "&type=delivery,oob": 0, "message_id=" + messageID + "&type=delivery,bounce": 1,
		"from=2026-07-25T17:20:03.5Z&to=2026-07-25T17:20:06Z&type=bounce": 3,
	} {
		if items, _ := s.items(t, "/events?"+query); len(items) != want {
			t.Errorf("%s: %d events, want %d", query, len(items), want)
		}
	}
	id, _ := items[0]["event_id"].(string)
	code, _, whole := s.get(t, "/events/"+id)
	raw, _ := whole["raw"].(string)
	var record map[string]any
	if err := json.Unmarshal([]byte(raw), &record); err != nil || code != http.StatusOK || record["type"] != "Bounce" {
		t.Fatalf("%d, raw %q, %v", code, raw, err)
	}
	if whole["event_id"] != id || whole["recipient"] != "user7@Example1.com" || whole["site"] != "mx.example.com" {
		t.Errorf("event is %v", whole)
	}
	for _, id := range []string{"unknown", "00000000-0000-0000-0000-000000000000", "%00"} {
		if code, _, _ := s.get(t, "/events/"+id); code != http.StatusNotFound {
			t.Errorf("event %s: %d, want 404", id, code)
		}
	}
}

func TestExportAsCSVIsSafeInSpreadsheets(t *testing.T) {
	s := newService()
	for i, tenant := range []string{`=HYPERLINK("http://evil.example","x")`, "+1", "-1", "@sum", "a,b", "line\nbreak", "plain", "\ttab", "＝1+1", "＠sum"} {
		meta, _ := json.Marshal(map[string]string{"tenant": tenant})
		s.post(t, flat(recordOf("Bounce", i, `,"meta":`+string(meta), "a@example.com")))
	}
	resp := s.asked(http.MethodGet, "/api/kumomta/v1/logs/export?format=csv&recipient="+url.QueryEscape("a@example.com"), "Authorization", bearer)
	if got := resp.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
		t.Errorf("Content-Type is %q", got)
	}
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(rows) != 11 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	var tenants []string
	for _, row := range rows[1:] {
		for i, name := range rows[0] {
			if name == "tenant" {
				tenants = append(tenants, row[i])
			}
		}
	}
	slices.Sort(tenants)
	want := []string{"'\ttab", "'+1", "'-1", `'=HYPERLINK("http://evil.example","x")`, "'@sum", "'＝1+1", "'＠sum", "a,b", "line\nbreak", "plain"}
	if diff := cmp.Diff(want, tenants); diff != "" {
		t.Errorf("tenants: -want +got\n%s", diff)
	}
}

func TestExportOfNothingHasItsHead(t *testing.T) {
	s := newService()
	for format, want := range map[string]string{"ndjson": "", "csv": "id,message_id,"} {
		resp := s.asked(http.MethodGet, "/api/kumomta/v1/logs/export?tenant=nobody&format="+format, "Authorization", bearer)
		if body := resp.Body.String(); resp.Code != http.StatusOK || !strings.HasPrefix(body, want) || want == "" && body != "" {
			t.Errorf("%s: %d, %q", format, resp.Code, body)
		}
	}
}

// A plain plus sign means a blank in a query, and its offset is none.
func TestPlusSignOfAnOffsetIsAskedFor(t *testing.T) {
	s := newService()
	for from, hint := range map[string]bool{"2026-07-25T00:00:00+02:00": true, "2026-07-25+00:00:00": false, "yesterday": false} {
		code, _, problem := s.get(t, "/logs?from="+from)
		if detail, _ := problem["detail"].(string); code != http.StatusBadRequest || strings.Contains(detail, "%2B") != hint {
			t.Errorf("%s: %d %s", from, code, detail)
		}
	}
	if code, _, page := s.get(t, "/logs?from=2026-07-25T00:00:00%2B02:00"); code != http.StatusOK {
		t.Errorf("escaped: %d %v", code, page)
	}
}
