package domain_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/domain"
)

const (
	aReport      = "20d1b680884d11f19001782d7e12e173" // its message id
	otherMessage = "30d1b680884d11f19001782d7e12e173"
	forgedPath   = "b-10d1b680884d11f19001782d7e12e173-1dc84c3fded37c48@bounces.example.com"
)

// originalOf returns what an event is tied to by what it says itself.
func originalOf(e domain.EmailEvent) *domain.Original {
	domain.NewInterpreter(nil, nil, domain.NewReturnPaths(verpKey)).Interpret(&e)
	return e.Original
}

// anOOB is a late bounce of aRecipient that refers to messages.
func anOOB(returnPath string, refs ...domain.Reference) domain.EmailEvent {
	return domain.EmailEvent{
		Type: domain.OOB, MessageID: aReport, Recipient: aRecipient, Sender: returnPath,
		Report: &domain.Report{References: refs},
	}
}

func aFeedback(r domain.Report) domain.EmailEvent {
	return domain.EmailEvent{Type: domain.Feedback, MessageID: aReport, Recipient: "fbl@example.com", Report: &r}
}

// references name aMessage by every tie but a return path, the weakest first.
func references() []domain.Reference {
	var refs []domain.Reference
	for _, by := range []domain.Tie{domain.TieMessageID, domain.TieReceived, domain.TieTrace, domain.TiePolicyMeta} {
		refs = append(refs, domain.Reference{By: by, MessageID: aMessage})
	}
	return refs
}

func TestReportIsTiedByTheStrongestOfItsTies(t *testing.T) {
	refs := references()
	cases := []struct {
		name       string
		returnPath string
		refs       []domain.Reference
		want       domain.Tie
		confidence domain.Confidence
	}{
		{"signed return path", aReturnPath, refs, domain.TieVERP, domain.Verified},
		{"policy meta", "bounces@example.com", refs, domain.TiePolicyMeta, domain.Claimed},
		{"trace", "bounces@example.com", refs[:3], domain.TieTrace, domain.Claimed},
		{"received", "bounces@example.com", refs[:2], domain.TieReceived, domain.Claimed},
		{"message id", "bounces@example.com", refs[:1], domain.TieMessageID, domain.Claimed},
		{"a forged path counts as none", forgedPath, refs, domain.TiePolicyMeta, domain.Claimed},
		{"a reference to the report itself counts as none", "", []domain.Reference{{By: domain.TiePolicyMeta, MessageID: aReport}, refs[0]}, domain.TieMessageID, domain.Claimed},
		{"a reference without an id counts as none", "", []domain.Reference{{By: domain.TiePolicyMeta}, refs[0]}, domain.TieMessageID, domain.Claimed},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := &domain.Original{MessageID: aMessage, Recipients: []string{aRecipient}, By: c.want}
			same(t, originalOf(anOOB(c.returnPath, c.refs...)), want)
			same(t, originalOf(aFeedback(domain.Report{
				MailFrom: c.returnPath, Recipients: []string{aRecipient}, References: c.refs,
			})), want)
			same(t, c.want.Confidence(), c.confidence)
		})
	}
	same(t, domain.Tie("").Confidence(), "")
}

func TestStrongerTieWinsWhateverItNames(t *testing.T) {
	other := domain.Reference{By: domain.TieMessageID, MessageID: otherMessage}
	rapid.Check(t, func(t *rapid.T) {
		refs := rapid.Permutation(append(references()[1:], other)).Draw(t, "references")
		if o := originalOf(anOOB("", refs...)); o.MessageID != aMessage || o.By != domain.TiePolicyMeta {
			t.Fatalf("tied to %s by %s", o.MessageID, o.By)
		}
		// And a signed path before all of them.
		if o := originalOf(anOOB(aReturnPath, domain.Reference{By: domain.TiePolicyMeta, MessageID: otherMessage})); o.MessageID != aMessage {
			t.Fatalf("tied to %s by %s", o.MessageID, o.By)
		}
	})
}

func TestReportThatNamesNoMessageOrItselfIsNotTied(t *testing.T) {
	itself := domain.NewReturnPaths(verpKey).Sign(aReport, "bounces.example.com")
	cases := []struct {
		name  string
		event domain.EmailEvent
	}{
		{"nothing", anOOB("")},
		{"a forged path", anOOB(forgedPath)},
		{"references of a kind not known", anOOB("", domain.Reference{By: "guess", MessageID: aMessage})},
		{"references without ids", anOOB("", domain.Reference{By: domain.TieTrace, Recipient: aRecipient})},
		{"itself by a signed path", anOOB(itself)},
		{"itself by a reference", anOOB("", domain.Reference{By: domain.TieTrace, MessageID: strings.ToUpper(aReport)})},
		{"itself in a complaint", aFeedback(domain.Report{MailFrom: itself})},
		{"no report", domain.EmailEvent{Type: domain.Bounce, MessageID: aReport, Sender: aReturnPath, Recipient: aRecipient}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if o := originalOf(c.event); o != nil {
				t.Errorf("tied to %+v", *o)
			}
		})
	}
}

func TestOOBIsAboutTheAddressThatFailed(t *testing.T) {
	// Not about the one that a reference names: forwarded mail fails further on.
	e := anOOB(aReturnPath, domain.Reference{By: domain.TieTrace, MessageID: aMessage, Recipient: aRecipient})
	e.Recipient = "<Ann@FORWARD.example>"
	same(t, originalOf(e).Recipients, []string{"Ann@forward.example"})
}

func TestFeedbackIsAboutTheRecipientsOfItsMessage(t *testing.T) {
	trace := func(recipient string) domain.Reference {
		return domain.Reference{By: domain.TieTrace, MessageID: "10D1B680-884D-11F1-9001-782D7E12E173", Recipient: recipient}
	}
	many := make([]string, 150)
	for i := range many {
		many[i] = strings.Repeat("a", i+1) + "@example.com"
	}
	cases := []struct {
		name   string
		report domain.Report
		want   []string
	}{
		{"as the report names them", domain.Report{References: []domain.Reference{trace("")}, Recipients: []string{aRecipient, "bob@example.org"}}, []string{aRecipient, "bob@example.org"}},
		{"in brackets, twice and in other spellings", domain.Report{References: []domain.Reference{trace("")}, Recipients: []string{"<ann@EXAMPLE.com>", " ann@example.com", "", "Ann@example.com"}}, []string{aRecipient, "Ann@example.com"}},
		{"as our trace names them, where the report is redacted", domain.Report{References: []domain.Reference{trace(aRecipient)}, Recipients: []string{"redacted@example.com"}}, []string{aRecipient}},
		{"of a batched message as it names them itself", domain.Report{References: []domain.Reference{trace(aRecipient), trace("bob@example.org")}, Recipients: []string{"bob@example.org"}}, []string{"bob@example.org"}},
		{"nobody of a batched message, where it names none", domain.Report{References: []domain.Reference{trace(aRecipient), trace("bob@example.org")}}, nil},
		{"not as the trace of another message does", domain.Report{MailFrom: aReturnPath, References: []domain.Reference{{By: domain.TieTrace, MessageID: otherMessage, Recipient: "eve@example.com"}}, Recipients: []string{aRecipient}}, []string{aRecipient}},
		{"of several traces not whom the report leaves out, in the order of the traces", domain.Report{References: []domain.Reference{trace("bob@example.org"), trace("eve@example.org"), trace("ann@EXAMPLE.com")}, Recipients: []string{aRecipient, "<bob@example.org>", "mallory@example.org"}}, []string{"bob@example.org", aRecipient}},
		{"nobody, where several traces meet a redacted report", domain.Report{References: []domain.Reference{trace(aRecipient), trace("bob@example.org")}, Recipients: []string{"redacted@example.com"}}, nil},
		{"one trace in two spellings is one", domain.Report{References: []domain.Reference{trace(aRecipient), trace("<ann@EXAMPLE.com>")}, Recipients: []string{"redacted@example.com"}}, []string{aRecipient}},
		{"nobody, where all of it is redacted", domain.Report{MailFrom: aReturnPath, Recipients: []string{"", "<>"}}, nil},
		{"a hundred at most", domain.Report{MailFrom: aReturnPath, Recipients: many}, many[:100]},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { same(t, originalOf(aFeedback(c.report)).Recipients, c.want) })
	}
}

func TestOnlyComplaintsWithARecipientHaveALog(t *testing.T) {
	tied := domain.Original{MessageID: aMessage, Recipients: []string{aRecipient}, By: domain.TieVERP}
	for feedback, want := range map[string]bool{
		"abuse": true, "fraud": true, "other": true, "virus": true, "": true,
		"not-spam": false, "Not-Spam": false, "auth-failure": false, "dmarc": false,
	} {
		e := aFeedback(domain.Report{FeedbackType: feedback})
		e.Original = &tied
		if got := e.HasLog(); got != want {
			t.Errorf("%q has a log: %v", feedback, got)
		}
		e.Type = domain.OOB
		if !e.HasLog() {
			t.Errorf("a bounce with the feedback type %q has no log", feedback)
		}
	}
	for name, o := range map[string]*domain.Original{"untied": nil, "of nobody": {MessageID: aMessage, By: domain.TieVERP}} {
		for _, typ := range []domain.EventType{domain.OOB, domain.Feedback} {
			e := domain.EmailEvent{Type: typ, MessageID: aReport, Recipient: aRecipient, Report: &domain.Report{}, Original: o}
			if key, ok := e.LogKey(); ok || e.HasLog() {
				t.Errorf("%s %s has log %s", name, typ, key)
			}
		}
	}
}

func TestKeyOfAnOriginalIsThatOfItsFirstRecipient(t *testing.T) {
	o := domain.Original{MessageID: aMessage, Recipients: []string{aRecipient, "bob@example.org"}}
	same(t, o.Key(), domain.NewLogKey(aMessage, aRecipient))

	o.Recipients = nil
	key := o.Key()
	least, greatest := domain.KeysOfMessage(aMessage)
	if slices.Compare(key[:], least[:]) < 0 || slices.Compare(key[:], greatest[:]) > 0 {
		t.Errorf("%s is not among the keys of its message", key)
	}
}

func TestEventsConcernTheStoriesThatTheyBelongTo(t *testing.T) {
	tied := func(typ domain.EventType, recipients ...string) domain.EmailEvent {
		e := domain.EmailEvent{Type: typ, MessageID: aReport, Recipient: "fbl@example.com", Report: &domain.Report{FeedbackType: "not-spam"}}
		if typ == domain.OOB {
			e.Sender, e.Recipient = "Bounces@EXAMPLE.com", aRecipient
		}
		e.Original = &domain.Original{MessageID: aMessage, Recipients: recipients}
		return e
	}
	untied := tied(domain.OOB)
	untied.Original = nil
	own := domain.EmailEvent{Type: domain.Delivery, MessageID: strings.ToUpper(aMessage), Recipient: "ann@EXAMPLE.com"}
	hook, refused := own, own
	hook.ReceptionProtocol, refused.Type = "LogRecord", domain.Rejection

	cases := []struct {
		name                 string
		event                domain.EmailEvent
		messageID, recipient string
		want                 bool
	}{
		{"its own", own, aMessage, aRecipient, true},
		{"another recipient's", own, aMessage, "bob@example.org", false},
		{"another message's", own, otherMessage, aRecipient, false},
		{"a log hook's", hook, aMessage, aRecipient, false},
		{"a rejection", refused, aMessage, aRecipient, false},
		{"a late bounce of its recipient", tied(domain.OOB, aRecipient), aMessage, aRecipient, true},
		{"a late bounce of its recipient in lower case", tied(domain.OOB, strings.ToLower(aRecipient)), aMessage, strings.ToUpper(aRecipient), true},
		{"a late bounce of another recipient", tied(domain.OOB, "bob@example.org"), aMessage, aRecipient, false},
		{"feedback that changes no status", tied(domain.Feedback, aRecipient), aMessage, aRecipient, true},
		{"feedback of nobody is everybody's", tied(domain.Feedback), aMessage, "bob@example.org", true},
		{"a bounce report's own story, to its return path", tied(domain.OOB, aRecipient), aReport, "Bounces@example.com", true},
		{"and not to who failed", tied(domain.OOB, aRecipient), aReport, aRecipient, false},
		{"a complaint's own story", tied(domain.Feedback, aRecipient), aReport, "fbl@example.com", true},
		{"an untied report's own story", untied, aReport, "Bounces@example.com", true},
		{"an untied report's guess", untied, aMessage, aRecipient, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := domain.EmailLog{MessageID: c.messageID, Recipient: c.recipient}
			if got := c.event.Concerns(&l); got != c.want {
				t.Errorf("concerns it: %v", got)
			}
		})
	}
}

func TestTextsInReportsNeverBreakTheTie(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{aMessage, aReport, aReturnPath, forgedPath, aRecipient, "<>", "@", strings.Repeat("\u212a", 17) + "@x"}))
	refs := rapid.Custom(func(t *rapid.T) domain.Reference {
		by := rapid.SampledFrom([]domain.Tie{domain.TieVERP, domain.TiePolicyMeta, domain.TieTrace, domain.TieReceived, domain.TieMessageID, ""}).Draw(t, "by")
		return domain.Reference{By: by, MessageID: texts.Draw(t, "id"), Recipient: texts.Draw(t, "to")}
	})
	rapid.Check(t, func(t *rapid.T) {
		e := domain.EmailEvent{
			Type:      rapid.SampledFrom([]domain.EventType{domain.OOB, domain.Feedback}).Draw(t, "type"),
			MessageID: texts.Draw(t, "report's id"), Recipient: texts.Draw(t, "recipient"), Sender: texts.Draw(t, "sender"),
			Report: &domain.Report{MailFrom: texts.Draw(t, "mail from"), Recipients: rapid.SliceOf(texts).Draw(t, "named"), References: rapid.SliceOf(refs).Draw(t, "references")},
		}
		o := originalOf(e)
		if o == nil {
			return
		}
		path := e.Sender
		if e.Type == domain.Feedback {
			path = e.Report.MailFrom
		}
		id := domain.NormalizeMessageID(o.MessageID)
		switch named := func(r domain.Reference) bool { return r.By == o.By && domain.NormalizeMessageID(r.MessageID) == id }; {
		case id != o.MessageID || id == "" || id == domain.NormalizeMessageID(e.MessageID):
			t.Fatalf("tied to %q", o.MessageID)
		case o.By == domain.TieVERP && !strings.Contains(path, aReturnPath):
			t.Fatalf("verified %q", path)
		case o.By != domain.TieVERP && !slices.ContainsFunc(e.Report.References, named):
			t.Fatalf("nothing names %q by %s", o.MessageID, o.By)
		}
		for i, r := range o.Recipients {
			if r == "" || r != domain.NormalizeRecipient(r) || slices.Contains(o.Recipients[:i], r) {
				t.Fatalf("recipients %q", o.Recipients)
			}
		}
	})
}
