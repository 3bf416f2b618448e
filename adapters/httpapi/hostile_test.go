package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/test/apidoc"
)

// local is a round tripper to a handler. From an answer without end it takes
// what comes first.
type local struct{ http.Handler }

func (l local) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	w := hangsUp{httptest.NewRecorder(), cancel}
	l.ServeHTTP(w, r.WithContext(ctx))
	return w.Result(), nil
}

// hangsUp ends its request when a part of the answer is flushed.
type hangsUp struct {
	*httptest.ResponseRecorder
	cancel context.CancelFunc
}

func (h hangsUp) Flush() { h.cancel() }

// client asks a service and holds its answers against the document.
type client struct {
	apidoc.Transport
}

func newClient(t *testing.T) client {
	s := newService()
	s.post(t, flat(recordOf("Bounce", 0, `,"meta":{"X-Email-Log-ID":"eml_406de800"}`, "a@example.com")))
	return client{apidoc.Transport{Document: s.document(t), Next: local{s}}}
}

// ask returns an answer that the document allows. Headers come in pairs.
func (c client) ask(t interface{ Fatalf(string, ...any) }, method, address, body string, headers ...string) (int, string) {
	r := httptest.NewRequest(method, "http://localhost/", strings.NewReader(body))
	u, err := url.Parse("http://localhost" + address)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	r.URL = u
	r.Header.Set("Authorization", "Bearer "+apiKey)
	r.Header.Set("x-kumomta-key", "reloop")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		t.Fatalf("%.200s: %v", address, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 500 {
		t.Fatalf("%s %.200s: %d %s, %v", method, address, resp.StatusCode, answer, err)
	}
	return resp.StatusCode, string(answer)
}

// example is a parameter's, as it is written in an address.
func example(p *openapi3.Parameter) string {
	value := p.Example
	if value == nil {
		value = p.Schema.Value.Examples[0]
	}
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = asText(v)
		}
		return strings.Join(texts, ",")
	}
	return asText(value)
}

func asText(value any) string {
	switch v := value.(type) {
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	s, _ := value.(string)
	return s
}

// address is an operation's with the examples of its path, and a query.
func address(op apidoc.Operation, raw string) string {
	path := op.Path
	for _, p := range op.Parameters {
		if p.Value.In == openapi3.ParameterInPath {
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", url.PathEscape(example(p.Value)))
		}
	}
	if raw != "" {
		path += "?" + raw
	}
	return path
}

// guarded are the operations that huma serves.
func guarded(doc *apidoc.Document) []apidoc.Operation {
	return slices.DeleteFunc(doc.Operations(), func(op apidoc.Operation) bool { return (*op.Security)[0]["apiKey"] == nil })
}

// wrong are values of a parameter that its schema does not allow.
func wrong(s *openapi3.Schema) []string {
	values := []string{"a\x00b", "\xff\xfe", ""}
	if s.Type.Is("string") && s.Enum == nil && s.Format == "" {
		if s.MaxLength != nil {
			values = append(values, strings.Repeat("x", int(*s.MaxLength)+1), strings.Repeat("ü", int(*s.MaxLength)+1))
		}
	} else {
		values = append(values, "wrong", "-", "NaN", "1e400", "99999999999999999999999", "0x10", strings.Repeat("9", 5000), "true,", "null")
	}
	if s.Min != nil {
		values = append(values, asText(*s.Min-1))
	}
	if s.Max != nil {
		values = append(values, asText(*s.Max+1))
	}
	return values
}

// Each fault of a query is 400 and named, with what is allowed.
func TestEveryWrongParameterIsNamed(t *testing.T) {
	c := newClient(t)
	for _, op := range guarded(c.Document) {
		c.expectNamed(t, op, "no_such_parameter", "no_such_parameter=1")
		c.expectNamed(t, op, "query cannot be read", "a=%zz")
		c.expectNamed(t, op, "query cannot be read", "a;b")
		for _, p := range op.Parameters {
			if p.Value.In != openapi3.ParameterInQuery {
				continue
			}
			name := p.Value.Name
			good := name + "=" + url.QueryEscape(example(p.Value))
			c.expectNamed(t, op, name+" is given 2 times", good+"&"+good)
			for _, value := range wrong(p.Value.Schema.Value) {
				c.expectNamed(t, op, name, name+"="+url.QueryEscape(value))
				c.expectNamed(t, op, name, good+"&other=1&"+name+"="+url.QueryEscape(value))
			}
		}
	}
}

func (c client) expectNamed(t *testing.T, op apidoc.Operation, name, raw string) {
	t.Helper()
	code, body := c.ask(t, op.Method, address(op, raw), exampleBody(op))
	var problem struct{ Detail string }
	if err := json.Unmarshal([]byte(body), &problem); code != http.StatusBadRequest || err != nil || !strings.Contains(problem.Detail, name) {
		t.Errorf("%s?%.100q: %d %.300s, want 400 that names %s", op, raw, code, body, name)
	}
}

// What is wrong in a header is named too.
func TestEveryWrongHeaderIsNamed(t *testing.T) {
	c := newClient(t)
	for _, op := range guarded(c.Document) {
		for _, p := range op.Parameters {
			if p.Value.In != openapi3.ParameterInHeader {
				continue
			}
			for _, value := range []string{"-", "\xff", strings.Repeat("9", 5000), "a\x00b", "{}"} {
				code, body := c.ask(t, op.Method, address(op, ""), exampleBody(op), p.Value.Name, value)
				if code != http.StatusBadRequest || !strings.Contains(body, p.Value.Name+" must be ") {
					t.Errorf("%s, %s: %.20q: %d %.300s", op, p.Value.Name, value, code, body)
				}
			}
		}
	}
}

// exampleBody is a body as the document shows it, "" for none.
func exampleBody(op apidoc.Operation) string {
	if op.RequestBody == nil {
		return ""
	}
	media := op.RequestBody.Value.Content["application/json"]
	if media == nil {
		return ""
	}
	value := media.Example
	for _, name := range slices.Sorted(maps.Keys(media.Examples)) {
		value = media.Examples[name].Value.Value
	}
	text, _ := json.Marshal(value) // it came from JSON
	return string(text)
}

// Whatever is in a path or a body, the answer is one of those in the document.
func TestWrongPathsAndBodiesHaveDocumentedAnswers(t *testing.T) {
	c := newClient(t)
	for _, op := range c.Document.Operations() {
		for _, p := range op.Parameters {
			if p.Value.In != openapi3.ParameterInPath {
				continue
			}
			for _, value := range append(wrong(p.Value.Schema.Value), "a/b", "..", "%", "?", "#", " ", "+") {
				path := strings.ReplaceAll(op.Path, "{"+p.Value.Name+"}", strings.ReplaceAll(url.PathEscape(value), "..", "%2E%2E"))
				if code, body := c.ask(t, op.Method, path, exampleBody(op)); code < 400 {
					t.Errorf("%s %.100s: %d %.200s", op.Method, path, code, body)
				}
			}
		}
		if op.RequestBody == nil {
			continue
		}
		for _, body := range append(spoiled(exampleBody(op)), "", "{", "[", "null", "true", "7", `""`, "[]", "{}", "[[]]", "{\"\x00\":1}",
			strings.Repeat("[", 100_000), `{"a":`+strings.Repeat("9", 5000)+"}", `{"a":1,"a":2}`, "\xff") {
			c.ask(t, op.Method, address(op, ""), body)
		}
	}
}

// spoiled returns bodies of which one field each is wrong.
func spoiled(body string) []string {
	var fields map[string]any
	if json.Unmarshal([]byte(body), &fields) != nil {
		return nil
	}
	var bodies []string
	add := func(change func(map[string]any)) {
		changed := maps.Clone(fields)
		change(changed)
		text, _ := json.Marshal(changed) // plain values always can
		bodies = append(bodies, string(text))
	}
	for name := range fields {
		add(func(f map[string]any) { delete(f, name) })
		for _, value := range []any{nil, -1, 1e300, true, "", "a\x00b", strings.Repeat("x", 10_000), []any{}, []any{nil}, map[string]any{}, make([]any, 2000)} {
			add(func(f map[string]any) { f[name] = value })
		}
	}
	add(func(f map[string]any) { f["no_such_field"] = 1 })
	return bodies
}

func TestRefusalsHaveTheHeadersOfTheDocument(t *testing.T) {
	c := newClient(t)
	for _, refused := range []struct {
		method, path, header, value string
		want                        int
	}{
		{http.MethodPost, "/webhook", "Content-Encoding", "br", http.StatusUnsupportedMediaType},
		{http.MethodPost, "/webhook", "x-kumomta-key", "wrong", http.StatusUnauthorized},
		{http.MethodGet, "/api/kumomta/v1/logs", "Authorization", "Bearer wrong", http.StatusUnauthorized},
	} {
		if code, answer := c.ask(t, refused.method, refused.path, "", refused.header, refused.value); code != refused.want {
			t.Errorf("%s with another %s: %d %s", refused.path, refused.header, code, answer)
		}
	}
}

// Any values in any parameters, known and unknown, whole and broken.
func TestAnyQueryHasADocumentedAnswer(t *testing.T) {
	c := newClient(t)
	operations := guarded(c.Document)
	rapid.Check(t, func(t *rapid.T) {
		op := rapid.SampledFrom(operations).Draw(t, "operation")
		names := []string{"", "x"}
		for _, p := range op.Parameters {
			if p.Value.In == openapi3.ParameterInQuery {
				names = append(names, p.Value.Name)
			}
		}
		value := rapid.OneOf(rapid.String(), rapid.StringN(0, 3, -1), rapid.SampledFrom([]string{
			"2026-07-25T17:20:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59", "type", "1m", "1d", "bounced", "ndjson", "csv", "1", "500", "true",
		}))
		var raw []string
		for range rapid.IntRange(0, 5).Draw(t, "parameters") {
			raw = append(raw, url.QueryEscape(rapid.SampledFrom(names).Draw(t, "name"))+"="+url.QueryEscape(value.Draw(t, "value")))
		}
		code, body := c.ask(t, op.Method, address(op, strings.Join(raw, "&")), exampleBody(op))
		if code == http.StatusUnauthorized || code == http.StatusForbidden {
			t.Fatalf("%d %s", code, body)
		}
	})
}

// rangeFor is a range of time, which some filters need, for operations that take
// one. A cursor is that of no filter.
func rangeFor(op apidoc.Operation, name string) string {
	var raw strings.Builder
	for _, p := range op.Parameters {
		if (p.Value.Name == "from" || p.Value.Name == "to") && name != "from" && name != "to" && name != "cursor" {
			raw.WriteString("&" + p.Value.Name + "=" + url.QueryEscape(example(p.Value)))
		}
	}
	return raw.String()
}

// The document has an example of everything, which works.
func TestTheExamplesWork(t *testing.T) {
	c := newClient(t)
	for _, op := range c.Document.Operations() {
		for _, p := range op.Parameters {
			raw, headers := "", []string(nil)
			switch p.Value.In {
			case openapi3.ParameterInQuery:
				raw = p.Value.Name + "=" + url.QueryEscape(example(p.Value)) + rangeFor(op, p.Value.Name)
			case openapi3.ParameterInHeader:
				headers = []string{p.Value.Name, example(p.Value)}
			}
			code, body := c.ask(t, op.Method, address(op, raw), exampleBody(op), headers...)
			if code >= 400 && code != http.StatusNotFound {
				t.Errorf("%s?%s: %d %s", op, raw, code, body)
			}
		}
	}
}
