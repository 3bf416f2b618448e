package httpapi_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

// ask sends a request to the API and returns its answer as text.
func (s service) ask(method, path, contentType, body string) (int, string) {
	r := httptest.NewRequest(method, "/api/kumomta/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+apiKey)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

const jsonType = "application/json"

// send posts JSON, or what already is, and returns what is answered with 200.
func (s service) send(t *testing.T, path, contentType string, body any) map[string]any {
	t.Helper()
	text, isText := body.(string)
	if !isText {
		plain, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = string(plain)
	}
	code, answer := s.ask(http.MethodPost, path, contentType, text)
	var fields map[string]any
	if err := json.Unmarshal([]byte(answer), &fields); err != nil || code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, code, answer)
	}
	return fields
}

func TestSuppressionsAreAddedOnceAndFoundInAnyCase(t *testing.T) {
	s := newService()
	items := map[string]any{"items": []map[string]any{
		{"address": "Frank@Example.org", "reason": "complaint", "note": "n", "event_id": "019f9a03-d681-7c5a-8e1f-2b6a90d4c713"},
		{"address": "grace@example.org"}, {"address": "FRANK@example.org", "reason": "manual"},
	}}
	for _, want := range []string{"added 2 known 1 true true false", "added 0 known 3 false false false"} {
		answer := s.send(t, "/suppressions", jsonType, items)
		got := fmt.Sprint("added ", answer["added"], " known ", answer["known"])
		for _, item := range answer["items"].([]any) {
			got += fmt.Sprint(" ", item.(map[string]any)["new"])
		}
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	answer := s.send(t, "/suppressions/lookup", jsonType, map[string]any{"addresses": []string{"nobody@example.org", "fRANK@example.org ", "frank@EXAMPLE.org"}})
	var found []map[string]any
	for _, item := range answer["items"].([]any) {
		line := item.(map[string]any)
		if added, _ := line["added_at"].(string); added == "" {
			t.Errorf("added_at is %v", line["added_at"])
		}
		delete(line, "added_at")
		found = append(found, line)
	}
	one := map[string]any{"address": "frank@example.org", "reason": "complaint", "note": "n", "event_id": "019f9a03-d681-7c5a-8e1f-2b6a90d4c713"}
	want := []map[string]any{maps.Clone(one), one}
	want[0]["asked"], want[1]["asked"] = "fRANK@example.org ", "frank@EXAMPLE.org"
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("found: -want +got\n%s", diff)
	}
}

func TestSuppressionsAreTakenOut(t *testing.T) {
	s := newService()
	s.send(t, "/suppressions", jsonType, map[string]any{"items": []map[string]any{{"address": "a/b+c@example.org"}}})
	path := "/suppressions/" + url.PathEscape("A/b+C@example.org")
	if code, answer := s.ask(http.MethodDelete, path, "", ""); code != http.StatusOK || answer != `{"address":"a/b+c@example.org"}`+"\n" {
		t.Errorf("%d %s", code, answer)
	}
	for path, want := range map[string]int{path: http.StatusNotFound, "/suppressions/nobody": http.StatusBadRequest} {
		if code, answer := s.ask(http.MethodDelete, path, "", ""); code != want {
			t.Errorf("%s: %d %s, want %d", path, code, answer, want)
		}
	}
}

// page asks for a page and returns its addresses.
func (s service) page(t *testing.T, query string) (addresses []string, next string) {
	t.Helper()
	code, _, page := s.get(t, "/suppressions?"+query)
	if code != http.StatusOK {
		t.Fatalf("%s: %d %v", query, code, page)
	}
	for _, item := range page["items"].([]any) {
		addresses = append(addresses, item.(map[string]any)["address"].(string))
	}
	next, _ = page["next_cursor"].(string)
	return addresses, next
}

func TestSuppressionsAreListedInPages(t *testing.T) {
	s := newService()
	s.send(t, "/suppressions", "text/csv; charset=utf-8", "\ufeffb@x.example\na@x.example,complaint\nc@y.example,unsubscribe,\"a, b\"\n")
	var all []string
	cursor := ""
	for range 3 {
		addresses, next := s.page(t, "limit=1"+cursor)
		all = append(all, addresses...)
		cursor = "&cursor=" + next
		if last := len(all) == 3; last != (next == "") {
			t.Fatalf("after %v the next is %q", all, next)
		}
	}
	if diff := cmp.Diff([]string{"a@x.example", "b@x.example", "c@y.example"}, all); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for query, want := range map[string]string{
		"domain=X.example": "a@x.example b@x.example", "reason=complaint": "a@x.example", "reason=manual&domain=x.example": "b@x.example",
		"reason=invalid": "",
	} {
		if got, _ := s.page(t, query); strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	for _, query := range []string{"cursor=%20", "cursor=YQ", "cursor=QUB4LmV4YW1wbGU", "cursor=YUB4LmV4YW1wbGU&format=csv"} {
		if code, _, answer := s.get(t, "/suppressions?"+query); code != http.StatusBadRequest || !strings.Contains(fmt.Sprint(answer["detail"]), "cursor") {
			t.Errorf("%s: %d %v", query, code, answer)
		}
	}
}

func TestSuppressionsAsCSVMayNameTheirColumnsInAnyCase(t *testing.T) {
	s := newService()
	s.send(t, "/suppressions", "text/csv", "Reason, Address\ncomplaint,a@x.example\n")
	if got, _ := s.page(t, "reason=complaint"); len(got) != 1 || got[0] != "a@x.example" {
		t.Errorf("complaints: %v", got)
	}
}

// A list can be moved from one service to another, and no spreadsheet takes an
// address for a formula on the way.
func TestSuppressionsAsCSVAreSafeAndComeBackWhole(t *testing.T) {
	cells := rapid.StringMatching(`['=+@\t＝－-]{0,3}[a-zü"]{1,3}`)
	rapid.Check(t, func(rt *rapid.T) {
		from, to := newService(), newService()
		items := []map[string]any{}
		for _, name := range rapid.SliceOfN(cells, 1, 5).Draw(rt, "local parts") {
			item := map[string]any{"address": name + "@example.org", "note": cells.Draw(rt, "note")}
			if _, err := domain.SuppressionAddress(name + "@example.org"); err == nil {
				items = append(items, item)
			}
		}
		if len(items) == 0 {
			return
		}
		from.send(t, "/suppressions", jsonType, map[string]any{"items": items})
		_, list := from.ask(http.MethodGet, "/suppressions?format=csv", "", "")
		lines, err := csv.NewReader(strings.NewReader(list)).ReadAll()
		if err != nil {
			rt.Fatal(err)
		}
		for _, cell := range slices.Concat(lines...) {
			if first, _ := utf8.DecodeRuneInString(cell); strings.ContainsRune("=+-@\t\r＝－", first) {
				rt.Fatalf("a spreadsheet takes %q for a formula", cell)
			}
		}
		to.send(t, "/suppressions", "text/csv", list)
		if diff := cmp.Diff(withoutTimes(from), withoutTimes(to)); diff != "" {
			rt.Fatalf("-from +to\n%s", diff)
		}
	})
}

// withoutTimes returns the list without when it was made.
func withoutTimes(s service) []map[string]any {
	_, text := s.ask(http.MethodGet, "/suppressions?limit=500", "", "")
	var page struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(text), &page); err != nil {
		panic(err)
	}
	for i := range page.Items {
		delete(page.Items[i], "added_at")
	}
	return page.Items
}

func TestWrongListsAreRefusedWholeAndByPlace(t *testing.T) {
	s := newService()
	tooMany := strings.Repeat("a@example.org\n", 1001)
	for _, c := range []struct{ path, contentType, body, want string }{
		{"/suppressions", "text/csv", "a@example.org\nFrank <b@example.org>\n", "items[1].address"},
		{"/suppressions", "text/csv", "address,reason\na@example.org,manual\nb@example.org,hate\n", "items[1].reason"},
		{"/suppressions", "text/csv", "address,event_id\na@example.org,7\n", "items[0].event_id"},
		{"/suppressions", "text/csv", "address,colour\na@example.org,red\n", "column 2"},
		{"/suppressions", "text/csv", "address,address\na@example.org,b@example.org\n", "column 2 has the name of another, address"},
		{"/suppressions", "text/csv", "a@example.org,manual,,,,,\n", "7 columns at items[0]"},
		{"/suppressions", "text/csv", "\"a@example.org\nb@example.org", "not CSV"},
		{"/suppressions", "text/csv", ",manual\n", "items[0]"},
		{"/suppressions", "text/csv", "", "items"},
		{"/suppressions", "text/csv", tooMany, "1000"},
		{"/suppressions", "text/csv", "ren\xe9@example.org\n", "UTF-8"},
		{"/suppressions", jsonType, "{\"items\":[{\"address\":\"ren\xe9@example.org\"}]}", "UTF-8"},
		{"/suppressions", "application/problem+json", "{\"items\":[{\"address\":\"ren\xe9@example.org\"}]}", "UTF-8"},
		{"/suppressions/lookup", jsonType, "{\"addresses\":[\"ren\xe9@example.org\"]}", "UTF-8"},
		{"/suppressions/lookup", jsonType, `{"addresses":["ren\ud800@example.org"]}`, "addresses[0]"},
		{"/suppressions", jsonType, `{"items":[{"address":"a@example.org"},{"address":"b@example.org","note":"\u0000"}]}`, "items[1].note"},
		{"/suppressions", jsonType, `{"items":[{"address":"a@example.org","colour":"red"}]}`, "colour"},
		{"/suppressions/lookup", jsonType, `{"addresses":["a@example.org","nobody"]}`, "addresses[1]"},
		{"/logs", jsonType, `{"id":"x","recipients":["a@example.org","nobody"],"sender":"me","subject":"\u0000"}`, "recipients[1]"},
		{"/logs", jsonType, `{"id":"x","recipients":["a@example.org"],"sender":"","meta":{"a":"` + strings.Repeat("x", 17<<10) + `"}}`, "meta must be"},
	} {
		code, answer := s.ask(http.MethodPost, c.path, c.contentType, c.body)
		if code != http.StatusBadRequest || !strings.Contains(answer, c.want) {
			t.Errorf("%s %.60q: %d %.300s, want 400 with %s", c.path, c.body, code, answer, c.want)
		}
	}
	if all, _ := s.page(t, ""); len(all) > 0 {
		t.Errorf("added all the same: %v", all)
	}
	if code, answer := s.ask(http.MethodPost, "/suppressions", "text/csv", strings.Repeat("x", 4<<20+1)); code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d %.100s", code, answer)
	}
}

func TestBodyOfAnotherKindIsToldWhichAreKnown(t *testing.T) {
	s := newService()
	for path, want := range map[string]string{
		"/suppressions": "Send application/json or text/csv.", "/suppressions/lookup": "Send application/json.", "/logs": "Send application/json.",
	} {
		code, answer := s.ask(http.MethodPost, path, "application/x-www-form-urlencoded", "{}")
		if code != http.StatusUnsupportedMediaType || !strings.Contains(answer, want) {
			t.Errorf("%s: %d %s, want 415 with %s", path, code, answer, want)
		}
	}
}

func TestRegisteredMessageIsToldOfUntilAndBehindItsLog(t *testing.T) {
	s := newService()
	message := map[string]any{
		"id": "eml_1", "recipients": []string{"a@Example.com", "b@example.com", "a@example.com"}, "sender": "s@sender.example",
		"subject": "Spring", "tenant": "acme", "size": 7, "meta": map[string]any{"order": json.Number("12345678901234567890")},
	}
	answer := s.send(t, "/logs", jsonType, message)
	items := answer["items"].([]any)
	if answer["registered"] != 2.0 || answer["known"] != 0.0 || len(items) != 2 {
		t.Fatalf("first: %v", answer)
	}
	if again := s.send(t, "/logs", jsonType, message); again["registered"] != 0.0 || again["known"] != 2.0 {
		t.Errorf("again: %v", again)
	}
	own := items[0].(map[string]any)["id"].(string)
	if code, _, answer := s.get(t, "/logs/eml_1"); code != http.StatusConflict || len(answer["candidates"].([]any)) != 2 {
		t.Errorf("two recipients: %d %v", code, answer)
	}
	expect := func(status string, events int) {
		t.Helper()
		code, text := s.ask(http.MethodGet, "/logs/"+own, "", "")
		var got struct {
			ID, Status, Recipient string
			Timeline              []any
			Registration          struct {
				ID, Subject string
				Meta        map[string]json.Number
			}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
		if got.Status != status || got.Recipient != "a@example.com" || len(got.Timeline) != events || (got.ID == own) != (events == 0) ||
			got.Registration.ID != own || got.Registration.Subject != "Spring" || got.Registration.Meta["order"] != "12345678901234567890" {
			t.Errorf("got %s, want it %s", text, status)
		}
	}
	expect("pending", 0)
	s.post(t, flat(recordOf("Bounce", 0, `,"meta":{"X-Email-Log-ID":"eml_1"}`, "a@example.com")))
	expect("bounced", 1)
}

func TestQuarantineIsListedShownAndTriedAgain(t *testing.T) {
	s := newService()
	s.post(t, flat(recordOf("Bounce", 0, "", "a@example.com")), "{}", "{\xff}")
	_, _, page := s.get(t, "/quarantine?limit=1")
	cursor, _ := page["next_cursor"].(string)
	_, _, last := s.get(t, "/quarantine?cursor="+cursor)
	if len(page["items"].([]any)) != 1 || len(last["items"].([]any)) != 1 || last["next_cursor"] != "" {
		t.Fatalf("pages: %v, %v", page, last)
	}
	for _, item := range append(page["items"].([]any), last["items"].([]any)...) {
		line := item.(map[string]any)
		code, _, entry := s.get(t, "/quarantine/"+line["id"].(string))
		if raw, base64 := entry["raw"], entry["raw_base64"]; code != http.StatusOK || raw != "{}" && base64 != "e/99" || raw != nil && base64 != nil {
			t.Errorf("%d %v", code, entry)
		}
		receipt := s.send(t, "/quarantine/"+line["id"].(string)+"/retry", "", "")
		if receipt["quarantined"] != 1.0 || receipt["stored"] != 0.0 {
			t.Errorf("tried again: %v", receipt)
		}
	}
	if code, _, answer := s.get(t, "/quarantine/not-an-id"); code != http.StatusNotFound {
		t.Errorf("an unknown id: %d %v", code, answer)
	}
	if err := s.store.Remove(t.Context(), firstQuarantined(t, page)); err != nil {
		t.Fatal(err)
	}
	if code, _, answer := s.get(t, "/quarantine?cursor="+cursor); code != http.StatusNotFound {
		t.Errorf("a cursor whose entry is gone: %d %v", code, answer)
	}
}

func firstQuarantined(t *testing.T, page map[string]any) domain.QuarantineID {
	t.Helper()
	id, err := domain.ParseQuarantineID(page["items"].([]any)[0].(map[string]any)["id"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
