package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	root = "/api/kumomta"
	v1   = root + "/v1"
)

// request is one to the service.
type request struct {
	name         string // of the operation, for errors
	method, path string // the path escaped
	query        url.Values
	header       http.Header
	body         []byte
	// once is of what must not be done twice. A 503 may say that it is not known
	// whether it was done; a 429 says that it was not.
	once    bool
	webhook bool // which has a key of its own
}

// get asks for JSON and decodes it into answer.
func (c *Client) get(ctx context.Context, name, path string, query url.Values, answer any) error {
	return c.call(ctx, request{name: name, method: http.MethodGet, path: path, query: query}, answer)
}

// post sends content as JSON and decodes the answer.
func (c *Client) post(ctx context.Context, name, path string, content, answer any) error {
	body, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	return c.call(ctx, request{name: name, method: http.MethodPost, path: path, header: header, body: body}, answer)
}

func (c *Client) call(ctx context.Context, r request, answer any) error {
	body, err := c.open(ctx, r)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(answer); err != nil {
		return fmt.Errorf("%s: read the answer: %w", r.name, err)
	}
	_, _ = io.Copy(io.Discard, body) // so that the connection can be used again
	return nil
}

// open sends a request, again where it is refused for a while, and returns the
// body of the answer, which must be closed. Errors have the request's name.
func (c *Client) open(ctx context.Context, r request) (io.ReadCloser, error) {
	for attempt := 1; ; attempt++ {
		resp, err := c.try(ctx, r)
		if err == nil {
			return resp.Body, nil
		}
		var p *Problem
		if !errors.As(err, &p) || !r.again(p) || attempt >= c.attempts || p.RetryAfter > c.maxWait {
			return nil, err
		}
		if ended := wait(ctx, c.pause(attempt, p.RetryAfter)); ended != nil {
			return nil, fmt.Errorf("%w: %w", ended, err)
		}
	}
}

func (r *request) again(p *Problem) bool {
	return p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable && !r.once
}

// pause is how long to wait after an attempt: as long as was asked for, else
// twice as long each time.
func (c *Client) pause(attempt int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	return min(time.Second<<min(attempt-1, 20), c.maxWait)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// try sends a request once. Answers other than of success are a Problem.
func (c *Client) try(ctx context.Context, r request) (*http.Response, error) {
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, fmt.Errorf("%s: %w", r.name, problemOf(resp))
}

// send returns whatever is answered.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, withoutURL(err))
	}
	if r.header != nil {
		req.Header = r.header.Clone()
	}
	switch {
	case r.webhook:
		req.Header.Set("X-Kumomta-Key", c.webhookKey)
	case c.apiKey != "":
		req.Header.Set("Authorization", "Bearer "+c.apiKey)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.name, withoutURL(err))
	}
	return resp, nil
}

// withoutURL keeps what is asked for out of errors, which may be an address.
func withoutURL(err error) error {
	if with, ok := errors.AsType[*url.Error](err); ok {
		return with.Err
	}
	return err
}
