package apiclient

import (
	"bytes"
	"cmp"
	"strconv"
	"time"
)

// sse reads server-sent events (WHATWG HTML, section 9.2.6) line by line.
type sse struct {
	last  string        // id of what came whole
	retry time.Duration // before the next connection

	id, name string // of what is coming
	data     []byte
}

// forget drops what a connection that broke left unfinished.
func (s *sse) forget() { s.id, s.name, s.data = s.last, "", nil }

// read takes a line, and returns an event with its last. An id without data is no
// event, but counts.
func (s *sse) read(line []byte) (heard Heard, whole bool) {
	if len(line) == 0 {
		s.last = s.id
		heard, whole = Heard{ID: s.last, Type: cmp.Or(s.name, "message"), Data: s.data}, len(s.data) > 0
		s.forget()
		return heard, whole
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "id":
		if bytes.IndexByte(value, 0) < 0 {
			s.id = string(value)
		}
	case "event":
		s.name = string(value)
	case "data":
		if len(s.data) > 0 {
			s.data = append(s.data, '\n')
		}
		s.data = append(s.data, value...)
	case "retry":
		if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
			s.retry = time.Duration(ms) * time.Millisecond
		}
	}
	return Heard{}, false
}
