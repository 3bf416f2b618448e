package apidoc

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
)

// Document is an OpenAPI document. It is safe for concurrent use.
type Document struct{ *openapi3.T }

// Parse reads a document and checks that it is one.
func Parse(text []byte) (*Document, error) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("read the document: %w", err)
	}
	// JSON Schema lets schemas have words of their own; this one is huma's.
	if err := doc.Validate(loader.Context, openapi3.AllowExtraSiblingFields("patternDescription")); err != nil {
		return nil, fmt.Errorf("check the document: %w", err)
	}
	return &Document{doc}, nil
}

// Operation is one of a document.
type Operation struct {
	Path, Method string
	*openapi3.Operation
}

// String returns method and path.
func (o Operation) String() string { return o.Method + " " + o.Path }

// Operations returns all operations, in order of path and method.
func (d *Document) Operations() []Operation {
	var all []Operation
	for _, path := range slices.Sorted(maps.Keys(d.Paths.Map())) {
		of := d.Paths.Value(path).Operations()
		for _, method := range slices.Sorted(maps.Keys(of)) {
			all = append(all, Operation{path, method, of[method]})
		}
	}
	return all
}

// find returns the operation that a request is for, and its parameters of the
// path. path is "" where the document knows no such path, and the route nil
// where it knows no such method. HEAD is GET.
func (d *Document) find(method string, address *url.URL) (path string, route *routers.Route, params map[string]string) {
	for pattern := range d.Paths.Map() {
		if found, ok := match(pattern, address.EscapedPath()); ok && (path == "" || len(found) < len(params)) {
			path, params = pattern, found
		}
	}
	if path == "" {
		return "", nil, nil
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	item := d.Paths.Value(path)
	if operation := item.Operations()[method]; operation != nil {
		route = &routers.Route{Spec: d.T, Path: path, PathItem: item, Method: method, Operation: operation}
	}
	return path, route, params
}

// match tells whether an escaped path fits a pattern as in /logs/{id}.
func match(pattern, path string) (map[string]string, bool) {
	wanted, given := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(wanted) != len(given) {
		return nil, false
	}
	params := map[string]string{}
	for i, w := range wanted {
		value, err := url.PathUnescape(given[i])
		if err != nil {
			return nil, false
		}
		if name, ok := strings.CutPrefix(w, "{"); ok && value != "" {
			params[strings.TrimSuffix(name, "}")] = value
		} else if w != value {
			return nil, false
		}
	}
	return params, true
}
