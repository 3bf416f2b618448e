package sqlstore

import (
	"strconv"
	"strings"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// Columns hold NULL for what is not known: "", 0 and the zero time.

func textValue(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func intValue(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func boolValue(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func microsValue(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// text, integer and micros scan such columns, micros times too.

type text string

func (t *text) Scan(v any) error {
	s, _ := v.(string)
	*t = text(s)
	return nil
}

type integer int64

func (n *integer) Scan(v any) error {
	i, _ := v.(int64)
	*n = integer(i)
	return nil
}

type micros struct{ time.Time }

func (m *micros) Scan(v any) error {
	switch v := v.(type) {
	case int64:
		m.Time = time.UnixMicro(v).UTC()
	case time.Time:
		m.Time = v.UTC()
	default:
		m.Time = time.Time{}
	}
	return nil
}

// parseEnhanced is the inverse of domain.EnhancedCode.String.
func parseEnhanced(s string) domain.EnhancedCode {
	class, rest, _ := strings.Cut(s, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	return domain.EnhancedCode{Class: number(class), Subject: number(subject), Detail: number(detail)}
}
