package httpapi

import (
	"fmt"
	"time"

	"github.com/kumotrail/kumotrail/domain"
)

// LogLine is one log as it is answered. What is not known is null.
type LogLine struct {
	ID            string  `json:"id" doc:"The log's own id, of one message and one recipient."`
	MessageID     string  `json:"message_id" doc:"KumoMTA's id of the message."`
	ApplicationID *string `json:"application_id" doc:"The id that the sending application gave (X-Email-Log-ID)."`
	Recipient     string  `json:"recipient"`
	Sender        *string `json:"sender" doc:"Of the envelope."`
	Status        string  `json:"status" enum:"pending,deferred,transferred,expired,bounced,delivered,complained" doc:"What became of the message. It never goes back."`
	AcceptedAt    *string `json:"accepted_at" format:"date-time" doc:"When KumoMTA accepted the message."`
	DeliveredAt   *string `json:"delivered_at" format:"date-time" doc:"When it was first delivered."`
	FailedAt      *string `json:"failed_at" format:"date-time" doc:"When it first failed for good."`
	ComplainedAt  *string `json:"complained_at" format:"date-time" doc:"When the recipient first complained."`
	Attempts      int     `json:"attempts" doc:"Attempts to deliver it so far."`
	SMTPCode      int     `json:"smtp_code" doc:"Of the response that decided the status, 0 for none."`
	EnhancedCode  *string `json:"enhanced_code" doc:"Of the response that decided the status."`
	Response      *string `json:"response" doc:"What the other side said that decided the status."`
	VerdictLine
	ResponseHash *string `json:"response_hash" doc:"The same for responses that say the same."`
	Tenant       *string `json:"tenant"`
	Campaign     *string `json:"campaign"`
	Provider     *string `json:"provider" doc:"Who runs the recipient's mailbox."`
	EgressSource *string `json:"egress_source"`
	Size         int64   `json:"size" doc:"Of the message, in bytes."`
	Confidence   *string `json:"confidence" doc:"Of the tie, where a report decided the status."`
	PriorID      *string `json:"prior_id" doc:"The message id before a transfer between nodes."`
	NextID       *string `json:"next_id" doc:"The message id after a transfer between nodes."`
	OfReport     bool    `json:"of_report" doc:"The message is a report that came to us, no mail."`
}

// VerdictLine is what a failure means, null for none.
type VerdictLine struct {
	Cause      *string `json:"cause" doc:"What the failure is about."`
	Subcause   *string `json:"subcause"`
	Permanence *string `json:"permanence" doc:"Whether another try can help."`
	Fault      *string `json:"fault" doc:"Whose it is."`
	Rule       *string `json:"rule" doc:"The rule that told."`
}

func newVerdictLine(v *domain.Verdict) VerdictLine {
	return VerdictLine{
		known(string(v.Cause)), known(string(v.Subcause)), known(string(v.Permanence)),
		known(string(v.Fault)), known(v.Rule),
	}
}

// knownHash writes a hash as 16 hexadecimal digits.
func knownHash(h uint64) *string {
	if h == 0 {
		return nil
	}
	s := fmt.Sprintf("%016x", h)
	return &s
}

func newLogLine(l *domain.EmailLog) LogLine {
	return LogLine{
		ID: l.Key.String(), MessageID: l.MessageID, ApplicationID: known(l.ApplicationID),
		Recipient: l.Recipient, Sender: known(l.Sender), Status: l.Status().String(),
		AcceptedAt: knownTime(l.AcceptedAt), DeliveredAt: knownTime(l.DeliveredAt),
		FailedAt: knownTime(l.FailedAt), ComplainedAt: knownTime(l.ComplainedAt),
		Attempts: l.Attempts, SMTPCode: l.Decision.Code,
		EnhancedCode: known(l.Decision.Enhanced.String()), Response: known(l.Decision.Response),
		Tenant: known(l.Tenant), Campaign: known(l.Campaign), Provider: known(l.Provider),
		EgressSource: known(l.EgressSource), Size: l.Size,
		VerdictLine: newVerdictLine(&l.Decision.Verdict), ResponseHash: knownHash(l.Decision.ResponseHash),
		Confidence: known(string(l.Decision.Confidence)),
		PriorID:    known(l.PriorID), NextID: known(l.NextID), OfReport: l.OfReport,
	}
}

func known(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func knownTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
	return &s
}
