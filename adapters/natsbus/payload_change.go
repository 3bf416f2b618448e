package natsbus

import "github.com/kumotrail/kumotrail/domain"

// change writes a change of the list of suppressions.
func (p *payload) change(c *domain.SuppressionChange, id string) {
	p.raw(`{"change_id":"`, id)
	p.raw(`","type":"`, c.Type(), `"`)
	p.text(`,"address":`, c.Address)
	p.text(`,"reason":`, string(c.Reason))
	p.text(`,"note":`, c.Note)
	event := ""
	if c.EventID != (domain.EventID{}) {
		event = c.EventID.String()
	}
	p.text(`,"source_event_id":`, event)
	p.raw(`,"added_at":`)
	p.b = appendTime(p.b, c.AddedAt)
	p.raw(`,"changed_at":`)
	p.b = appendTime(p.b, c.At)
	if p.truncated {
		p.raw(`,"truncated":true`)
	}
	p.raw(`}`)
}
