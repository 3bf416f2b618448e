package kumomta

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// fields reads an object's fields; null and an empty list (Lua's other spelling
// of an empty object) have none.
func fields(s *scanner, name string, field func(*scanner, string) error) error {
	switch s.peek() {
	case '{':
		return s.object(func(name string) error { return field(s, name) })
	case 'n':
		return s.literal("null")
	case '[':
		return s.array(func() error { return wrongKind(s, name, "an object") })
	}
	return wrongKind(s, name, "an object")
}

// looseFields reads an object's fields; any other value has none.
func looseFields(s *scanner, field func(*scanner, string) error) error {
	if s.peek() != '{' {
		return s.value()
	}
	return s.object(func(name string) error { return field(s, name) })
}

// requireText reads a string or null.
func requireText(s *scanner, name string) (string, error) {
	switch s.peek() {
	case '"':
		return s.str()
	case 'n':
		return "", s.literal("null")
	}
	return "", wrongKind(s, name, "a string")
}

// text reads a string, or a number as it is spelled; any other value is "".
func text(s *scanner) (string, error) {
	switch c := s.peek(); {
	case c == '"':
		return s.str()
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	}
	return "", s.value()
}

// eachText reads what text reads, or a list of such.
func eachText(s *scanner, take func(string)) error {
	one := func() error {
		t, err := text(s)
		if err == nil && t != "" {
			take(t)
		}
		return err
	}
	if s.peek() == '[' {
		return s.array(one)
	}
	return one()
}

// beginning reads the first bytes of a text of any size, which may be spelled as
// a list of its bytes (kumomta.md, section 1.5).
func beginning(s *scanner, limit int) (start string, err error) {
	if s.peek() != '[' {
		start, err = text(s)
		return strings.ToValidUTF8(start[:min(len(start), limit)], "\uFFFD"), err
	}
	var b []byte
	err = s.array(func() error {
		if len(b) == limit {
			return s.value()
		}
		n, err := integer(s)
		if 0 < n && n <= math.MaxUint8 { // NUL stays out of all texts
			b = append(b, byte(n))
		}
		return err
	})
	return strings.ToValidUTF8(string(b), "\uFFFD"), err
}

// requireInteger reads a whole number within [low, high]; null is none.
func requireInteger(s *scanner, name string, low, high int64) (n int64, ok bool, err error) {
	c := s.peek()
	if c == 'n' {
		return 0, false, s.literal("null")
	}
	if c != '-' && (c < '0' || c > '9') {
		return 0, false, wrongKind(s, name, "a number")
	}
	digits, err := s.number()
	if err != nil {
		return 0, false, err
	}
	if n, ok = parseInteger(digits); !ok || n < low || n > high {
		return 0, false, fmt.Errorf("%s is not within %d and %d", name, low, high)
	}
	return n, true, nil
}

// integer reads a whole number; any other value is 0.
func integer(s *scanner) (int64, error) {
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return 0, s.value()
	}
	digits, err := s.number()
	n, _ := parseInteger(digits)
	return n, err
}

// parseInteger cuts fractions off, which some writers add to whole seconds.
func parseInteger(digits string) (int64, bool) {
	if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(math.Floor(f)), true
}

// wrongKind is the fault of a value that is whole JSON but not what the field
// wants; a value that is not JSON is a syntaxError instead.
func wrongKind(s *scanner, name, want string) error {
	if err := s.value(); err != nil {
		return err
	}
	return fmt.Errorf("%s is not %s", name, want)
}
