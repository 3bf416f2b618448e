package httpapi

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

const requestIDHeader = "X-Request-Id"

// requestID is the id of the request that w answers.
func requestID(w http.ResponseWriter) string { return w.Header().Get(requestIDHeader) }

// identify gives each request an id: the client's, if it is sane, or a new one.
func identify(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !isSaneID(id) {
		id = newRequestID()
	}
	c.Writer.Header().Set(requestIDHeader, id)
}

// isSaneID keeps what clients send from breaking lines or filling the log.
func isSaneID(id string) bool {
	const most = 64
	return id != "" && len(id) <= most && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	}) < 0
}

func newRequestID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rand.Uint64())
	binary.BigEndian.PutUint64(b[8:], rand.Uint64())
	return hex.EncodeToString(b[:])
}

// logAccess logs each request when it is over: questions at info, all others at
// debug, for records and probes come all the time. A line names no address, no
// query and no key; of a path only its pattern.
func logAccess(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		level := slog.LevelDebug
		if strings.HasPrefix(c.FullPath(), apiBase+"/") && c.FullPath() != webhookForReloop {
			level = slog.LevelInfo
		}
		if !log.Enabled(c.Request.Context(), level) {
			return
		}
		start, ended := time.Now(), false
		defer func() { // also of a request that was cut off
			log.LogAttrs(c.Request.Context(), level, "request", slog.String("method", c.Request.Method),
				slog.String("route", c.FullPath()), slog.Int("status", c.Writer.Status()),
				slog.Int("bytes", max(0, c.Writer.Size())), slog.Duration("duration", time.Since(start)),
				slog.Bool("whole", ended), slog.String("request_id", requestID(c.Writer)))
		}()
		c.Next()
		ended = true
	}
}
