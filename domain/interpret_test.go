package domain_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

func newInterpreter(t *testing.T) *domain.Interpreter {
	t.Helper()
	classifier, err := domain.NewClassifier([]domain.Rule{{
		Name: "no-user", Text: []string{"no such user"}, Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown,
	}})
	if err != nil {
		t.Fatal(err)
	}
	providers, err := domain.NewProviders([]domain.MailProvider{{Name: "example", Hosts: []string{"mx.example.net"}}})
	if err != nil {
		t.Fatal(err)
	}
	return domain.NewInterpreter(classifier, providers, domain.NewReturnPaths("test-verp-key"))
}

func TestInterpretTellsWhatAFailureMeansAndWhose(t *testing.T) {
	e := domain.EmailEvent{
		Type: domain.Bounce, MessageID: aMessage, Recipient: aRecipient, PeerName: "mx.example.net",
		Response: domain.Response{Code: 550, Content: "No such user ann@example.com"},
	}
	newInterpreter(t).Interpret(&e)
	same(t, e.Verdict, domain.Verdict{
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent,
		Fault: domain.FaultRecipient, Rule: "no-user",
	})
	same(t, e.Provider, "example")
	same(t, e.ResponseHash, domain.ResponseHash("No such user bob@example.org"))
}

func TestInterpretLeavesSuccessAndLogHooksWithoutVerdict(t *testing.T) {
	for name, e := range map[string]domain.EmailEvent{
		"delivery":         {Type: domain.Delivery, Response: domain.Response{Code: 250, Content: "no such user"}},
		"rejection":        {Type: domain.Rejection, Response: domain.Response{Code: 550, Content: "no such user"}},
		"bounce of a hook": {Type: domain.Bounce, ReceptionProtocol: "LogRecord", Response: domain.Response{Code: 550, Content: "no such user"}},
	} {
		newInterpreter(t).Interpret(&e)
		if e.Verdict != (domain.Verdict{}) || e.ResponseHash != 0 {
			t.Errorf("%s: %+v, hash %x", name, e.Verdict, e.ResponseHash)
		}
	}
}

func TestInterpretKnowsMailToSignedReturnPathsAsReports(t *testing.T) {
	paths := domain.NewReturnPaths("test-verp-key")
	for recipient, want := range map[string]bool{
		paths.Sign(aMessage, "bounces.example.com"):                               true,
		domain.NewReturnPaths("another").Sign(aMessage, "bounces.example.com"):    false,
		"b-10d1b680884d11f19001782d7e12e173-0000000000000000@bounces.example.com": false,
		aRecipient: false,
	} {
		e := domain.EmailEvent{Type: domain.Reception, MessageID: "a-report", Recipient: recipient}
		newInterpreter(t).Interpret(&e)
		if e.OfReport != want {
			t.Errorf("%s: of a report is %v", recipient, e.OfReport)
		}
	}
}

func TestInterpretTiesReports(t *testing.T) {
	e := domain.EmailEvent{
		Type: domain.OOB, MessageID: "a-report", Recipient: "Ann@EXAMPLE.com", Report: &domain.Report{},
		Sender: domain.NewReturnPaths("test-verp-key").Sign(aMessage, "bounces.example.com"),
	}
	newInterpreter(t).Interpret(&e)
	same(t, *e.Original, domain.Original{MessageID: aMessage, Recipients: []string{"Ann@example.com"}, By: domain.TieVERP})
}

func TestInterpreterOfNothingLeavesEventsAsTheyAre(t *testing.T) {
	e := domain.EmailEvent{Type: domain.Bounce, Response: domain.Response{Code: 550}, ProviderName: "Google"}
	var none *domain.Interpreter
	none.Interpret(&e)
	if e.Provider != "" {
		t.Errorf("provider %q", e.Provider)
	}
	domain.NewInterpreter(nil, nil, nil).Interpret(&e)
	if e.Verdict != (domain.Verdict{}) || e.Provider != "google" {
		t.Errorf("verdict %+v, provider %q", e.Verdict, e.Provider)
	}
}
