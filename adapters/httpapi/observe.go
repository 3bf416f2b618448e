package httpapi

import (
	"time"

	"github.com/gin-gonic/gin"
)

// Observe is told of every request when it is over: the pattern that its path
// matched, "" for none, and the bytes of its answer's body. It is called by many
// at once and is not to wait.
type Observe func(route, method string, status int, bytes int64, took time.Duration)

// observe tells o also of requests that were cut off.
func observe(o Observe) gin.HandlerFunc {
	return func(c *gin.Context) {
		start := time.Now()
		defer func() {
			o(c.FullPath(), c.Request.Method, c.Writer.Status(), int64(max(0, c.Writer.Size())), time.Since(start))
		}()
		c.Next()
	}
}
