package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"time"
)

// Problem is an answer that is an error (RFC 9457). One of something between
// client and service, that is no problem document, has Status and Title alone.
type Problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`  // the name of the status
	Status    int    `json:"status"` // of the answer
	Detail    string `json:"detail"` // what is wrong and what to do
	RequestID string `json:"request_id,omitzero"`
	// Candidates are the logs that an id means, with status 409.
	Candidates []Log `json:"candidates,omitzero"`
	// RetryAfter is how long the service asks to wait, 0 if it does not.
	RetryAfter time.Duration `json:"-"`
}

func (p *Problem) Error() string {
	text := fmt.Sprintf("the service answered %d %s", p.Status, p.Title)
	if p.Detail != "" {
		text += ": " + p.Detail
	}
	if p.RequestID != "" {
		text += " (request " + p.RequestID + ")"
	}
	return text
}

// maxProblem is what is read of an error: one with many candidates has 100 KB.
const maxProblem = 4 << 20

// problemOf reads an answer that is an error.
func problemOf(resp *http.Response) *Problem {
	var p Problem
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "application/problem+json" {
		body := io.LimitReader(resp.Body, maxProblem)
		if json.NewDecoder(body).Decode(&p) != nil {
			p = Problem{}
		}
		_, _ = io.Copy(io.Discard, body) // so that the connection can be used again
	}
	p.Status = resp.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(p.Status)
	}
	if p.RequestID == "" {
		p.RequestID = resp.Header.Get("X-Request-Id")
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.RetryAfter = time.Duration(min(seconds, maxSeconds)) * time.Second
	}
	return &p
}

const maxSeconds = 1 << 30 // more would not be a time.Duration
