package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// Problem is the body of every error (RFC 9457).
type Problem struct {
	Type      string `json:"type" example:"about:blank" doc:"The kind of problem: about:blank, for the status says it all."`
	Title     string `json:"title" example:"Bad Request" doc:"The name of the status."`
	Status    int    `json:"status" example:"400" doc:"The status of the answer."`
	Detail    string `json:"detail" example:"limit must be a whole number from 1 to 500." doc:"What is wrong and what to do."`
	RequestID string `json:"request_id,omitempty" example:"5f0c1d6a9be24c3a8d7e61f2b4a09c13" doc:"The X-Request-Id of the answer. It finds the request in the service's log."`

	header http.Header
	cause  error // the service's own, to be logged
}

func newProblem(status int, detail string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail}
}

func (p *Problem) Error() string { return p.Detail }

// Unwrap returns what the service failed by, nil where the request is at fault.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return problemType }

func (p *Problem) itself() *Problem { return p }

const problemType = "application/problem+json"

// badRequest is the problem of a request that no parameter's bounds can tell is
// wrong. A fault names its parameter and what is allowed.
func badRequest(faults ...string) *Problem {
	const most = 20
	if more := len(faults) - most; more > 0 {
		faults = append(faults[:most:most], "and more")
	}
	return newProblem(http.StatusBadRequest, strings.Join(faults, "; ")+".")
}

func notFound(detail string) *Problem { return newProblem(http.StatusNotFound, detail) }

const (
	// retryAfter is how many seconds a client should wait. KumoMTA has its own
	// schedule; others heed it.
	retryAfter = "5"

	askAgain  = "Ask again later."
	sendAgain = "Send all of it again later; what is known already is told apart."

	// statusClientLeft is for the access log: nobody is there to read an answer.
	statusClientLeft = 499
)

// problemOf is the answer to an error of a use case or a store. again says what
// to do where that can help.
func problemOf(ctx context.Context, err error, again string) *Problem {
	var p *Problem
	var bad *application.BadQuestion
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &bad):
		return badRequest(bad.Error())
	case errors.Is(err, ports.ErrOverloaded):
		p = newProblem(http.StatusServiceUnavailable, "More is waiting than may be held. "+again)
	case ctx.Err() != nil:
		return newProblem(statusClientLeft, "The client left.")
	case errors.Is(err, ports.ErrNotFound):
		return notFound("Nothing has this id.")
	case errors.Is(err, ports.ErrUnavailable):
		p = newProblem(http.StatusServiceUnavailable, "The store cannot be reached or did not commit. "+again)
		p.cause = err
	default:
		p = newProblem(http.StatusInternalServerError, "The service failed on this request. Its log has the reason.")
		p.cause = err
		return p
	}
	p.header = http.Header{"Retry-After": {retryAfter}}
	return p
}

// logCause logs what the service failed by, if it is the service that failed.
func (p *Problem) logCause(log *slog.Logger, route string) {
	if p.cause != nil {
		log.Error("a request failed", "route", route, "status", p.Status, "request_id", p.RequestID, "error", p.cause)
	}
}

// fail answers with a problem; detail is a sentence that says what to do.
func fail(c *gin.Context, status int, detail string) { write(c, newProblem(status, detail)) }

// failWith answers for an error of a use case, and logs what is not the client's
// own.
func failWith(c *gin.Context, log *slog.Logger, err error, again string) {
	p := problemOf(c.Request.Context(), err, again)
	p.RequestID = requestID(c.Writer)
	p.logCause(log, c.FullPath())
	write(c, p)
}

func write(c *gin.Context, p *Problem) {
	defer c.Abort()
	if c.Writer.Written() {
		return
	}
	p.RequestID = requestID(c.Writer)
	maps.Copy(c.Writer.Header(), p.header)
	body, _ := json.Marshal(p) // plain texts always can
	// What should have been an answer piece by piece has its own type already.
	c.Writer.Header().Del("Content-Type")
	c.Data(p.Status, problemType, body)
}

// finishProblems is the last step of an operation's answer.
func finishProblems(log *slog.Logger) huma.Transformer {
	return func(ctx huma.Context, _ string, answer any) (any, error) {
		if a, ok := answer.(interface{ itself() *Problem }); ok {
			p := a.itself()
			p.RequestID = requestID(unwrap(ctx).Writer)
			p.logCause(log, ctx.Operation().Path)
		}
		return answer, nil
	}
}
