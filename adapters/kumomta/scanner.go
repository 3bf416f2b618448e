package kumomta

import (
	"fmt"
	"math/bits"
	"strings"
)

// maxDepth is how deep objects and arrays may nest.
const maxDepth = 64

// scanner reads JSON (RFC 8259) strictly and without copying. Methods leave pos
// behind what they read, or at the fault.
type scanner struct {
	text  string
	pos   int
	depth int
}

// syntaxError says what is wrong with a text and where.
type syntaxError struct {
	pos  int
	what string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("not JSON: %s at byte %d", e.what, e.pos) }

func (s *scanner) fail(what string) error {
	if s.pos >= len(s.text) {
		what = "the text ends early"
	}
	return &syntaxError{s.pos, what}
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) space() {
	if s.pos < len(s.text) && s.text[s.pos] > ' ' {
		return
	}
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// value passes over one value of any kind.
func (s *scanner) value() error {
	switch c := s.peek(); c {
	case '{':
		return s.object(func(string) error { return s.value() })
	case '[':
		return s.array(s.value)
	case '"':
		_, _, err := s.rawString()
		return err
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		_, err := s.number()
		return err
	}
}

// object calls field for every name, in order; field reads the value.
func (s *scanner) object(field func(name string) error) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.space(); s.peek() == '}' {
		return s.close()
	}
	for {
		name, err := s.str()
		if err != nil {
			return err
		}
		if s.space(); s.peek() != ':' {
			return s.fail("want a colon")
		}
		s.pos++
		s.space()
		if err := field(name); err != nil {
			return err
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
			s.space()
		case '}':
			return s.close()
		default:
			return s.fail("want a comma or the object's end")
		}
	}
}

// array calls element for every element; element reads it.
func (s *scanner) array(element func() error) error {
	if err := s.open(); err != nil {
		return err
	}
	if s.space(); s.peek() == ']' {
		return s.close()
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.space(); s.peek() {
		case ',':
			s.pos++
			s.space()
		case ']':
			return s.close()
		default:
			return s.fail("want a comma or the array's end")
		}
	}
}

func (s *scanner) open() error {
	if s.depth++; s.depth > maxDepth {
		return s.fail(fmt.Sprintf("nested deeper than %d", maxDepth))
	}
	s.pos++
	return nil
}

func (s *scanner) close() error {
	s.depth--
	s.pos++
	return nil
}

func (s *scanner) literal(word string) error {
	if !strings.HasPrefix(s.text[s.pos:], word) {
		return s.fail("want a value")
	}
	s.pos += len(word)
	return nil
}

// number returns the next number's text.
func (s *scanner) number() (string, error) {
	start := s.pos
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if !s.digits() {
		return "", s.fail("want a value")
	}
	if s.peek() == '.' {
		if s.pos++; !s.digits() {
			return "", s.fail("want a digit")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		if s.pos++; s.peek() == '+' || s.peek() == '-' {
			s.pos++
		}
		if !s.digits() {
			return "", s.fail("want a digit")
		}
	}
	return s.text[start:s.pos], nil
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.text) && '0' <= s.text[s.pos] && s.text[s.pos] <= '9' {
		s.pos++
	}
	return s.pos > start
}

// rawString returns what stands between the next string's quotes, and whether
// that is plain: ASCII without escapes.
func (s *scanner) rawString() (raw string, plain bool, err error) {
	if s.peek() != '"' {
		return "", false, s.fail("want a string")
	}
	s.pos++
	start := s.pos
	ascii, escaped := true, false
	for {
		n, a := plainPrefix(s.text[s.pos:])
		s.pos += n
		ascii = ascii && a
		switch s.peek() {
		case '"':
			s.pos++
			return s.text[start : s.pos-1], ascii && !escaped, nil
		case '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return "", false, err
			}
		default:
			return "", false, s.fail("a control character in a string")
		}
	}
}

// plainPrefix returns how many bytes of text a string may hold as they are, up
// to a quote, a backslash or a control character, and whether they are ASCII. It
// looks at eight bytes at a time: most of a record is strings.
func plainPrefix(text string) (n int, ascii bool) {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	var seen uint64
	for ; len(text)-n >= 8; n += 8 {
		t := text[n : n+8]
		w := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, escape := w^ones*'"', w^ones*'\\'
		// The top bit of each byte that stops; of those behind the first it may
		// be wrong.
		stop := ((w-ones*' ')&^w | (quote-ones)&^quote | (escape-ones)&^escape) & high
		if stop != 0 {
			seen |= w & (stop&-stop - 1)
			return n + bits.TrailingZeros64(stop)/8, seen&high == 0
		}
		seen |= w
	}
	for ; n < len(text) && text[n] >= ' ' && text[n] != '"' && text[n] != '\\'; n++ {
		seen |= uint64(text[n])
	}
	return n, seen&high == 0
}

func (s *scanner) escape() error {
	s.pos++
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
		for i := 1; i <= 4; i++ {
			if s.pos+i >= len(s.text) || hexDigit(s.text[s.pos+i]) < 0 {
				return s.fail("an unknown escape")
			}
		}
		s.pos += 5
		return nil
	}
	return s.fail("an unknown escape")
}

// str returns the next string as clean text.
func (s *scanner) str() (string, error) {
	raw, plain, err := s.rawString()
	if plain || err != nil {
		return raw, err
	}
	return cleanText(raw), nil
}

// cleanText returns a string's text: escapes resolved, valid UTF-8 (what is not
// becomes U+FFFD, lone surrogates too), NUL left out, for PostgreSQL takes none.
func cleanText(raw string) string {
	if strings.IndexByte(raw, '\\') >= 0 {
		raw = unescape(raw)
	}
	return strings.ToValidUTF8(raw, "\uFFFD")
}
