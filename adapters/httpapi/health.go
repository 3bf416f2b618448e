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

// alive answers while the process lives.
func alive(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"status": "alive"}) }

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

	status, code, parts := "ready", http.StatusOK, gin.H{}
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
	c.JSON(code, gin.H{"status": status, "parts": parts})
}
