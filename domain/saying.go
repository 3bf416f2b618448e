package domain

// AppendLogs appends what one event alone says of messages, one log a key, that
// of LogKey first:
//
//   - of its own message what happened to it;
//   - a report, that its own message is one, and of each message that it is
//     tied to that it bounced late or was complained about. One that changes no
//     status names the log and says no more; one that names no recipient names
//     that of the recipient "", for all of the message;
//   - a transfer, of the message under its other id, that it is the same one.
//
// Rejections, a log hook's own messages and events without a recipient or a
// message id say nothing.
func AppendLogs(said []EmailLog, e *EmailEvent) []EmailLog {
	if e.Type.IsReport() && !e.FromLogHook() {
		return appendOfReport(said, e)
	}
	if !e.HasLog() {
		return said
	}
	said, own := appendNamed(said, e.MessageID, e.Recipient)
	own.Sender = e.Sender
	own.Tenant, own.Campaign, own.ApplicationID = e.Tenant, e.Campaign, e.ApplicationID
	own.Provider, own.EgressSource = e.Provider, e.EgressSource
	own.Confirmed, own.OfReport = true, e.OfReport
	own.Size, own.Attempts = e.Size, e.Attempts
	if e.isAttempt() {
		own.Attempts++
	}
	own.AcceptedAt = e.AcceptedAt
	own.decide(e, statusOf(e))
	if e.TransferID == "" {
		return said
	}
	return appendTransfer(said, e)
}

// appendNamed appends a log of which nothing is known but its name, and returns it
// too. The one before it is often of the same name, whose key took two hashes.
func appendNamed(said []EmailLog, messageID, recipient string) ([]EmailLog, *EmailLog) {
	n := len(said)
	said = append(said, EmailLog{MessageID: NormalizeMessageID(messageID), Recipient: NormalizeRecipient(recipient)})
	l := &said[n]
	if n > 0 && said[n-1].MessageID == l.MessageID && said[n-1].Recipient == l.Recipient {
		l.Key = said[n-1].Key
	} else {
		l.Key = keyOfNormal(l.MessageID, l.Recipient)
	}
	return said, l
}

// decide has the event give the log a status.
func (l *EmailLog) decide(e *EmailEvent, s Status) {
	l.Decision = Decision{
		Status: s, At: e.OccurredAt, EventID: e.ID,
		Code: e.Response.Code, Enhanced: e.Response.Enhanced, Response: e.Response.Content,
		ResponseHash: e.ResponseHash, Verdict: e.Verdict,
	}
	if e.Type == OOB && !e.AcceptedAt.IsZero() {
		// When the report came: its own time is of a remote clock, or of each
		// logger's (kumomta.md, section 2.1).
		l.Decision.At = e.AcceptedAt
	}
	switch s {
	case Delivered:
		l.DeliveredAt = l.Decision.At
	case Bounced, Expired, BouncedLate:
		l.FailedAt = l.Decision.At
	case Complained:
		l.ComplainedAt = l.Decision.At
	}
}

// appendOfReport says what a report says: of its own message that it is one,
// which keeps the status of those.
func appendOfReport(said []EmailLog, e *EmailEvent) []EmailLog {
	if e.Original != nil {
		said = appendOriginal(said, e)
	}
	if recipient := e.wentTo(); e.MessageID != "" && recipient != "" {
		var own *EmailLog
		said, own = appendNamed(said, e.MessageID, recipient)
		own.OfReport = true
	}
	return said
}

// appendOriginal says what a report says of the message that it is tied to.
func appendOriginal(said []EmailLog, e *EmailEvent) []EmailLog {
	o := e.Original
	if len(o.Recipients) == 0 {
		said, _ = appendNamed(said, o.MessageID, "")
		return said
	}
	status := BouncedLate
	if e.Type == Feedback {
		status = Complained
	}
	for _, recipient := range o.Recipients {
		var l *EmailLog
		said, l = appendNamed(said, o.MessageID, recipient)
		if e.HasLog() {
			l.decide(e, status)
			l.Decision.Confidence = o.By.Confidence()
		}
	}
	return said
}

// appendTransfer links the two ids of a message, of which the last that was said is
// one's log. Either node's word is enough.
func appendTransfer(said []EmailLog, e *EmailEvent) []EmailLog {
	said, other := appendNamed(said, e.TransferID, e.Recipient)
	last := len(said) - 1
	own := &said[last-1]
	switch {
	case other.Key == own.Key:
		return said[:last]
	case e.Type == XferOut:
		own.NextID, other.PriorID = other.MessageID, own.MessageID
	default:
		own.PriorID, other.NextID = other.MessageID, own.MessageID
		other.decide(e, Transferred)
	}
	return said
}
