package kumomta

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

const (
	// maxText is the size in bytes up to which a record's texts are kept whole.
	// Answers of several KB are real (kumomta.md, section 1.1), and of a report's
	// original message the headers are what counts.
	maxText = 64 << 10
	// maxName is the same for what names something: addresses, ids, queues. An
	// index entry of PostgreSQL takes at most 2,704 bytes.
	maxName = 1 << 10
)

func cutName(s string) string { return cut(s, maxName) }

// cut shortens s to at most limit bytes and says how long it was.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	mark := fmt.Sprintf("[cut from %d bytes]", len(s))
	n := limit - len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}

// oneLine folds each run of CR and LF into one space, as KumoMTA does itself
// since June 2024: copies of a response must read the same.
func oneLine(s string) string {
	if strings.IndexByte(s, '\n') < 0 && strings.IndexByte(s, '\r') < 0 {
		return s
	}
	isBreak := func(c rune) bool { return c == '\r' || c == '\n' }
	var b strings.Builder
	b.Grow(len(s))
	for len(s) > 0 {
		i := strings.IndexFunc(s, isBreak)
		if i < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:i])
		b.WriteByte(' ')
		s = strings.TrimLeftFunc(s[i:], isBreak)
	}
	return b.String()
}
