package apidoc

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

const document = `{
	"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
	"paths": {"/things/{id}": {"get": {
		"parameters": [
			{"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
			{"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 5}}
		],
		"responses": {
			"200": {"description": "ok", "content": {
				"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}},
				"application/x-ndjson": {"schema": {"type": "string"}}
			}},
			"400": {"description": "bad", "content": {"application/problem+json": {"schema": {"type": "object", "required": ["status"]}}}}
		}
	}}, "/things/all": {"get": {"responses": {"200": {"description": "ok", "headers": {"x-known": {"schema": {"type": "string"}}}, "content": {"text/plain": {"schema": {"type": "string"}}}}}}}},
	"components": {"schemas": {
		"Thing": {"type": "object", "additionalProperties": false, "required": ["a"], "properties": {
			"a": {"type": ["string", "null"]}, "peer": {"anyOf": [{"$ref": "#/components/schemas/Peer"}, {"type": "null"}]}
		}},
		"Peer": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
		"Log": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}
	}}
}`

// answer is a server that answers always the same.
type answer struct {
	status     int
	kind, body string
}

func (a answer) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: a.status, Header: http.Header{"Content-Type": {a.kind}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: req,
	}, nil
}

func TestHeadersOutsideOfTheDocumentDoNotPass(t *testing.T) {
	doc, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	for name, passes := range map[string]bool{"Content-Length": true, "X-Known": true, "X-Other": false} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://service/things/all", nil)
		if err != nil {
			t.Fatal(err)
		}
		from := with{answer{200, "text/plain", "all"}, name}
		if _, err := read((&Transport{doc, from}).RoundTrip(req)); (err == nil) != passes {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// with answers with a header besides.
type with struct {
	answer
	header string
}

func (w with) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.answer.RoundTrip(req)
	resp.Header.Set(w.header, "1")
	return resp, err
}

// read returns an answer's body, or why there is no answer.
func read(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

func TestOnlyWhatTheDocumentSaysPasses(t *testing.T) {
	doc, err := Parse([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	const jsonType, problem, lines = "application/json", "application/problem+json", "application/x-ndjson"
	for _, c := range []struct {
		request string
		answer
		fault string // "" for none
	}{
		{"GET /things/1", answer{200, jsonType, `{"a":"b"}`}, ""},
		{"GET /things/1", answer{200, jsonType, `{"a":null,"peer":null}`}, ""},
		{"GET /things/1%2F2?limit=5", answer{200, jsonType, `{"a":null,"peer":{"name":"n"}}`}, ""},
		{"GET /things/1", answer{200, lines, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"i"}, ""},
		{"GET /things/1?limit=6", answer{400, problem, `{"status":400}`}, ""},
		{"GET /things/all", answer{200, "text/plain", "all"}, ""},
		{"HEAD /things/1", answer{200, jsonType, ""}, ""},
		{"POST /things/1", answer{405, problem, ""}, ""},
		{"GET /unknown", answer{200, jsonType, "what?"}, ""},

		{"GET /things/1?limit=6", answer{200, jsonType, `{"a":"b"}`}, "does not allow"},
		{"GET /things/1?limit=x", answer{200, jsonType, `{"a":"b"}`}, "does not allow"},
		{"GET /things/1?other=1", answer{200, jsonType, `{"a":"b"}`}, `no parameter "other"`},
		{"GET /things/1", answer{200, jsonType, `{}`}, "not what the document says"},
		{"GET /things/1", answer{200, jsonType, `{"a":1}`}, "not what the document says"},
		{"GET /things/1", answer{200, jsonType, `{"a":"b","c":1}`}, "not what the document says"},
		{"GET /things/1", answer{200, jsonType, `{"a":"b","peer":{}}`}, "not what the document says"},
		{"GET /things/1", answer{200, jsonType, `{"a":`}, "not JSON"},
		{"GET /things/1", answer{200, "text/html", `{"a":"b"}`}, "content type"},
		{"GET /things/1", answer{200, lines, "{\"id\":\"1\"}\n{}\n"}, "not what the document says"},
		{"GET /things/1", answer{404, problem, `{"status":404}`}, "404"},
		{"GET /things/1", answer{400, problem, `{}`}, "not what the document says"},
		{"POST /things/1", answer{200, jsonType, `{"a":"b"}`}, "does not have this method"},
		{"GET /things/all", answer{200, jsonType, `{"a":"b"}`}, "content type"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		req, err := http.NewRequestWithContext(t.Context(), method, "http://service"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := read((&Transport{doc, c.answer}).RoundTrip(req))
		switch {
		case c.fault == "" && (err != nil || body != c.body):
			t.Errorf("%s, %v: %q, %v", c.request, c.answer, body, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s, %v: %v, want a fault with %q", c.request, c.answer, err, c.fault)
		}
	}
}
