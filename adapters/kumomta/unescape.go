package kumomta

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape resolves the escapes of a string that was checked (RFC 8259, section
// 7). \u0000 is left out.
func unescape(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for {
		i := strings.IndexByte(raw, '\\')
		if i < 0 {
			b.WriteString(raw)
			return b.String()
		}
		b.WriteString(raw[:i])
		c := raw[i+1]
		if c != 'u' {
			b.WriteByte(simpleEscapes[c])
			raw = raw[i+2:]
			continue
		}
		r, n := unescapeRune(raw[i:])
		if r != 0 {
			b.WriteRune(r)
		}
		raw = raw[i+n:]
	}
}

// unescapeRune reads \uXXXX, or two that are a surrogate pair. Half a pair is
// U+FFFD.
func unescapeRune(raw string) (r rune, n int) {
	r = hexRune(raw[2:6])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		if pair := utf16.DecodeRune(r, hexRune(raw[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hexRune(digits string) rune {
	var r rune
	for i := range len(digits) {
		r = r<<4 | hexDigit(digits[i])
	}
	return r
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c && c <= 'f':
		return rune(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return rune(c-'A') + 10
	}
	return -1
}
