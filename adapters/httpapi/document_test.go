package httpapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/kumotrail/kumotrail/test/apidoc"
)

// document reads the document as a client without a key does.
func (s service) document(t *testing.T) *apidoc.Document {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/kumomta/openapi.json", nil))
	doc, err := apidoc.Parse(w.Body.Bytes())
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d: %v", w.Code, err)
	}
	return doc
}

// whole matches a sentence, or several.
var whole = regexp.MustCompile(`(?s)^[A-Z].*\.$`)

// Every operation says what it does, in words and by example, and how it fails.
func TestEveryOperationIsDescribedWholly(t *testing.T) {
	doc := newService().document(t)
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = true
	}
	for _, op := range doc.Operations() {
		switch {
		case op.OperationID == "", op.Summary == "", strings.HasSuffix(op.Summary, "."):
			t.Errorf("%s: id %q, summary %q", op, op.OperationID, op.Summary)
		case !whole.MatchString(op.Description):
			t.Errorf("%s: description %q is no sentence", op, op.Description)
		case len(op.Tags) != 1 || !tags[op.Tags[0]]:
			t.Errorf("%s: tags %q, want one that the document describes", op, op.Tags)
		case op.Security == nil || len(*op.Security) != 1:
			t.Errorf("%s: says nothing of keys", op)
		}
		checkStatuses(t, op)
		checkWordsAndExamples(t, op)
	}
	for name, schema := range doc.Components.Schemas {
		if name != strings.ToUpper(name[:1])+name[1:] {
			t.Errorf("schema %s of %v", name, schema.Value.Type)
		}
	}
}

// checkStatuses wants those that can come from the route's place.
func checkStatuses(t *testing.T, op apidoc.Operation) {
	t.Helper()
	var want []int
	switch guarded := op.Security != nil && (*op.Security)[0]["apiKey"] != nil; {
	case guarded:
		want = []int{400, 401, 403, 429, 500, 503}
	case op.Method == http.MethodPost:
		want = []int{401, 408, 413, 415, 422, 500, 503}
	}
	if strings.HasPrefix(op.Path, "/api/kumomta/v1/") && (*op.Security)[0]["apiKey"] == nil && op.Path != "/api/kumomta/v1/webhook/kumomta" {
		t.Errorf("%s: wants no key", op)
	}
	for _, status := range want {
		answer := op.Responses.Status(status)
		if answer == nil {
			t.Errorf("%s: %d is not documented", op, status)
		} else if answer.Value.Content["application/problem+json"] == nil {
			t.Errorf("%s: %d is no problem document", op, status)
		}
	}
	if op.Responses.Value("422") != nil && !strings.HasSuffix(op.Path, "webhook") && !strings.HasSuffix(op.Path, "/kumomta") {
		t.Errorf("%s: bad parameters are 400, not 422", op)
	}
}

func checkWordsAndExamples(t *testing.T, op apidoc.Operation) {
	t.Helper()
	for _, p := range op.Parameters {
		examples := append(slices.Clone(p.Value.Schema.Value.Examples), p.Value.Example)
		if !whole.MatchString(p.Value.Description) || examples[0] == nil {
			t.Errorf("%s: %s is described as %q, by example as %v", op, p.Value.Name, p.Value.Description, examples)
		}
	}
	if op.RequestBody != nil {
		checkExamples(t, op.String(), op.RequestBody.Value.Content)
	}
	for status, answer := range op.Responses.Map() {
		if answer.Value.Description == nil || *answer.Value.Description == "" || answer.Value.Headers["X-Request-Id"] == nil {
			t.Errorf("%s: %s says nothing, or has no X-Request-Id", op, status)
		}
		checkExamples(t, op.String()+" "+status, answer.Value.Content)
	}
}

// checkExamples wants an example of each kind of body, one that fits its schema.
func checkExamples(t *testing.T, of string, content openapi3.Content) {
	t.Helper()
	for kind, media := range content {
		examples := map[string]any{}
		if media.Example != nil {
			examples["the example"] = media.Example
		}
		for name, e := range media.Examples {
			examples[name] = e.Value.Value
		}
		if len(examples) == 0 {
			t.Errorf("%s: %s has no example", of, kind)
		}
		for name, e := range examples {
			if err := media.Schema.Value.VisitJSON(e); err != nil {
				t.Errorf("%s: %s, %s: %v", of, kind, name, err)
			}
		}
	}
}

// An example that looks unlike what is answered would teach something wrong.
func TestTheExampleOfALogIsOneThatIsKnown(t *testing.T) {
	doc := newService().document(t)
	op := doc.Paths.Value("/api/kumomta/v1/logs/{id}").Get
	text, err := json.Marshal(op.Responses.Status(200).Value.Content["application/json"].Example)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"status":"bounced"`, `"timeline":[{`, `"cause":"recipient"`, `"response":"no such user here"`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("the example has no %s: %s", part, text)
		}
	}
}
