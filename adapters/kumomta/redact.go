package kumomta

import (
	"encoding/json"
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
// may hold any. Lines that clients sent stand in rejections, and for all we know
// in types to come; what we send ourselves is a secret only behind AUTH.
func (r *record) hideSecret() (inRaw bool) {
	command := strings.TrimRight(r.response.Command, "\r\n")
	secret := verbOf(command) == redacted
	switch domain.EventTypeOfRecord(r.recordType) {
	case domain.Rejection, domain.Unknown:
		secret = isClientSecret(command)
	}
	if secret {
		r.response.Command = redacted
		return r.commands || command != redacted
	}
	r.response.Command = oneLine(command)
	return r.commands
}

// tidyRaw returns a record's bytes as they may be kept, without secrets and with
// texts over limit cut, and whether that changed them. raw is whole JSON.
func tidyRaw(raw string, secrets bool, limit int) (string, bool) {
	w := rewriter{scanner: scanner{text: raw}, secrets: secrets, limit: limit}
	if err := w.tidy(""); err != nil || w.done == 0 {
		return raw, false
	}
	return string(append(w.out, raw[w.done:]...)), true
}

// rewriter copies JSON and replaces some of its strings.
type rewriter struct {
	scanner
	secrets bool
	limit   int
	out     []byte
	done    int // what of text is in out
}

// tidy passes over a value, the field of that name.
func (w *rewriter) tidy(name string) error {
	switch w.peek() {
	case '{':
		return w.object(func(field string) error {
			if name == "command" {
				field = name // of whatever kind a command is
			}
			return w.tidy(field)
		})
	case '[':
		return w.array(func() error { return w.tidy(name) })
	case '"':
		start := w.pos
		raw, _, err := w.rawString()
		if err == nil {
			w.tidyString(start, raw, name)
		}
		return err
	}
	return w.value()
}

// tellsApart has the texts that take part in a record's identity: they stay.
var tellsApart = map[string]bool{
	"type": true, "id": true, "nodeid": true, "session_id": true, "sender": true, "recipient": true,
	"queue": true, "site": true, "event_time": true, "content": true, "addr": true,
}

func (w *rewriter) tidyString(start int, raw, name string) {
	if w.secrets {
		if name == "command" && isClientSecret(cleanText(raw)) {
			w.replace(start, `"`+redacted+`"`)
			return
		}
		if inner := redactWith(raw, findCommand); inner != raw && !tellsApart[name] {
			w.replace(start, `"`+inner+`"`) // JSON within a string
			return
		}
	}
	if len(raw) <= w.limit {
		return
	}
	if clean := cleanText(raw); len(clean) > w.limit {
		quoted, _ := json.Marshal(cut(clean, w.limit)) // a string always can
		w.replace(start, string(quoted))
	}
}

// replace puts a string in place of the one from start to pos.
func (w *rewriter) replace(start int, quoted string) {
	w.out = append(append(w.out, w.text[w.done:start]...), quoted...)
	w.done = w.pos
}
