package apiclient

import (
	"context"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// page is what lists answer.
type page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"`
}

// pages walks a list, asking for the next page when it is wanted.
func pages[T any](ctx context.Context, c *Client, name, path string, q query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		q := maps.Clone(q)
		for {
			var p page[T]
			if err := c.get(ctx, name, path, url.Values(q), &p); err != nil {
				yield(none, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.NextCursor == "" {
				return
			}
			q.text("cursor", p.NextCursor)
		}
	}
}

// query is of parameters that are left out where they choose nothing.
type query url.Values

func (q query) text(name, value string) {
	if value != "" {
		url.Values(q).Set(name, value)
	}
}

func (q query) number(name string, value int) {
	if value != 0 {
		q.text(name, strconv.Itoa(value))
	}
}

func (q query) time(name string, value time.Time) {
	if !value.IsZero() {
		q.text(name, value.UTC().Format(time.RFC3339Nano))
	}
}

func (q query) list(name string, values []string) { q.text(name, strings.Join(values, ",")) }
