package httpapi

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
)

// serveDocument returns a handler that answers with the OpenAPI document, made
// when it is first asked for.
func serveDocument(api huma.API) gin.HandlerFunc {
	document := sync.OnceValues(func() ([]byte, error) { return json.Marshal(api.OpenAPI()) })
	return func(c *gin.Context) {
		body, err := document()
		if err != nil {
			panic(err) // the tests read the document
		}
		c.Data(http.StatusOK, "application/json", body)
	}
}

// addByHand puts the routes into the document that are no operations of huma.
func addByHand(api huma.API) {
	for _, route := range []struct{ id, path, says string }{
		{"receiveRecords", webhookPath, "The counts are records."},
		{"receiveRecordsShort", webhookShort, "The same as `" + webhookPath + "`."},
		{
			"receiveRecordsForReloop", webhookForReloop,
			"The same as `" + webhookPath + "`, as Reloop's policy calls it: its answer has `processed` and `errors` besides.",
		},
	} {
		api.OpenAPI().AddOperation(webhookOperation(api, route.id, route.path, route.says))
	}
	api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "isAlive", Method: http.MethodGet, Path: "/healthz", Tags: []string{"Health"},
		Summary: "Ask whether the process lives", Description: "Answers while it does, whatever else is missing.",
		Security:  noKey,
		Responses: map[string]*huma.Response{"200": jsonAnswer[life](api, "The process lives.", life{"alive"})},
	})
	for id, path := range map[string]string{"isReady": "/readyz", "getHealth": Base + "/health"} {
		api.OpenAPI().AddOperation(&huma.Operation{
			OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{"Health"},
			Summary: "Ask whether the service can work",
			Description: "Tells the state of each part. The status is `ready`, or `degraded` where a part is missing that the " +
				"service can do without, or `unavailable` where nothing can be taken.",
			Security: noKey,
			Responses: map[string]*huma.Response{
				"200": jsonAnswer[readiness](api, "Log records are taken.",
					readiness{"ready", map[string]string{"store": "ok", "bus": "ok", "cache": "ok"}}),
				"503": jsonAnswer[readiness](api, "A part is missing without which nothing can be taken.",
					readiness{"unavailable", map[string]string{"store": "unavailable", "bus": "ok", "cache": "ok"}}),
			},
		})
	}
}

// noKey says that a route is open.
var noKey = []map[string][]string{{}}

func jsonAnswer[T any](api huma.API, says string, example T) *huma.Response {
	return &huma.Response{
		Description: says, Headers: headersOf(http.StatusOK),
		Content: map[string]*huma.MediaType{"application/json": {Schema: schemaOf[T](api), Example: example}},
	}
}

const exampleRecord = `{"type":"Delivery","id":"22a08300884d11f19005782d7e12e173","sender":"news@sender.example",` +
	`"recipient":"frank@example.org","queue":"spring:acme@example.org","site":"mx.example.org","size":1047,` +
	`"response":{"code":250,"enhanced_code":{"class":2,"subject":0,"detail":0},"content":"Ok","command":null},` +
	`"peer_address":{"name":"mx.example.org.","addr":"192.0.2.1"},"timestamp":1785000000,"created":1784999000,` +
	`"num_attempts":0,"egress_source":"ip-1","nodeid":"4c9e0b1e-7b1d-4f0c-9f65-2f6d6f1f2a10"}`

func webhookOperation(api huma.API, id, path, says string) *huma.Operation {
	counted := Receipt{Received: 2, Stored: 1, Duplicates: 1, Quarantine: []note{}}
	taken := jsonAnswer(api, "All of it is durable. What could not be taken is in quarantine.", counted)
	if path == webhookForReloop {
		taken = jsonAnswer(api, "All of it is durable. What could not be taken is in quarantine.",
			reloopReceipt{counted, 2, 0})
	}
	responses := answers{
		http.StatusUnauthorized:          "No key came, or a wrong one. The body was not read.",
		http.StatusRequestTimeout:        "The body did not arrive whole. Nothing of it was taken; send it again.",
		http.StatusRequestEntityTooLarge: "The body is over MAX_BODY_BYTES. Send it in halves.",
		http.StatusUnsupportedMediaType:  "The body's Content-Encoding is not known here. Send it plain, or as gzip or zstd.",
		http.StatusUnprocessableEntity:   "The body is not log records. It is in quarantine; do not send it again.",
		http.StatusInternalServerError:   "The service failed on this request. Its log has the reason.",
		http.StatusServiceUnavailable:    "The store did not commit, or more is waiting than may be held. " + sendAgain,
	}.of(api)
	delete(responses["401"].Headers, "WWW-Authenticate")
	responses["415"].Headers["Accept-Encoding"] = textHeader("What the body may be compressed by.", knownEncodings)
	responses["200"] = taken
	record := json.RawMessage(exampleRecord)
	return &huma.Operation{
		OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{"Webhook"},
		Summary: "Take log records",
		Description: "The body is one log record, an array of them, or one a line, told apart by content whatever the " +
			"Content-Type says. With `Content-Encoding: gzip` or `zstd` it is compressed. " + says,
		Security: []map[string][]string{{webhookScheme: {}}},
		RequestBody: &huma.RequestBody{
			Description: "Log records as KumoMTA writes them. None at all is fine.",
			Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{}, Examples: map[string]*huma.Example{
					"one":   {Summary: "One record", Value: record},
					"array": {Summary: "An array of records", Value: []any{record}},
				}},
				ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString}, Example: exampleRecord + "\n"},
			},
		},
		Responses: responses,
	}
}
