package natsbus

import (
	"encoding/binary"
	"encoding/hex"
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

// write appends the payload for a, whose id in text form is id.
func (p *payload) write(a *ports.Announced, id string) {
	if a.Change != nil {
		p.change(a.Change, id)
		return
	}
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
	p.verdict(e)
	p.text(`,"provider":`, e.Provider)
	p.text(`,"tenant":`, e.Tenant)
	p.text(`,"campaign":`, e.Campaign)
	p.text(`,"egress_source":`, e.EgressSource)
	p.text(`,"node_id":`, e.NodeID)
	p.raw(`,"attempts":`)
	p.b = strconv.AppendInt(p.b, int64(e.Attempts), 10)
	if e.TransferID != "" {
		p.text(`,"transfer_id":`, e.TransferID)
	}
	if e.Type.IsReport() {
		p.report(a)
	}
	p.meta(e.Meta)
	p.raw(`}`)
}

// log writes which log the event is one of and that log's status. A report is
// one of none, see report.
func (p *payload) log(a *ports.Announced) {
	key, ok := a.Event.LogKey()
	if !ok || !a.HasLog || a.Event.Type.IsReport() {
		p.raw(`,"log_id":null,"status":null`)
		return
	}
	p.raw(`,"log_id":"`, key.String())
	p.raw(`","status":"`, a.Status.String(), `"`)
}

// verdict writes what a failure means; of all other events it writes little.
func (p *payload) verdict(e *domain.EmailEvent) {
	v := &e.Verdict
	p.text(`,"cause":`, string(v.Cause))
	if v.Cause == "" {
		return
	}
	p.text(`,"subcause":`, string(v.Subcause))
	p.text(`,"permanence":`, string(v.Permanence))
	p.text(`,"fault":`, string(v.Fault))
	p.text(`,"rule":`, v.Rule)
	p.text(`,"classification":`, e.Classification)
	if e.ResponseHash == 0 { // of a response that says nothing
		p.raw(`,"response_hash":null`)
		return
	}
	p.raw(`,"response_hash":"`)
	var hash [8]byte
	binary.BigEndian.PutUint64(hash[:], e.ResponseHash)
	p.b = append(hex.AppendEncode(p.b, hash[:]), '"')
}

// report writes the log of the message that a report is tied to. Its status is
// null while nobody but reports has named that message.
func (p *payload) report(a *ports.Announced) {
	e := a.Event
	if e.Report != nil && e.Type == domain.Feedback {
		p.text(`,"feedback_type":`, e.Report.FeedbackType)
	}
	o := e.Original
	if o == nil {
		p.raw(`,"original":null`)
		return
	}
	p.text(`,"original":{"message_id":`, o.MessageID)
	recipient, status := "", ""
	if len(o.Recipients) > 0 {
		recipient = o.Recipients[0]
	}
	p.text(`,"recipient":`, recipient)
	p.raw(`,"log_id":`)
	if a.HasLog {
		status = a.Status.String()
		key := o.Key()
		p.raw(`"`, key.String(), `"`)
	} else {
		p.raw(`null`)
	}
	p.text(`,"status":`, status)
	p.raw(`,"tied_by":"`, string(o.By), `","confidence":"`, string(o.By.Confidence()), `"}`)
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
