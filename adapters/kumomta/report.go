package kumomta

import (
	"slices"
	"strings"

	"github.com/kumotrail/kumotrail/domain"
)

// Bounds of what one report may say.
const (
	maxReferences = 20
	maxReported   = 100 // recipients
)

// report reads what an OOB or a Feedback says of the message it is about; nil
// for all others. A part that is not as it should be says nothing.
func (r *record) report(of domain.EventType) *domain.Report {
	switch of {
	case domain.OOB:
		l := references{}
		l.add(domain.TiePolicyMeta, r.firstOriginalID(), "")
		return &domain.Report{Host: cutName(r.peerName), References: l.list}
	case domain.Feedback:
		f := feedback{}
		s := scanner{text: r.feedback}
		_ = looseFields(&s, f.field) // whole JSON, or nothing
		return f.report(r.firstOriginalID())
	}
	return nil
}

// firstOriginalID is the id that the MTA's policy found in a report.
func (r *record) firstOriginalID() (id string) {
	s := scanner{text: r.originalID}
	_ = eachText(&s, func(one string) {
		if id == "" {
			id = one
		}
	})
	return id
}

// feedback is a feedback_report (kumomta.md, section 1.5).
type feedback struct {
	kind, mailFrom string
	recipients     [2][]string // by precedence of the two spellings
	host           string
	trace          trace
	original       string // the start of the message reported
}

func (f *feedback) field(s *scanner, name string) (err error) {
	switch name {
	case "feedback_type":
		f.kind, err = text(s)
	case "original_mail_from":
		f.mailFrom, err = text(s)
	case "original_rcpto_to": // KumoMTA's spelling
		f.recipients[0], err = addresses(s)
	case "original_rcpt_to":
		f.recipients[1], err = addresses(s)
	case "reporting_mta":
		f.host, err = readHost(s)
	case "supplemental_trace":
		f.trace, err = readTrace(s)
	case "original_message":
		f.original, err = beginning(s, maxText)
	default:
		err = s.value()
	}
	return err
}

func (f *feedback) report(originalID string) *domain.Report {
	recipients := f.recipients[0]
	if len(recipients) == 0 {
		recipients = f.recipients[1]
	}
	o := readOriginal(f.original)
	traces := append([]trace{f.trace}, o.traces...)
	l := references{recipient: onlyRecipient(traces)}
	l.add(domain.TiePolicyMeta, originalID, "")
	for _, t := range traces {
		l.addTrace(&t)
	}
	for _, r := range append(o.received, o.receivedElsewhere...) {
		l.add(domain.TieReceived, r.id, r.recipient)
	}
	for _, id := range o.messageIDs {
		l.add(domain.TieMessageID, id, "")
	}
	if len(l.list) == 0 && l.recipient != "" {
		// By default a trace has the recipient alone, and the return path may have
		// the id. What the reporter names beside it may be redacted.
		recipients = append([]string{strings.Clone(l.recipient)}, recipients...)
	}
	return &domain.Report{
		FeedbackType: cutName(f.kind), MailFrom: cutName(bare(f.mailFrom)),
		Recipients: recipients, Host: cutName(f.host), References: l.list,
	}
}

// references gathers references, the strongest first.
type references struct {
	list      []domain.Reference
	recipient string // of those that name none
}

func (l *references) add(by domain.Tie, id, recipient string) {
	if id = strings.TrimSpace(id); id == "" || len(l.list) == maxReferences {
		return
	}
	if recipient = bare(recipient); recipient == "" {
		recipient = l.recipient
	}
	// Clones, for they may stand in a text that is not kept.
	ref := domain.Reference{By: by, MessageID: strings.Clone(cutName(id)), Recipient: strings.Clone(cutName(recipient))}
	if !slices.Contains(l.list, ref) {
		l.list = append(l.list, ref)
	}
}

// readHost reads {mta_type, name}, or a text with or without the type.
func readHost(s *scanner) (host string, err error) {
	if s.peek() != '{' {
		host, err = text(s)
		if _, name, typed := strings.Cut(host, ";"); typed {
			host = name
		}
		return strings.TrimSpace(host), err
	}
	err = s.object(func(name string) (err error) {
		if name != "name" {
			return s.value()
		}
		host, err = text(s)
		return err
	})
	return host, err
}

// addresses reads one address or a list of them.
func addresses(s *scanner) (all []string, err error) {
	err = eachText(s, func(one string) {
		if one = bare(one); one != "" && len(all) < maxReported {
			all = append(all, cutName(one))
		}
	})
	return all, err
}

// bare returns an address without the brackets that it had before April 2026.
func bare(address string) string { return strings.Trim(address, "<> \t\r\n") }
