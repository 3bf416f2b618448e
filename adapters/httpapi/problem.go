package httpapi

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/ports"
)

// problem is the body of every error (RFC 9457).
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// fail answers with a problem; detail is a sentence that says what to do.
func fail(c *gin.Context, status int, detail string) {
	body, _ := json.Marshal(problem{"about:blank", http.StatusText(status), status, detail}) // plain texts always can
	if c.Writer.Written() {
		c.Abort()
		return
	}
	c.Data(status, "application/problem+json", body)
	c.Abort()
}

// retryAfter is how many seconds a sender should wait. KumoMTA has its own
// schedule; others heed it.
const retryAfter = "5"

// failWith answers for an error of a use case or a store, and logs what is not
// the client's own.
func failWith(c *gin.Context, log *slog.Logger, err error) {
	switch {
	case errors.Is(err, ports.ErrOverloaded):
		c.Header("Retry-After", retryAfter)
		fail(c, http.StatusServiceUnavailable, "More is waiting than may be held. Send all of it again later; what is known already is told apart.")
	case c.Request.Context().Err() != nil:
		c.Abort() // nobody is there to read an answer
	case errors.Is(err, ports.ErrUnavailable):
		log.Error("the store did not take a request", "route", c.FullPath(), "error", err)
		c.Header("Retry-After", retryAfter)
		fail(c, http.StatusServiceUnavailable, "The store cannot be reached or did not commit. Send all of it again later; what is known already is told apart.")
	default:
		log.Error("a request failed", "route", c.FullPath(), "error", err)
		fail(c, http.StatusInternalServerError, "The service failed on this request. Its log has the reason.")
	}
}
