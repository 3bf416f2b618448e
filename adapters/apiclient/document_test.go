package apiclient_test

import (
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/apiclient"
	"github.com/kumotrail/kumotrail/test/apidoc"
)

type listOf[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// What is sent and answered, by operation. Nil is for what has no JSON, or none
// that the client wants.
var answers, bodies = map[string]any{
	"GET /logs": listOf[apiclient.Log]{}, "GET /logs/{id}": apiclient.Story{}, "POST /logs": apiclient.Registered{},
	"GET /logs/export": nil, "GET /stream": nil,
	"GET /events": listOf[apiclient.ListedEvent]{}, "GET /events/{id}": apiclient.Event{},
	"GET /stats": struct {
		Rows []apiclient.StatsRow `json:"rows"`
	}{},
	"GET /suppressions": listOf[apiclient.Suppression]{}, "POST /suppressions": apiclient.AddedSuppressions{},
	"POST /suppressions/lookup": struct {
		Items []apiclient.FoundSuppression `json:"items"`
	}{},
	"DELETE /suppressions/{address}": nil,
	"GET /quarantine":                listOf[apiclient.Quarantined]{}, "GET /quarantine/{id}": apiclient.QuarantinedBytes{},
	"POST /quarantine/{id}/retry": apiclient.Receipt{},
}, map[string]any{
	"POST /logs": apiclient.Registration{},
	"POST /suppressions": struct {
		Items []apiclient.NewSuppression `json:"items"`
	}{},
}

func TestTypesHaveTheFieldsOfTheDocument(t *testing.T) {
	doc := startService(t).document(t)
	for _, op := range doc.Operations() {
		path, isOfAPI := strings.CutPrefix(op.Path, "/api/kumomta/v1")
		if !isOfAPI || path == "/webhook/kumomta" {
			continue
		}
		name := op.Method + " " + path
		answer, known := answers[name]
		if !known {
			t.Errorf("the client has nothing for %s", name)
		}
		if answer != nil {
			schema := op.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema
			if diff := cmp.Diff(fieldsOfSchema("", schema), fieldsOfType("", reflect.TypeOf(answer))); diff != "" {
				t.Errorf("answer of %s (-document +client)\n%s", name, diff)
			}
		}
		if body := bodies[name]; body != nil {
			schema := op.RequestBody.Value.Content["application/json"].Schema
			if diff := cmp.Diff(fieldsOfSchema("", schema), fieldsOfType("", reflect.TypeOf(body))); diff != "" {
				t.Errorf("body of %s (-document +client)\n%s", name, diff)
			}
		}
	}
}

func (s *service) document(t *testing.T) *apidoc.Document {
	t.Helper()
	resp, err := http.Get(s.server.URL + "/api/kumomta/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := apidoc.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// fieldsOfSchema returns the paths of all fields.
func fieldsOfSchema(path string, ref *openapi3.SchemaRef) []string {
	s := ref.Value
	for _, one := range s.AnyOf { // of an object and null
		if len(one.Value.Properties) > 0 {
			s = one.Value
		}
	}
	if s.Items != nil {
		return fieldsOfSchema(path+"[]", s.Items)
	}
	if len(s.Properties) == 0 {
		return []string{path}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if name != "$schema" {
			all = append(all, fieldsOfSchema(path+"."+name, s.Properties[name])...)
		}
	}
	slices.Sort(all)
	return all
}

// fieldsOfType returns the paths of all fields that are told in JSON.
func fieldsOfType(path string, t reflect.Type) []string {
	switch {
	case t.Kind() == reflect.Pointer:
		return fieldsOfType(path, t.Elem())
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		return fieldsOfType(path+"[]", t.Elem())
	case t.Kind() != reflect.Struct || t.PkgPath() == "time":
		return []string{path}
	}
	var all []string
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			all = append(all, fieldsOfType(path+"."+name, f.Type)...)
		}
	}
	slices.Sort(all)
	return all
}
