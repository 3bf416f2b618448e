package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
)

// Readiness is the state of the service and of each of its parts.
type Readiness struct {
	Status string            `json:"status"` // "ready", "degraded" or "unavailable"
	Parts  map[string]string `json:"parts"`  // "ok" or "unavailable"
}

// Ready returns the state of the service, whatever it is. There is an error only
// if the service does not say. It asks once.
func (c *Client) Ready(ctx context.Context) (Readiness, error) {
	const name = "ask whether it is ready"
	resp, err := c.send(ctx, request{name: name, method: http.MethodGet, path: "/readyz"})
	if err != nil {
		return Readiness{}, err
	}
	defer resp.Body.Close()
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind != "application/json" || resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusServiceUnavailable {
		return Readiness{}, fmt.Errorf("%s: %w", name, problemOf(resp))
	}
	var r Readiness
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return Readiness{}, fmt.Errorf("%s: read the answer: %w", name, err)
	}
	return r, nil
}
