package httpapi

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/kumotrail/kumotrail/ports"
)

// Probe asks one part whether it can work. Without a required part the service
// takes nothing; without another it goes on, degraded.
type Probe struct {
	Name     string
	Required bool
	ports.Health
}

// life is the answer of a process that lives.
type life struct {
	Status string `json:"status" enum:"alive"`
}

// readiness is the state of the service and of each of its parts.
type readiness struct {
	Status string            `json:"status" enum:"ready,degraded,unavailable" doc:"Degraded is without a part that the service can do without."`
	Parts  map[string]string `json:"parts" doc:"ok or unavailable, by part."`
}

// alive answers while the process lives.
func alive(c *gin.Context) { c.JSON(http.StatusOK, life{"alive"}) }

type probes []Probe

const probeTimeout = 2 * time.Second

// ready answers with the state of every part, 503 if one is missing without
// which nothing can be taken.
func (p probes) ready(c *gin.Context) {
	ctx, cancel := context.WithTimeout(c.Request.Context(), probeTimeout)
	defer cancel()
	states := make([]string, len(p))
	var asked sync.WaitGroup
	for i := range p {
		asked.Go(func() {
			if states[i] = "ok"; p[i].Ping(ctx) != nil {
				states[i] = "unavailable"
			}
		})
	}
	asked.Wait()

	status, code, parts := "ready", http.StatusOK, map[string]string{}
	for i := range p {
		if parts[p[i].Name] = states[i]; states[i] == "ok" {
			continue
		}
		if p[i].Required {
			status, code = "unavailable", http.StatusServiceUnavailable
		} else if code == http.StatusOK {
			status = "degraded"
		}
	}
	c.JSON(code, readiness{status, parts})
}
