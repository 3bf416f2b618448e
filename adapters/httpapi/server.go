package httpapi

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// Base is the path that all of the service's own routes are under.
const Base = "/api/kumomta"

// Config is what the handler must be told.
type Config struct {
	// WebhookKeys are the values of x-kumomta-key that are let in; without any
	// nobody is.
	WebhookKeys []string
	// APIKeys are the bearer keys of the API. Without any it is open to
	// browsers and programs on this machine if Open is set, and closed if not.
	APIKeys []string
	Open    bool
	// MaxBodyBytes bounds one body, after decompression.
	MaxBodyBytes int64
}

// Parts are what the handler works with.
type Parts struct {
	Ingest *application.Ingest
	Budget *application.Budget // of all bodies held at once
	Logs   ports.LogReader
	Lookup *application.Lookup
	Health []Probe
	Log    *slog.Logger
}

// New returns the handler of all routes.
func New(config Config, parts Parts) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	// Nothing here depends on the client's address, so no header may claim one.
	_ = e.SetTrustedProxies(nil)
	// A redirect makes a bodiless GET of KumoMTA's POST, and a 200 to that
	// counts as delivered (kumomta.md, section 5.3).
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	// An id in a path may have an escaped slash in it.
	e.UseRawPath = true
	e.Use(recovery(parts.Log))
	e.NoRoute(func(c *gin.Context) {
		fail(c, http.StatusNotFound, "There is nothing at this path. The webhook is POST "+Base+"/webhook.")
	})
	e.NoMethod(func(c *gin.Context) {
		fail(c, http.StatusMethodNotAllowed, "This path takes other methods: see the Allow header.")
	})

	hook := webhook{
		ingest: parts.Ingest, keys: newKeyring(config.WebhookKeys), log: parts.Log,
		bodies: bodies{budget: parts.Budget, limit: config.MaxBodyBytes},
	}
	e.POST(Base+"/webhook", hook.receive)
	e.POST("/webhook", hook.receive)
	e.POST(Base+"/v1/webhook/kumomta", hook.receiveForReloop)

	probes := probes(parts.Health)
	e.GET("/healthz", alive)
	e.GET("/readyz", probes.ready)
	e.GET(Base+"/health", probes.ready)

	reads := reads{logs: parts.Logs, lookup: parts.Lookup, log: parts.Log}
	v1 := e.Group(Base+"/v1", guard(newKeyring(config.APIKeys), config.Open))
	v1.GET("/logs/export", reads.export)
	v1.GET("/logs/:id", reads.one)
	v1.GET("/stats", reads.stats)
	return e
}

// NewServer returns a server for handler with the limits that keep slow clients
// from others. KumoMTA keeps idle connections for 90 s and gives up on a request
// after 60 s (kumomta.md, section 5.3).
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// recovery answers 500 where a handler panics, and leaves aborted responses to
// the server.
func recovery(log *slog.Logger) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				log.Error("a handler failed", "route", c.FullPath(), "panic", p, "stack", string(debug.Stack()))
				fail(c, http.StatusInternalServerError, "The service failed on this request. Its log has the reason.")
			}
		}()
		c.Next()
	}
}
