package httpapi

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kumotrail/kumotrail/domain"
)

// Exports are of millions of logs, so their lines are written by hand: 1.4 us a
// line, where encoding/json takes 3.7 and makes 26 pieces of garbage.

// appendJSONLine appends the log as encoding/json writes its LogLine.
func appendJSONLine(b []byte, l *domain.EmailLog) []byte {
	d := &l.Decision
	b = append(b, `{"id":"`...)
	b = append(b, l.Key.String()...)
	b = appendField(append(b, '"'), `,"message_id":`, l.MessageID, false)
	b = appendField(b, `,"application_id":`, l.ApplicationID, true)
	b = appendField(b, `,"recipient":`, l.Recipient, false)
	b = appendField(b, `,"sender":`, l.Sender, true)
	b = appendField(b, `,"status":`, l.Status().String(), false)
	b = appendTimeField(b, `,"accepted_at":`, l.AcceptedAt)
	b = appendTimeField(b, `,"delivered_at":`, l.DeliveredAt)
	b = appendTimeField(b, `,"failed_at":`, l.FailedAt)
	b = appendTimeField(b, `,"complained_at":`, l.ComplainedAt)
	b = strconv.AppendInt(append(b, `,"attempts":`...), int64(l.Attempts), 10)
	b = strconv.AppendInt(append(b, `,"smtp_code":`...), int64(d.Code), 10)
	b = appendField(b, `,"enhanced_code":`, d.Enhanced.String(), true)
	b = appendField(b, `,"response":`, d.Response, true)
	b = appendField(b, `,"cause":`, string(d.Verdict.Cause), true)
	b = appendField(b, `,"subcause":`, string(d.Verdict.Subcause), true)
	b = appendField(b, `,"permanence":`, string(d.Verdict.Permanence), true)
	b = appendField(b, `,"fault":`, string(d.Verdict.Fault), true)
	b = appendField(b, `,"rule":`, d.Verdict.Rule, true)
	b = appendField(b, `,"response_hash":`, hashText(d.ResponseHash), true)
	b = appendField(b, `,"tenant":`, l.Tenant, true)
	b = appendField(b, `,"campaign":`, l.Campaign, true)
	b = appendField(b, `,"provider":`, l.Provider, true)
	b = appendField(b, `,"egress_source":`, l.EgressSource, true)
	b = strconv.AppendInt(append(b, `,"size":`...), l.Size, 10)
	b = appendField(b, `,"confidence":`, string(d.Confidence), true)
	b = appendField(b, `,"prior_id":`, l.PriorID, true)
	b = appendField(b, `,"next_id":`, l.NextID, true)
	b = strconv.AppendBool(append(b, `,"of_report":`...), l.OfReport)
	return append(b, '}', '\n')
}

func hashText(h uint64) string {
	if s := knownHash(h); s != nil {
		return *s
	}
	return ""
}

// appendField appends a name and a text, which is null for "" where it may be.
func appendField(b []byte, name, text string, nullable bool) []byte {
	b = append(b, name...)
	if text == "" && nullable {
		return append(b, "null"...)
	}
	return appendJSONText(b, text)
}

const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

func appendTimeField(b []byte, name string, t time.Time) []byte {
	b = append(b, name...)
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = t.UTC().AppendFormat(append(b, '"'), timeLayout)
	return append(b, '"')
}

// appendJSONText appends a text between quotes. As encoding/json does it escapes
// the two line ends of JavaScript too, and what is not UTF-8 is U+FFFD.
func appendJSONText(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				b, start = append(append(b, s[start:i]...), `\ufffd`...), i+size
			case r == '\u2028', r == '\u2029':
				b, start = append(append(append(b, s[start:i]...), `\u202`...), digits[r&0xf]), i+size
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		case '\b':
			b = append(b, `\b`...)
		case '\f':
			b = append(b, `\f`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, digits[c>>4], digits[c&0xf])
		}
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

// logColumns are the columns of an export as CSV.
const logColumns = "id,message_id,application_id,recipient,sender,status,accepted_at,delivered_at,failed_at,complained_at," +
	"attempts,smtp_code,enhanced_code,response,cause,subcause,permanence,fault,rule,tenant,campaign,provider,egress_source,size\n"

// appendCSVLine appends the log as a line of logColumns. What is not known is
// empty.
func appendCSVLine(b []byte, l *domain.EmailLog) []byte {
	d, v := &l.Decision, &l.Decision.Verdict
	b = append(b, l.Key.String()...)
	for _, cell := range [...]string{l.MessageID, l.ApplicationID, l.Recipient, l.Sender, l.Status().String()} {
		b = appendCell(b, cell)
	}
	for _, t := range [...]time.Time{l.AcceptedAt, l.DeliveredAt, l.FailedAt, l.ComplainedAt} {
		b = append(b, ',')
		if !t.IsZero() {
			b = t.UTC().AppendFormat(b, timeLayout)
		}
	}
	b = strconv.AppendInt(append(b, ','), int64(l.Attempts), 10)
	b = appendKnownInt(b, int64(d.Code))
	for _, cell := range [...]string{
		d.Enhanced.String(), d.Response, string(v.Cause), string(v.Subcause), string(v.Permanence), string(v.Fault), v.Rule,
		l.Tenant, l.Campaign, l.Provider, l.EgressSource,
	} {
		b = appendCell(b, cell)
	}
	return append(appendKnownInt(b, l.Size), '\n')
}

func appendKnownInt(b []byte, n int64) []byte {
	b = append(b, ',')
	if n == 0 {
		return b
	}
	return strconv.AppendInt(b, n, 10)
}

// beginsFormula says whether a spreadsheet may take a cell for a formula. Where
// East Asian text is written, some take the full-width signs for the same.
func beginsFormula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	return strings.ContainsRune("=+-@\t\r\n＝＋－＠", first)
}

// appendCell appends a comma and a text (RFC 4180). A text that a spreadsheet
// would take for a formula gets an apostrophe before it.
func appendCell(b []byte, text string) []byte {
	b = append(b, ',')
	if text == "" {
		return b
	}
	quoted := strings.ContainsAny(text, ",\"\r\n") || text[0] == ' '
	if quoted {
		b = append(b, '"')
	}
	if beginsFormula(text) {
		b = append(b, '\'')
	}
	if !quoted {
		return append(b, text...)
	}
	for {
		before, after, found := strings.Cut(text, `"`)
		b = append(b, before...)
		if !found {
			return append(b, '"')
		}
		b, text = append(b, `""`...), after
	}
}
