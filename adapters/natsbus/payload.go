package natsbus

import (
	"strconv"
	"unicode/utf8"

	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/ports"
)

// Greatest lengths of texts in a payload that was too large whole. Remote sides
// write what they like into any of them; all together stay far below 1 MiB, the
// payload that servers take by default, also when every byte is escaped.
const (
	cutResponse = 1 << 10
	cutText     = 4 << 10
)

// payload writes announcements as JSON.
type payload struct {
	b []byte
	// truncated leaves meta out and cuts texts.
	truncated bool
}

// write appends the payload for a, whose event's id in text form is id.
func (p *payload) write(a *ports.Announced, id string) {
	e := a.Event
	p.raw(`{"event_id":"`, id)
	p.raw(`","type":"`, e.Type.String(), `"`)
	p.text(`,"record_type":`, e.RecordType)
	p.text(`,"message_id":`, e.MessageID)
	p.text(`,"recipient":`, e.Recipient)
	p.text(`,"sender":`, e.Sender)
	p.log(a)
	p.raw(`,"occurred_at":`)
	p.b = appendTime(p.b, e.OccurredAt)
	p.raw(`,"received_at":`)
	p.b = appendTime(p.b, e.ReceivedAt)
	p.smtp(&e.Response)
	p.raw(`,"cause":null`)
	p.text(`,"provider":`, e.Provider)
	p.text(`,"tenant":`, e.Tenant)
	p.text(`,"campaign":`, e.Campaign)
	p.text(`,"egress_source":`, e.EgressSource)
	p.text(`,"node_id":`, e.NodeID)
	p.raw(`,"attempts":`)
	p.b = strconv.AppendInt(p.b, int64(e.Attempts), 10)
	p.meta(e.Meta)
	p.raw(`}`)
}

// log writes which log the event speaks of and that log's status.
func (p *payload) log(a *ports.Announced) {
	key, ok := a.Event.LogKey()
	if !ok || !a.HasLog {
		p.raw(`,"log_id":null,"status":null`)
		return
	}
	p.raw(`,"log_id":"`, key.String())
	p.raw(`","status":"`, a.Status.String(), `"`)
}

func (p *payload) smtp(r *domain.Response) {
	p.raw(`,"smtp":{"code":`)
	p.b = appendNumber(p.b, r.Code)
	p.text(`,"enhanced_code":`, r.Enhanced.String())
	content := r.Content
	if p.truncated {
		content = cut(content, cutResponse)
	}
	p.text(`,"response":`, content)
	p.text(`,"command":`, r.Command)
	p.raw(`}`)
}

func (p *payload) meta(meta string) {
	if p.truncated {
		p.raw(`,"meta":{},"truncated":true`)
		return
	}
	p.raw(`,"meta":`)
	p.b = appendObject(p.b, meta)
}

func (p *payload) raw(texts ...string) {
	for _, t := range texts {
		p.b = append(p.b, t...)
	}
}

func (p *payload) text(name, value string) {
	if p.truncated {
		value = cut(value, cutText)
	}
	p.b = appendText(append(p.b, name...), value)
}

// cut returns at most the first n bytes of s, whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
