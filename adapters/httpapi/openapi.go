package httpapi

import (
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The security schemes.
const (
	bearerScheme  = "apiKey"
	webhookScheme = "webhookKey"
)

func newOpenAPI() *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "kumotrail", Version: "1.0.0",
			Description: "What became of each message that was sent through KumoMTA.\n\n" +
				"Routes under `" + apiBase + "` want one of `API_KEYS` as a bearer key. Without `API_KEYS` they are open, " +
				"in development, to browsers and programs of the service's own machine. Each key may ask 50 times a second, " +
				"and 100 times at once, unless `API_RATE_LIMIT` says otherwise.\n\n" +
				"Every error is a problem document (RFC 9457). Every answer has an `X-Request-Id`, the request's own if " +
				"that is 1 to 64 of the characters `A-Z a-z 0-9 . _ -`.",
			License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
		},
		Servers: []*huma.Server{{URL: "/", Description: "This service"}},
		Tags: []*huma.Tag{
			{Name: "Logs", Description: "What became of a message for a recipient."},
			{Name: "Events", Description: "What happened to messages, each record of it."},
			{Name: "Statistics", Description: "How much of what happened when."},
			{Name: "Suppressions", Description: "Addresses that must not be mailed."},
			{Name: "Quarantine", Description: "What came and could not be taken."},
			{Name: "Webhook", Description: "Where KumoMTA posts its log records."},
			{Name: "Health", Description: "Whether the service works."},
		},
		Components: &huma.Components{
			Schemas:   huma.NewMapRegistry("#/components/schemas/", schemaName),
			Responses: map[string]*huma.Response{},
			SecuritySchemes: map[string]*huma.SecurityScheme{
				bearerScheme:  {Type: "http", Scheme: "bearer", Description: "One of `API_KEYS`."},
				webhookScheme: {Type: "apiKey", In: "header", Name: "x-kumomta-key", Description: "One of `X_KUMOMTA_KEY`."},
			},
		},
	}
}

// schemaName is the name of a type in the document: logLine is Log.
func schemaName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Line")
}

// answers are problems by their status, each with what it says.
type answers map[int]string

func (a answers) of(api huma.API) map[string]*huma.Response {
	schema := schemaOf[Problem](api)
	found := map[string]*huma.Response{}
	for status, says := range a {
		example := newProblem(status, says)
		example.RequestID = exampleRequestID
		found[strconv.Itoa(status)] = &huma.Response{
			Description: says, Headers: headersOf(status),
			Content: map[string]*huma.MediaType{problemType: {Schema: schema, Example: example}},
		}
	}
	return found
}

const exampleRequestID = "5f0c1d6a9be24c3a8d7e61f2b4a09c13"

func schemaOf[T any](api huma.API) *huma.Schema {
	return api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
}

// usual are the answers that every operation can give.
var usual = answers{
	http.StatusBadRequest:   "Parameters are wrong. The detail names each of them and what is allowed.",
	http.StatusUnauthorized: "No key came, or one that is not among API_KEYS.",
	http.StatusForbidden: "The API has no keys and is closed, " +
		"or is open to the service's own machine alone and was asked by another name.",
	http.StatusTooManyRequests:     "This key asks too often. Go on after the seconds of Retry-After.",
	http.StatusInternalServerError: "The service failed on this request. Its log has the reason.",
	http.StatusServiceUnavailable:  "The store cannot be reached, or more is waiting than may be held. Ask again later.",
}

// usualOfBodies are the answers that operations with a body can give besides.
var usualOfBodies = answers{
	http.StatusRequestTimeout:        "The body did not arrive whole. Send it again.",
	http.StatusRequestEntityTooLarge: "The body is too large. Send it in parts.",
	http.StatusUnsupportedMediaType:  "The body's Content-Type is not known here.",
}

func sharedName(status int) string {
	return strings.NewReplacer(" ", "", "'", "").Replace(http.StatusText(status))
}

// addSharedAnswers puts the usual answers where operations refer to them.
func addSharedAnswers(api huma.API) {
	for _, a := range []answers{usual, usualOfBodies} {
		for status, response := range a.of(api) {
			n, _ := strconv.Atoi(status) // of an int
			api.OpenAPI().Components.Responses[sharedName(n)] = response
		}
	}
}

// addUsualAnswers refers to them, where op has no answer of its own.
func addUsualAnswers(op *huma.Operation, input reflect.Type) {
	found := map[string]*huma.Response{"200": {Description: op.Summary + ".", Headers: headersOf(http.StatusOK)}}
	refer := func(a answers) {
		for status := range a {
			found[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + sharedName(status)}
		}
	}
	refer(usual)
	_, hasBody := input.FieldByName("Body")
	_, hasRawBody := input.FieldByName("RawBody")
	if hasBody || hasRawBody {
		refer(usualOfBodies)
	}
	if op.DefaultStatus != 0 && op.DefaultStatus != http.StatusOK {
		found[strconv.Itoa(op.DefaultStatus)] = found["200"]
		delete(found, "200")
	}
	maps.Copy(found, op.Responses)
	op.Responses = found
}

// headersOf are the headers that answers of a status have.
func headersOf(status int) map[string]*huma.Header {
	headers := map[string]*huma.Header{requestIDHeader: textHeader("Finds the request in the service's log.", exampleRequestID)}
	switch status {
	case http.StatusUnauthorized:
		headers["WWW-Authenticate"] = textHeader("The kind of key that is wanted, of routes under "+apiBase+".", `Bearer realm="kumotrail"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		headers["Retry-After"] = textHeader("Seconds to wait.", retryAfter)
	}
	return headers
}

// textHeader is a header of an answer.
func textHeader(description string, example any) *huma.Header {
	return &huma.Header{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
}
