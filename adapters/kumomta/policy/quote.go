package policy

import (
	"fmt"
	"strings"
)

// luaOrNil returns a Lua string literal, and nil for no text.
func luaOrNil(text string) string {
	if text == "" {
		return "nil"
	}
	return quoteLua(text)
}

// quoteLua returns a Lua string literal for any text. It is one line of ASCII
// whatever the text is.
func quoteLua(text string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~': // three digits, for one more could follow
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// luaList returns a Lua table of texts.
func luaList(texts []string) string {
	return luaTable(texts, func(quoted string) string { return quoted })
}

// luaSet returns a Lua table with texts for keys.
func luaSet(texts []string) string {
	return luaTable(texts, func(quoted string) string { return "[" + quoted + "] = true" })
}

func luaTable(texts []string, field func(quoted string) string) string {
	if len(texts) == 0 {
		return "{}"
	}
	fields := make([]string, len(texts))
	for i, t := range texts {
		fields[i] = field(quoteLua(t))
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}

// quoteTOML returns a TOML basic string for any text, which serves for a key
// too. TOML is UTF-8: other bytes become U+FFFD.
func quoteTOML(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
