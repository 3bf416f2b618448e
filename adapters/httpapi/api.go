package httpapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
)

// apiBase is the path that operations are under.
const apiBase = Base + "/v1"

// newAPI returns an API without operations on a router that lets in only who may
// ask.
func newAPI(e *gin.Engine, guarded *gin.RouterGroup, log *slog.Logger) huma.API {
	setUpHuma()
	config := huma.Config{
		OpenAPI:       newOpenAPI(),
		Formats:       map[string]huma.Format{jsonName: readJSON, "json": readJSON}, // the latter is what +json means
		DefaultFormat: jsonName,
		Transformers:  []huma.Transformer{finishProblems(log)},
	}
	onGin := humagin.NewWithGroup(e, guarded, huma.Config{}).Adapter()
	api := huma.NewAPI(config, withHead{onGin})
	api.UseMiddleware(checkQuery)
	addSharedAnswers(api)
	return api
}

const jsonName = "application/json"

// readJSON is JSON, which is UTF-8 (RFC 8259, section 8.1). The standard library
// puts U+FFFD where it is not, so that another address would be taken, or asked
// for, than was meant. It is read only if it has not too many values: what huma
// makes of each, and of what is wrong with each, took 850 MB of 4 MiB of them.
var readJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(body []byte, into any) error {
		switch {
		case !utf8.Valid(body):
			return errNotUTF8
		case hasTooMany(body, ",[{", '\\'):
			return errTooMany
		}
		return huma.DefaultJSONFormat.Unmarshal(body, into)
	},
}

var (
	errNotUTF8 = errors.New("it is not UTF-8")
	errTooMany = errors.New("it has far too many values; send it in parts")
)

// maxValues is how many values a body may have, more than any that keeps its bounds
// has: 1,000 objects, or meta of 16 KiB.
const maxValues = 32 << 10

// hasTooMany counts the signs that values begin with, or stand behind, outside of
// texts in quotes.
func hasTooMany(body []byte, signs string, escape byte) bool {
	values, inText := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case c == '"':
			inText = !inText
		case inText && c == escape:
			i++
		case !inText && strings.IndexByte(signs, c) >= 0:
			values++
		}
	}
	return values > maxValues
}

// withHead answers HEAD wherever GET is answered; the server leaves the body
// away.
type withHead struct{ huma.Adapter }

func (a withHead) Handle(op *huma.Operation, handler func(huma.Context)) {
	a.Adapter.Handle(op, handler)
	if op.Method == http.MethodGet {
		head := *op
		head.Method = http.MethodHead
		a.Adapter.Handle(&head, handler)
	}
}

// unwrap returns the request of an operation as gin has it.
func unwrap(ctx huma.Context) *gin.Context { return humagin.Unwrap(ctx) }

// setUpHuma makes huma answer with Problem, and 400 where it would say 422, and
// arrays that are never null. It has no other place for this than its own
// variables.
var setUpHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, detail string, _ ...error) huma.StatusError { return newProblem(status, detail) }
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		faults := queryFaults(ctx.Context())
		for _, err := range errs {
			faults = append(faults, faultOf(ctx.Operation(), err))
		}
		switch {
		case status == http.StatusInternalServerError: // the body could not be read
			return newProblem(http.StatusRequestTimeout, "The body did not arrive whole. Send it again.")
		case status == http.StatusUnsupportedMediaType:
			kinds := slices.Sorted(maps.Keys(ctx.Operation().RequestBody.Content))
			return newProblem(status, "The body's Content-Type is not known here. Send "+strings.Join(kinds, " or ")+".")
		case status == http.StatusRequestEntityTooLarge:
			return newProblem(status, "The body is too large. Send it in parts.")
		case len(faults) > 0:
			return badRequest(faults...)
		case status == http.StatusUnprocessableEntity:
			status = http.StatusBadRequest
		}
		return newProblem(status, strings.ToUpper(detail[:1])+detail[1:]+".")
	}
})

// register adds an operation below apiBase. It fills in what all operations have
// in common, and example is that of its answer, nil where the operation has its
// own. Handlers get only requests that the document allows; the errors that they
// return become problems.
func register[I, O any](api huma.API, op huma.Operation, example any, handler func(context.Context, *I) (*O, error)) {
	op.Path = apiBase + op.Path
	op.Security = []map[string][]string{{bearerScheme: {}}}
	addUsualAnswers(&op, reflect.TypeFor[I]())
	answered := op.Responses[strconv.Itoa(cmp.Or(op.DefaultStatus, http.StatusOK))]
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		if faults := queryFaults(ctx); len(faults) > 0 {
			return nil, badRequest(faults...)
		}
		within, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		out, err := handler(within, in)
		if err == nil {
			return out, nil
		}
		if answer, ok := err.(huma.StatusError); ok { //nolint:errorlint // an answer of its own, not a cause
			return nil, answer
		}
		return nil, problemOf(ctx, err, askAgain)
	})
	if example != nil {
		answered.Content["application/json"].Example = example
	}
}

// answerWithin bounds how long the store may take for an answer: one that is
// frozen would else have every client wait without end. An export takes as long as
// its client waits.
const answerWithin = time.Minute

// stream is the output of an operation that writes its answer piece by piece.
// HEAD gets the headers alone, and write is not called.
func stream(contentType string, write func(*gin.Context)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		c := unwrap(ctx)
		c.Header("Content-Type", contentType)
		if ctx.Method() != http.MethodHead {
			write(c)
		}
	}}
}
