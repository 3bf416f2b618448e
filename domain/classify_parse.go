package domain

import "strings"

// ParseAnswer reads a response as people copy it: "550 5.1.1 text", with several
// lines ("550-5.1.1 ..."), after "smtp;", with one of the codes or none. Where
// no code stands at its beginning it may stand in it, after what a relay says of
// it ("host mx.example.com said: 550 5.1.1 ..."). The answer is that of a Bounce.
func ParseAnswer(response string) Answer {
	text := strings.TrimSpace(response)
	if kind, rest, ok := strings.Cut(text, ";"); ok && strings.EqualFold(strings.TrimSpace(kind), "smtp") {
		text = strings.TrimSpace(rest)
	}
	a := Answer{Type: Bounce, Text: text}
	if a.readCodes(text) {
		return a
	}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, ": ")
		if !ok {
			return a
		}
		if quoted := (Answer{}); quoted.readCodes(strings.TrimLeft(after, " \t")) && quoted.Code != 0 {
			a.Code, a.Enhanced = quoted.Code, quoted.Enhanced
			return a
		}
		rest = after
	}
}

// readCodes takes the codes that text begins with and leaves the rest as the
// answer's text; false where there are none.
func (a *Answer) readCodes(text string) bool {
	rest := text
	if startsWithReplyCode(rest) || strings.HasPrefix(rest, "2") && len(rest) >= 3 && isDigit(rest[1]) && isDigit(rest[2]) {
		if len(rest) > 3 && !isBlank(rest[3]) && rest[3] != '-' && rest[3] != ':' {
			return false
		}
		a.Code, _ = upTo999(rest[:3])
		rest = strings.TrimLeft(rest[3:], "-: \t\r\n")
	}
	if code, n := enhancedCode(rest); n > 0 && (n == len(rest) || isBlank(rest[n])) {
		a.Enhanced = code
		rest = strings.TrimLeft(rest[n:], " \t\r\n")
	}
	if a.Code == 0 && a.Enhanced == (EnhancedCode{}) {
		return false
	}
	a.Text = a.withLines(text, rest)
	return true
}

// withLines keeps the reply code before a text of several lines, so that the
// ones repeated in it are known for what they are.
func (a *Answer) withLines(text, rest string) string {
	if len(text) > 3 && a.Code != 0 && text[3] == '-' {
		return text
	}
	return rest
}
