package httpapi

import (
	_ "embed"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"
	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

//go:embed swagger/index.html
var swaggerPage []byte

//go:embed swagger/start.js
var swaggerStart []byte

// swaggerPolicy lets the page load and ask its own origin alone. Swagger UI sets
// styles in its markup and draws icons from data addresses.
const swaggerPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// serveSwagger returns handlers of the page and of what it loads. The files stay
// compressed in the binary until they are asked for.
func serveSwagger() (page, assets gin.HandlerFunc) {
	files := sync.OnceValue(func() http.Handler { return statigz.FileServer(static.FS) })
	page = func(c *gin.Context) {
		c.Header("Content-Security-Policy", swaggerPolicy)
		c.Header("X-Content-Type-Options", "nosniff")
		c.Header("Referrer-Policy", "no-referrer")
		c.Data(http.StatusOK, "text/html; charset=utf-8", swaggerPage)
	}
	assets = func(c *gin.Context) {
		switch c.Param("file") {
		case "start.js":
			c.Header("X-Content-Type-Options", "nosniff")
			c.Data(http.StatusOK, "text/javascript; charset=utf-8", swaggerStart)
		case "swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png":
			c.Header("X-Content-Type-Options", "nosniff")
			http.StripPrefix(swaggerPath+"/", files()).ServeHTTP(c.Writer, c.Request)
		default:
			nothingHere(c)
		}
	}
	return page, assets
}
