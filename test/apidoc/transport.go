package apidoc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// Transport holds what passes through it against the document: an answer must
// be documented for its request, and a request that the document does not allow
// must not succeed. What does not hold is an error of the round trip.
type Transport struct {
	Document *Document
	Next     http.RoundTripper
}

// options leave keys alone, and bodies of requests: what the webhook is sent is
// for the webhook to judge.
var options = &openapi3filter.Options{
	AuthenticationFunc:    openapi3filter.NoopAuthenticationFunc,
	ExcludeRequestBody:    true,
	SkipSettingDefaults:   true, // else it rewrites the request
	ExcludeResponseBody:   true,
	IncludeResponseStatus: true,
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	path, route, params := t.Document.find(req.Method, req.URL)
	input := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, QueryParams: req.URL.Query(), Route: route, Options: options,
	}
	var refused error
	if route != nil {
		refused = errors.Join(openapi3filter.ValidateRequest(req.Context(), input), unknownNames(req, route))
	}
	resp, err := t.Next.RoundTrip(req)
	if err != nil || path == "" {
		return resp, err
	}
	if err := t.check(req, resp, input, refused); err != nil {
		resp.Body.Close()
		return nil, fmt.Errorf("%s %s answered %d: %w", req.Method, path, resp.StatusCode, err)
	}
	return resp, nil
}

func (t *Transport) check(req *http.Request, resp *http.Response, input *openapi3filter.RequestValidationInput, refused error) error {
	switch {
	case input.Route == nil && resp.StatusCode != http.StatusMethodNotAllowed && req.Method != http.MethodOptions:
		return errors.New("the document does not have this method")
	case input.Route == nil:
		return nil
	case refused != nil && resp.StatusCode < 300:
		return fmt.Errorf("the document does not allow the request: %w", refused)
	}
	answer := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Options: options,
	}
	if err := openapi3filter.ValidateResponse(context.WithoutCancel(req.Context()), answer); err != nil {
		return err
	}
	if err := checkHeaders(resp, input.Route); err != nil {
		return err
	}
	return t.checkBody(req, resp, input.Route)
}

// usual are headers of HTTP itself, which no document has to name.
var usual = []string{
	"Cache-Control", "Connection", "Content-Length", "Content-Type", "Date", "Transfer-Encoding", "X-Accel-Buffering",
}

// checkHeaders wants all others to be in the document.
func checkHeaders(resp *http.Response, route *routers.Route) error {
	known := slices.Clone(usual)
	for name := range route.Operation.Responses.Status(resp.StatusCode).Value.Headers {
		known = append(known, http.CanonicalHeaderKey(name))
	}
	for name := range resp.Header {
		if !slices.Contains(known, name) {
			return fmt.Errorf("the header %s is not in the document", name)
		}
	}
	return nil
}

// checkBody holds a JSON body against its schema, and the first lines of an
// export against that of a log. Streams without end are left alone.
func (t *Transport) checkBody(req *http.Request, resp *http.Response, route *routers.Route) error {
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type %q: %w", resp.Header.Get("Content-Type"), err)
	}
	media := route.Operation.Responses.Status(resp.StatusCode).Value.Content[kind]
	switch {
	case media == nil:
		return fmt.Errorf("the content type %s is not in the document", kind)
	case req.Method == http.MethodHead:
		return nil
	case kind == "application/json", kind == "application/problem+json":
		return conforms(media.Schema.Value, peek(resp))
	case kind == "application/x-ndjson":
		return t.checkLines(peek(resp))
	}
	return nil
}

// checkLines looks at the first whole lines.
func (t *Transport) checkLines(text []byte) error {
	log := t.Document.Components.Schemas["Log"].Value
	for range 20 {
		line, rest, whole := bytes.Cut(text, []byte("\n"))
		if !whole {
			return nil
		}
		if err := conforms(log, line); err != nil {
			return err
		}
		text = rest
	}
	return nil
}

// peek reads a body and puts it back, with the error that it ends by.
func peek(resp *http.Response) []byte {
	text, err := io.ReadAll(resp.Body)
	rest := resp.Body
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), failing{err}), rest}
	return text
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

func conforms(schema *openapi3.Schema, text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var value any
	if err := decoder.Decode(&value); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	if err := schema.VisitJSON(value, openapi3.VisitAsResponse()); err != nil {
		return fmt.Errorf("the body is not what the document says: %w", err)
	}
	return nil
}

// unknownNames are those of the query that the document does not have.
func unknownNames(req *http.Request, route *routers.Route) error {
	for name := range req.URL.Query() {
		if route.Operation.Parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			return fmt.Errorf("there is no parameter %q", name)
		}
	}
	return nil
}
