package domain

import (
	"slices"
	"strings"
)

// Report is what an out-of-band bounce or a feedback report says of the message
// it is about. All but Original is as the record has it: written by whoever sent
// the report, and true or not. Parts of a record share one.
type Report struct {
	FeedbackType string   // "abuse", "not-spam" ... (RFC 5965, section 7.3), "" for OOB
	MailFrom     string   // the original's return path
	Recipients   []string // the original's, as a feedback report names them
	Host         string   // that reports, a name
	References   []Reference
}

// Reference is a message id that stands somewhere in a report.
type Reference struct {
	By        Tie
	MessageID string
	Recipient string // "" if it names none
}

// Original is the message that a report is tied to, as far as the report alone
// can say.
type Original struct {
	MessageID  string   // normal spelling
	Recipients []string // domains in lower case; none if the report names none
	By         Tie
}

// Tie says by what a report was tied to its message (kumomta.md, section 4).
type Tie string

// The ties, strongest first.
const (
	TieVERP       Tie = "verp"        // a signed return path
	TiePolicyMeta Tie = "policy_meta" // x_orig_id, set by the MTA's policy
	TieTrace      Tie = "trace"       // X-KumoRef, which the MTA or we read
	TieReceived   Tie = "received"    // the id in a Received header of the attached original
	TieMessageID  Tie = "message_id"  // a Message-ID header that the MTA made of its id
	TieLikeness   Tie = "likeness"    // no more than a Likeness; never of a stored event
)

// tieOrder is the order in which ties are tried.
var tieOrder = []Tie{TiePolicyMeta, TieTrace, TieReceived, TieMessageID}

// Confidence says how much a tie proves.
type Confidence string

// The confidences.
const (
	// Verified: nobody but us could name the message.
	Verified Confidence = "verified"
	// Claimed: the report names a message, unsigned. It counts only where a
	// message of that id went to that recipient.
	Claimed Confidence = "claimed"
	// Likely: the report names no message, and is most likely about this one.
	Likely Confidence = "likely"
)

// Confidence returns what t proves, "" for no tie.
func (t Tie) Confidence() Confidence {
	switch t {
	case "":
		return ""
	case TieVERP:
		return Verified
	case TieLikeness:
		return Likely
	}
	return Claimed
}

// maxOriginals bounds for how many recipients one report can speak.
const maxOriginals = 100

// originalOf works out what message a report is about; nil if it names none but
// itself.
func originalOf(e *EmailEvent, paths *ReturnPaths) *Original {
	id, by := namedOriginal(e, paths)
	switch {
	case id == "":
		return nil
	case e.Type == OOB: // names the address that failed, perhaps one further on
		return &Original{id, distinctRecipients([]string{e.Recipient}), by}
	}
	return &Original{id, e.Report.recipientsOf(id, e.Report.Recipients), by}
}

// namedOriginal returns the id that the report names by the strongest tie.
func namedOriginal(e *EmailEvent, paths *ReturnPaths) (id string, by Tie) {
	own, returnPath := NormalizeMessageID(e.MessageID), e.Report.MailFrom
	if e.Type == OOB {
		returnPath = e.Sender
	}
	if id, ok := paths.Verify(returnPath); ok && id != own {
		return id, TieVERP
	}
	for _, by := range tieOrder {
		for _, ref := range e.Report.References {
			if id := NormalizeMessageID(ref.MessageID); ref.By == by && id != "" && id != own {
				return id, by
			}
		}
	}
	return "", ""
}

// recipientsOf returns whose word the report is. References that name the message
// know our own addresses: one of them is the recipient's, of several, as those of
// a batched message, only those that the report names too.
func (r *Report) recipientsOf(id string, named []string) []string {
	var ours []string
	for _, ref := range r.References {
		if NormalizeMessageID(ref.MessageID) == id {
			ours = append(ours, ref.Recipient)
		}
	}
	ours, named = distinctRecipients(ours), distinctRecipients(named)
	switch len(ours) {
	case 0:
		return named
	case 1:
		return ours
	}
	var both []string
	for _, a := range ours {
		if slices.Contains(named, a) {
			both = append(both, a)
		}
	}
	return both
}

func distinctRecipients(addresses []string) []string {
	seen := make(map[string]bool, len(addresses))
	var distinct []string
	for _, a := range addresses {
		a = NormalizeRecipient(strings.Trim(a, "<> "))
		if a == "" || seen[a] || len(distinct) == maxOriginals {
			continue
		}
		seen[a] = true
		distinct = append(distinct, a)
	}
	return distinct
}

// Key is that of the first log that the report speaks of; where it names no
// recipient one that stands among those of the message (see KeysOfMessage).
func (o *Original) Key() LogKey {
	if len(o.Recipients) == 0 {
		return NewLogKey(o.MessageID, "")
	}
	return NewLogKey(o.MessageID, o.Recipients[0])
}

// Concerns says whether the event belongs to the story of a log: its message's,
// or that of the message which a report is tied to. A report that names no
// recipient belongs to all of its message's.
func (e *EmailEvent) Concerns(l *EmailLog) bool {
	if e.FromLogHook() || e.Type == Rejection {
		return false
	}
	if o := e.Original; o != nil && o.MessageID == l.MessageID {
		// Some servers report an address in lower case.
		return len(o.Recipients) == 0 ||
			slices.ContainsFunc(o.Recipients, func(r string) bool { return strings.EqualFold(r, l.Recipient) })
	}
	return NormalizeMessageID(e.MessageID) == l.MessageID && NormalizeRecipient(e.wentTo()) == l.Recipient
}

// ConcernsMessage says whether the event belongs to the story of any log that
// the message of that id, in its normal spelling, has or may come to have.
// AppendLogs says something of a log of that message then.
func (e *EmailEvent) ConcernsMessage(id string) bool {
	switch {
	case e.FromLogHook(), e.Type == Rejection, id == "":
		return false
	case e.Original != nil && e.Original.MessageID == id:
		return true
	}
	return NormalizeMessageID(e.MessageID) == id && e.wentTo() != ""
}

// wentTo returns the recipient of the event's own message.
func (e *EmailEvent) wentTo() string {
	if e.Type == OOB { // the address that the report came to
		return e.Sender
	}
	return e.Recipient
}

// isComplaint says whether a feedback report says that the recipient did not
// want the message. "not-spam" takes such a word back (RFC 6430), and reports of
// failed authentication are about no recipient's opinion (RFC 6591).
func (r *Report) isComplaint() bool {
	if r == nil {
		return true
	}
	switch strings.ToLower(r.FeedbackType) {
	case "not-spam", "auth-failure", "dmarc":
		return false
	}
	return true
}
