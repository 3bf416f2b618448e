package e2e

import "strings"

// modelAnnouncement is the payload of s, without what only the service can know.
func modelAnnouncement(s said) object {
	command := strings.TrimRight(s.response().text("command"), "\r\n")
	if s.kind() == "rejection" && s.response()["code"] == spelled(535) {
		command = "AUTH"
	}
	meta := child(s.record, "meta")
	if meta == nil {
		meta = object{}
	}
	payload := object{
		"type": s.kind(), "record_type": s.record.text("type"), "message_id": orNull(s.id()),
		"recipient": orNull(s.recipient), "sender": orNull(s.record.text("sender")), "occurred_at": stamp(s.at()),
		"smtp": map[string]any{
			"code": s.response()["code"], "enhanced_code": orNull(s.enhanced()),
			"response": orNull(s.response().text("content")), "command": orNull(command),
		},
		"cause": nil, "provider": orNull(s.provider()), "tenant": orNull(s.tenant()), "campaign": orNull(s.campaign()),
		"egress_source": orNull(s.record.text("egress_source")), "node_id": orNull(s.record.text("nodeid")),
		"attempts": s.record["num_attempts"], "meta": map[string]any(meta),
	}
	if s.fails() {
		s.meaning(payload)
		payload["classification"] = orNull(s.record.text("bounce_classification"))
	}
	if id := s.transfer(); id != "" {
		payload["transfer_id"] = id
	}
	if s.kind() == "feedback" {
		payload["feedback_type"] = orNull(s.feedback().text("feedback_type"))
	}
	if s.isReport() {
		payload["original"] = modelOriginal(s.tie())
	}
	return payload
}

// modelOriginal is the message that a report is tied to, without its log.
func modelOriginal(about *tie) any {
	if about == nil {
		return nil
	}
	recipient := ""
	if len(about.recipients) > 0 {
		recipient = about.recipients[0]
	}
	return map[string]any{
		"message_id": about.id, "recipient": orNull(recipient), "tied_by": about.by, "confidence": about.confidence(),
	}
}
