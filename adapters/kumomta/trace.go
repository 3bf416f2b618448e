package kumomta

import (
	"encoding/base64"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// trace is what a supplemental trace header says: X-KumoRef, or as policy names
// it (kumomta.md, section 4). Anybody can write one.
type trace struct {
	marked     bool // has KumoMTA's mark
	messageID  string
	recipients []string
}

// KumoMTA's mark in the object, which it takes out where it has read it.
const (
	traceMark  = "_@_"
	traceValue = `\_/`
)

// readTrace reads the object. The message's id is in it where policy puts it
// into the meta x_msg_id and has that traced.
func readTrace(s *scanner) (t trace, err error) {
	err = looseFields(s, func(s *scanner, name string) (err error) {
		var mark string
		switch name {
		case traceMark:
			mark, err = text(s)
			t.marked = mark == traceValue
		case "recipient":
			t.recipients, err = addresses(s)
		case "x_msg_id":
			t.messageID, err = text(s)
		default:
			err = s.value()
		}
		return err
	})
	return t, err
}

// decodeTrace reads a header's value: base64 of the object, perhaps folded.
func decodeTrace(value string) (trace, bool) {
	if value = strings.TrimSpace(value); !strings.HasPrefix(value, "ey") {
		return trace{}, false // no brace, or nothing that can stand behind it
	}
	value = strings.TrimRight(strings.Join(strings.Fields(value), ""), "=")
	object, err := base64.RawStdEncoding.DecodeString(value)
	if err != nil {
		return trace{}, false
	}
	s := scanner{text: string(object)}
	t, err := readTrace(&s)
	s.space()
	return t, err == nil && t.marked && s.pos == len(s.text)
}

// addTrace adds a reference for each of a trace's recipients.
func (l *references) addTrace(t *trace) {
	if len(t.recipients) == 0 {
		l.add(domain.TieTrace, t.messageID, "")
	}
	for _, recipient := range t.recipients {
		l.add(domain.TieTrace, t.messageID, recipient)
	}
}

// onlyRecipient is whom the message went to by the first trace that names
// anybody, "" if that names several. By default a trace has the recipient and no
// id, and other headers have the id alone.
func onlyRecipient(traces []trace) string {
	for _, t := range traces {
		if len(t.recipients) == 1 {
			return t.recipients[0]
		}
		if len(t.recipients) > 1 {
			break
		}
	}
	return ""
}
