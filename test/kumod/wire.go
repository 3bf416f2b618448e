package kumod

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// list is an array of Lua's, where an empty one may come as an empty object.
type list[T any] []T

func (l *list[T]) UnmarshalJSON(text []byte) error {
	if bytes.Equal(text, []byte("{}")) {
		*l = nil
		return nil
	}
	return json.Unmarshal(text, (*[]T)(l))
}

// table is an object of Lua's, where an empty one may come as an empty array.
type table[T any] map[string]T

// Rejection is an error that the policy raised with kumo.reject.
type Rejection struct {
	Code    int
	Message string
}

func (r *Rejection) Error() string { return fmt.Sprintf("%d %s", r.Code, r.Message) }

// failure is how a handler ends that does not return.
type failure struct {
	Rejected *Rejection
	Failed   string
}

func (f failure) err() error {
	if f.Rejected != nil {
		return f.Rejected
	}
	if f.Failed != "" {
		return errors.New(f.Failed)
	}
	return nil
}

// question is what the Lua side asks.
type question struct {
	Ask      string
	Method   string
	URL      string
	Headers  map[string]string
	Body     string
	Client   map[string]any
	Timeout  any
	Path     string
	Text     string
	Networks []string
	Encoding string
	Digest   string
	Key      string
	Hex      string
	Given    map[string]any
}
