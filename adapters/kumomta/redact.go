package kumomta

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// redacted stands for a command that holds a secret.
const redacted = "AUTH"

// smtpVerbs are the commands that may be shown (RFC 5321, section 4.1, and its
// extensions). They carry no credentials.
var smtpVerbs = map[string]bool{
	"HELO": true, "EHLO": true, "LHLO": true, "MAIL": true, "RCPT": true, "DATA": true,
	"BDAT": true, "RSET": true, "NOOP": true, "QUIT": true, "VRFY": true, "EXPN": true,
	"HELP": true, "STARTTLS": true, "XCLIENT": true, "XFORWARD": true, "ETRN": true, ".": true,
}

// verbOf returns the first word of an SMTP line in upper case, "" for a line too
// long to start with one.
func verbOf(command string) string {
	word := strings.TrimLeft(command, " \t")
	if i := strings.IndexAny(word, " :\t\r\n"); i >= 0 {
		word = word[:i]
	}
	if len(word) > 16 {
		return ""
	}
	return strings.ToUpper(word)
}

// isClientSecret says whether a line that a client sent us may hold a secret.
// After AUTH a client sends base64 without any verb, or in error its password
// as it is (kumomta.md, section 2.6), so whatever is no known command may be one.
func isClientSecret(command string) bool {
	return command != "" && !smtpVerbs[verbOf(command)]
}

// hideSecret takes secrets out of the command, and says whether the raw record
// holds any. What we send ourselves is a secret only behind AUTH.
func (r *record) hideSecret() (inRaw bool) {
	command := strings.TrimRight(r.response.Command, "\r\n")
	secret := verbOf(command) == redacted
	if domain.EventTypeOfRecord(r.recordType) == domain.Rejection {
		secret = isClientSecret(command)
	}
	if secret {
		r.response.Command = redacted
		return command != redacted
	}
	r.response.Command = oneLine(command)
	return r.nested
}

// tidyRaw returns a record's bytes as they may be kept, without secrets and with
// texts over maxText cut, and whether that changed them. raw is whole JSON.
func tidyRaw(raw string, secrets bool) (string, bool) {
	w := rewriter{scanner: scanner{text: raw}, secrets: secrets}
	if err := w.tidy(""); err != nil || w.done == 0 {
		return raw, false
	}
	return string(append(w.out, raw[w.done:]...)), true
}

// rewriter copies JSON and replaces some of its strings.
type rewriter struct {
	scanner
	secrets bool
	out     []byte
	done    int // what of text is in out
}

// tidy passes over a value, the field of that name.
func (w *rewriter) tidy(name string) error {
	switch w.peek() {
	case '{':
		return w.object(w.tidy)
	case '[':
		return w.array(func() error { return w.tidy(name) })
	case '"':
		start := w.pos
		raw, err := w.rawString()
		if err != nil {
			return err
		}
		if w.secrets && name == "command" && isClientSecret(cleanText(raw)) {
			w.replace(start, redacted)
		} else if len(raw) > maxText {
			w.replace(start, cut(cleanText(raw), maxText))
		}
		return nil
	}
	return w.value()
}

// replace puts s in place of the string from start to pos.
func (w *rewriter) replace(start int, s string) {
	quoted, _ := json.Marshal(s) // a string always can
	w.out = append(append(w.out, w.text[w.done:start]...), quoted...)
	w.done = w.pos
}

var (
	// A command's value in text that is not JSON, or broken, or JSON within a
	// string.
	looseCommand = regexp.MustCompile(`command\\*"\s*:\s*\\*"(?:[^"\\]|\\[^"\\])*`)
	looseAuth    = regexp.MustCompile(`(?i)\bAUTH\s+[A-Z][A-Z0-9_-]*\s+[^\s"\\]+`)
)

// redactLoosely takes secrets out of bytes that could not be read.
func redactLoosely(raw string) string {
	raw = looseCommand.ReplaceAllStringFunc(raw, func(found string) string {
		value := strings.LastIndexByte(found, '"') + 1
		command := strings.ReplaceAll(strings.ReplaceAll(found[value:], `\r`, "\r"), `\n`, "\n")
		if !isClientSecret(command) {
			return found
		}
		return found[:value] + redacted
	})
	return looseAuth.ReplaceAllString(raw, redacted)
}
