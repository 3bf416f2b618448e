// Package httpapi is the way in over HTTP: the webhook that KumoMTA posts log
// records to, the questions that may be asked of what is kept, and the probes
// that say whether the service works.
//
// # Routes
//
// The webhook and the probes are plain gin handlers, for records come by the
// thousand. They stand in the OpenAPI document by hand: document.go.
//
// All other routes are operations of huma, a file a group of them, with a
// function that New calls:
//
//	func registerThings(api huma.API, things ports.Things) {
//		register(api, huma.Operation{
//			OperationID: "getThing", Method: http.MethodGet, Path: "/things/{id}",
//			Tags: []string{"Things"}, Summary: "Get a thing",
//			Description: "What the answer is, in plain sentences.",
//			Responses:   answers{http.StatusNotFound: "No thing has this id."}.of(api),
//		}, exampleThing(), func(ctx context.Context, in *thingInput) (*thingOutput, error) {
//			...
//		})
//	}
//
// Path is below Base/v1, where a key is asked for and requests are limited. The
// input is a struct: fields with the tag path, query or header are parameters,
// each with its bounds (minLength, maxLength, minimum, maximum, enum), an
// example and a doc; a field Body is the request's. The output has a field Body,
// or is stream's where lines are written one by one. Embedded structs must have
// exported names, or huma does not see their fields; slices are never null.
//
// register holds requests against the input. All that is wrong with one is told
// in one problem of status 400: unknown, doubled, empty and unreadable
// parameters too. The sentences come from the bounds; what bounds cannot say a
// handler says with badRequest. Other errors are returned as they are: problemOf
// alone maps them to answers. Answers that can come from everywhere (400, 401,
// 403, 429, 500, 503, and 408, 413, 415 of requests with a body) are in the
// document without being named.
//
// The tests take every operation from the document: its words and examples, and
// what it answers to parameters that are wrong.
package httpapi
