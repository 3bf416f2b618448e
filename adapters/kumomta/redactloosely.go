package kumomta

import (
	"math/bits"
	"strings"
)

// redactLoosely takes secrets out of bytes that are no record: broken JSON, JSON
// within a string, any other text. Where it cannot tell where a secret ends it
// takes more.
func redactLoosely(raw string) string {
	return redactWith(redactWith(raw, findCommand), findAuth)
}

// redactReject takes secrets out of bytes that may be JSON and may be anything.
func redactReject(raw string) string {
	raw, _ = tidyRaw(raw, true, len(raw)) // as it is if it is no JSON
	return redactLoosely(raw)
}

// redactWith replaces by the word AUTH what find finds, from left to right. find
// returns a place behind the end of text if there is no more.
func redactWith(text string, find func(text string, from int) (start, end int)) string {
	var b strings.Builder
	done := 0
	for start, end := find(text, 0); start < len(text); start, end = find(text, end) {
		if b.Len() == 0 {
			b.Grow(len(text))
		}
		b.WriteString(text[done:start])
		b.WriteString(redacted)
		done = end
	}
	if done == 0 {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// findCommand finds the next value of a field named command that may be a
// secret.
func findCommand(text string, from int) (start, end int) {
	const key = "command"
	for {
		i := strings.Index(text[from:], key)
		if i < 0 {
			return len(text), len(text)
		}
		from += i + len(key)
		start, level, ok := openingQuote(text, from)
		if !ok || isKnownCommand(text[start:]) {
			continue
		}
		if end := closingQuote(text, start, level); end > start {
			return start, end
		}
	}
}

// openingQuote reads what stands between a field's name and its text. level is
// how many times the text was escaped: its quotes have 0, 1, 3, 7 ...
// backslashes.
func openingQuote(text string, at int) (start, level int, ok bool) {
	at = skipBytes(text, at, `\`)
	if at >= len(text) || text[at] != '"' {
		return 0, 0, false
	}
	at = skipBytes(text, at+1, " \t\r\n")
	if at >= len(text) || text[at] != ':' {
		return 0, 0, false
	}
	at = skipBytes(text, at+1, " \t\r\n")
	quote := skipBytes(text, at, `\`)
	if quote >= len(text) || text[quote] != '"' {
		return 0, 0, false
	}
	return quote + 1, bits.Len(uint(quote - at)), true
}

// closingQuote returns the end of a text that starts at start: where a quote of
// its level stands before what can follow a value, else where the line ends, for
// a command is one line.
func closingQuote(text string, start, level int) int {
	backslashes := 0
	for i := start; i < len(text); i++ {
		switch text[i] {
		case '\\':
			backslashes++
			continue
		case '"':
			next := skipBytes(text, i+1, " \t\r\n")
			if backslashes>>level%2 == 0 && (next >= len(text) || strings.IndexByte(`,}]:`, text[next]) >= 0) {
				return i - min(backslashes, 1<<level-1)
			}
		case '\n':
			return i
		}
		backslashes = 0
	}
	return len(text)
}

func skipBytes(text string, at int, set string) int {
	for at < len(text) && strings.IndexByte(set, text[at]) >= 0 {
		at++
	}
	return at
}

// isKnownCommand says whether a text, still escaped, starts with a verb that may
// be shown.
func isKnownCommand(escaped string) bool {
	line := escaped[:min(len(escaped), 32)]
	if i := strings.IndexAny(line, `\"`); i >= 0 {
		line = line[:i]
	}
	return smtpVerbs[verbOf(line)]
}

// findAuth finds the next AUTH line that carries something, such as
// "AUTH PLAIN AGFu".
func findAuth(text string, from int) (start, end int) {
	for ; from+len(redacted) < len(text); from++ {
		if c := text[from]; c != 'A' && c != 'a' || from > 0 && isWord(text[from-1]) {
			continue
		}
		if verb := from + len(redacted); strings.EqualFold(text[from:verb], redacted) {
			if end, ok := authArguments(text, verb); ok {
				return from, end
			}
		}
	}
	return len(text), len(text)
}

// authArguments reads a mechanism and what follows it.
func authArguments(text string, at int) (end int, ok bool) {
	mechanism := skipBytes(text, at, " \t")
	for end = mechanism; end < len(text) && isWord(text[end]); {
		end++
	}
	secret := skipBytes(text, end, " \t")
	if mechanism == at || secret == end || !isMechanism(text[mechanism:end]) {
		return at, false
	}
	for end = secret; end < len(text) && strings.IndexByte(" \t\r\n\"\\", text[end]) < 0; {
		end++
	}
	return end, end > secret
}

// isMechanism says whether a word names a SASL mechanism, so that "AUTH failed
// for you" stays what it is.
func isMechanism(word string) bool {
	switch word = strings.ToUpper(word[:min(len(word), 16)]); word {
	case "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "NTLM", "GSSAPI", "EXTERNAL", "XOAUTH2", "OAUTHBEARER":
		return true
	}
	return strings.HasPrefix(word, "SCRAM-")
}

func isWord(c byte) bool {
	return c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
