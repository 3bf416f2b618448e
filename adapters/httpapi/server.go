package httpapi

import (
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/application"
	"github.com/kumotrail/kumotrail/ports"
)

// Base is the path that all of the service's own routes are under.
const Base = "/api/kumomta"

const (
	webhookPath      = Base + "/webhook"
	webhookShort     = "/webhook"
	webhookForReloop = apiBase + "/webhook/kumomta"
	swaggerPath      = Base + "/openapi"
	documentPath     = Base + "/openapi.json"
	metricsPath      = "/metrics"
)

// Config is what the handler must be told.
type Config struct {
	// WebhookKeys are the values of x-kumomta-key that are let in; without any
	// nobody is.
	WebhookKeys []string
	// APIKeys are the bearer keys of the API. Without any it is open to
	// browsers and programs on this machine if Open is set, and closed if not.
	APIKeys []string
	Open    bool
	// RateLimit is how many requests to the API each key may make in a second,
	// and twice as many at once; 0 is no limit.
	RateLimit int
	// MaxBodyBytes bounds one body of the webhook, after decompression.
	MaxBodyBytes int64
}

// Parts are what the handler works with.
type Parts struct {
	Ingest *application.Ingest
	Budget *application.Budget // of all bodies held at once
	Logs   ports.LogReader
	Lookup *application.Lookup
	Lists  *application.Lists
	Stream *application.Stream
	Health []Probe
	Log    *slog.Logger

	Stats        ports.StatsReader
	Register     *application.Register
	Suppressions *application.Suppressions
	Quarantine   *application.Quarantine

	// Observe is told of every request, nil for nobody; Metrics answers
	// GET /metrics to who may ask the API, nil for no such route.
	Observe Observe
	Metrics http.Handler
}

// New returns the handler of all routes.
func New(config Config, parts Parts) http.Handler {
	e := newEngine(parts)
	hook := webhook{
		ingest: parts.Ingest, keys: newKeyring(config.WebhookKeys), log: parts.Log,
		bodies: bodies{budget: parts.Budget, limit: config.MaxBodyBytes},
	}
	e.POST(webhookPath, hook.receive)
	e.POST(webhookShort, hook.receive)
	e.POST(webhookForReloop, hook.receiveForReloop)

	probes := probes(parts.Health)
	get(e, "/healthz", alive)
	get(e, "/readyz", probes.ready)
	get(e, Base+"/health", probes.ready)

	gate := newGate(config.APIKeys, config.Open, config.RateLimit)
	if parts.Metrics != nil {
		get(e.Group("", gate.watch), metricsPath, gin.WrapH(parts.Metrics))
	}
	api := newAPI(e, e.Group("", gate.pass), parts.Log)
	registerAll(api, parts)
	addByHand(api)
	get(e, documentPath, serveDocument(api))
	page, assets := serveSwagger()
	get(e, swaggerPath, page)
	get(e, swaggerPath+"/:file", assets)
	return e
}

// registerAll adds the groups of operations: see the package's comment.
func registerAll(api huma.API, parts Parts) {
	registerLogs(api, parts.Lookup)
	registerLogList(api, parts.Lists)
	registerExport(api, parts.Logs, parts.Log)
	registerEvents(api, parts.Lists)
	registerStats(api, parts.Stats)
	registerRegistrations(api, parts.Register)
	registerSuppressions(api, parts.Suppressions, parts.Log)
	registerQuarantine(api, parts.Quarantine)
	registerStream(api, parts.Stream, parts.Log)
}

// newEngine returns an engine with what holds for every route.
func newEngine(parts Parts) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	// Nothing here depends on the client's address, so no header may claim one.
	_ = e.SetTrustedProxies(nil)
	// A redirect makes a bodiless GET of KumoMTA's POST, and a 200 to that
	// counts as delivered (kumomta.md, section 5.3).
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.HandleMethodNotAllowed = true
	// An id in a path may have an escaped slash in it. Gin would make a blank of a
	// plus sign beside one.
	e.UseRawPath, e.UnescapePathValues = true, false
	e.Use(identify, logAccess(parts.Log), unescapePathValues)
	if parts.Observe != nil {
		e.Use(observe(parts.Observe))
	}
	e.Use(recovery(parts.Log))
	e.NoRoute(nothingHere)
	e.NoMethod(otherMethods)
	return e
}

// unescapePathValues unescapes what gin has taken from a path that it left as it
// was sent, which is one that has an escaped slash in it or the like.
func unescapePathValues(c *gin.Context) {
	if c.Request.URL.RawPath == "" {
		return
	}
	for i, p := range c.Params {
		if value, err := url.PathUnescape(p.Value); err == nil { // the server has refused what is no path
			c.Params[i].Value = value
		}
	}
}

func get(e gin.IRoutes, path string, handler gin.HandlerFunc) {
	e.GET(path, handler)
	e.HEAD(path, handler)
}

func nothingHere(c *gin.Context) {
	fail(c, http.StatusNotFound, "There is nothing at this path. The webhook is POST "+webhookPath+
		", and "+swaggerPath+" describes the API.")
}

// otherMethods answers OPTIONS, but to the webhook, which is for POST alone:
// what is sent there by another method is lost, and the sender must hear of it.
func otherMethods(c *gin.Context) {
	allow := c.Writer.Header().Get("Allow")
	switch path := c.Request.URL.Path; {
	case c.Request.Method != http.MethodOptions, path == webhookPath, path == webhookShort, path == webhookForReloop:
		fail(c, http.StatusMethodNotAllowed, "This path takes other methods: see the Allow header.")
	default:
		c.Header("Allow", strings.Join([]string{allow, http.MethodOptions}, ", "))
		c.Status(http.StatusNoContent)
		c.Writer.WriteHeaderNow()
	}
}

// NewServer returns a server for handler with the limits that keep slow clients
// from others. KumoMTA keeps idle connections for 90 s and gives up on a request
// after 60 s (kumomta.md, section 5.3). A client has a minute to send a body, what
// is done with it may take one more, and another is for the answer; answers piece
// by piece set a limit for each piece.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      180 * time.Second,
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
				log.Error("a handler failed", "route", c.FullPath(), "request_id", requestID(c.Writer),
					"panic", p, "stack", string(debug.Stack()))
				fail(c, http.StatusInternalServerError, "The service failed on this request. Its log has the reason.")
			}
		}()
		c.Next()
	}
}
