package domain_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/domain"
)

// Rules that meet in every tier.
var someRules = []domain.Rule{
	{
		Name: "google-user-unknown", Of: "google", Text: []string{"account that you tried to reach does not exist"},
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown,
	},
	{
		Name: "blocklist", Any: []string{"blocked using", "listed in"}, Not: []string{"not listed in"},
		Cause: domain.CauseSender, Subcause: domain.SubcauseBlocklist,
	},
	{
		Name: "full", Text: []string{"mailbox"}, Any: []string{"full", "over quota"},
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseFull, Permanence: domain.Temporary,
	},
	{
		Name: "iana-x-1-1", Enhanced: []string{"*.1.1"},
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown,
	},
	{Name: "google-refused", Of: "google", Text: []string{"gsmtp"}, Weight: -1, Cause: domain.CauseSender},
	{
		Name: "timeout", Text: []string{"timed out"},
		Cause: domain.CauseInfrastructure, Subcause: domain.SubcauseTimeout,
	},
	{Name: "iana-5-7", Enhanced: []string{"5.7.*"}, Cause: domain.CauseSender},
	{Name: "iana-5-7-26", Enhanced: []string{"5.7.26"}, Cause: domain.CauseSender, Subcause: domain.SubcauseAuthentication},
	{Name: "code-550", Codes: []string{"550"}, Cause: domain.CauseRecipient},
	{Name: "code-5xx", Codes: []string{"5xx"}, Cause: domain.CauseInfrastructure},
	{
		Name: "hint-invalid-recipient", Hints: []string{"InvalidRecipient"},
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown,
	},
}

func newClassifier(t testing.TB, rules []domain.Rule) *domain.Classifier {
	t.Helper()
	c, err := domain.NewClassifier(rules)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestMostSpecificRuleDecides(t *testing.T) {
	c := newClassifier(t, someRules)
	for _, test := range []struct{ response, rule string }{
		{"550-5.1.1 The email account that you tried to reach does not exist. Please try", "google-user-unknown"},
		{"550-5.1.1 The email account that\r\n550-5.1.1 you tried to reach does not\r\n550 5.1.1 exist.", "google-user-unknown"},
		{"550-The account that\r\n550 you tried to reach does not exist", "google-user-unknown"},
		{"550-The account that\r\n421 you tried to reach does not exist", "code-550"},
		{"550 5.1.1 blocked using zen.example.org", "blocklist"},
		{"550 5.1.1 you are not listed in our directory", "iana-x-1-1"},
		{"452 Mailbox of <ann@example.com> is over  quota", "full"},
		{"550 mailboxes are full", "code-550"},
		{"550 5.1.1 a1si1 - gsmtp", "google-refused"},
		{"550 5.1.1 mailbox full a1si1 - gsmtp", "full"},
		{"550 5.7.26 unauthenticated", "iana-5-7-26"},
		{"550 5.7.1 no", "iana-5-7"},
		{"550 no (#5.7.1)", "iana-5-7"},
		{"550 no", "code-550"},
		{"550 no, policy", "code-5xx"},
		{"554 no", "code-5xx"},
		{"smtp; 554 no", "code-5xx"},
		{"host mx.example.com[192.0.2.1] said: 554 no (in reply to RCPT TO)", "code-5xx"},
		{"451 no", ""},
		{"", ""},
	} {
		a := domain.ParseAnswer(test.response)
		if v := c.Classify(&a); v.Rule != test.rule {
			t.Errorf("%q: decided by %q, want %q", test.response, v.Rule, test.rule)
		}
	}
}

func TestTypesThatTellOfNoFailureHaveNoVerdict(t *testing.T) {
	c := newClassifier(t, someRules)
	failing := map[domain.EventType]bool{
		domain.Bounce: true, domain.TransientFailure: true, domain.Expiration: true, domain.AdminBounce: true,
		domain.OOB: true, domain.Feedback: true, domain.Delayed: true,
	}
	for _, typ := range append(domain.EventTypes(), 200) {
		a := domain.Answer{Type: typ, Code: 550, Text: "no"}
		if v := c.Classify(&a); (v != domain.Verdict{}) != failing[typ] {
			t.Errorf("%s: %+v", typ, v)
		}
	}
}

func TestTypeDecidesBeforeText(t *testing.T) {
	c := newClassifier(t, someRules)
	unknown := domain.Verdict{
		Cause: domain.CauseRecipient, Subcause: domain.SubcauseUnknown, Permanence: domain.Permanent,
		Fault: domain.FaultRecipient, Rule: "iana-x-1-1",
	}
	for _, test := range []struct {
		answer domain.Answer
		want   domain.Verdict
	}{
		{
			domain.Answer{Type: domain.AdminBounce, Code: 551, Enhanced: domain.EnhancedCode{Class: 5, Subject: 7, Detail: 1}},
			domain.Verdict{Cause: domain.CauseAdministrative, Permanence: domain.Permanent, Fault: domain.FaultUs, Rule: "type-admin-bounce"},
		},
		{
			domain.Answer{Type: domain.Expiration, Code: 551, Text: "blocked using a list"},
			domain.Verdict{Cause: domain.CauseExpired, Permanence: domain.Permanent, Fault: domain.FaultProvider, Rule: "type-expiration"},
		},
		{
			domain.Answer{Type: domain.Feedback, Code: 250},
			domain.Verdict{Cause: domain.CauseComplaint, Permanence: domain.Permanent, Fault: domain.FaultSender, Rule: "type-feedback"},
		},
		{
			domain.Answer{Type: domain.Delayed, Code: 400, Text: "blocked using a list"},
			domain.Verdict{
				Cause: domain.CauseInfrastructure, Subcause: domain.SubcauseBusy, Permanence: domain.Temporary,
				Fault: domain.FaultUs, Rule: "type-delayed",
			},
		},
		{
			domain.Answer{Type: domain.OOB, Code: 450, Enhanced: domain.EnhancedCode{Class: 4, Subject: 4, Detail: 7}, Text: "mailbox full"},
			domain.Verdict{Cause: domain.CauseExpired, Permanence: domain.Permanent, Fault: domain.FaultProvider, Rule: "type-oob-expired"},
		},
		{
			domain.Answer{Type: domain.OOB, Code: 550, Text: "Delivery time expired"},
			domain.Verdict{Cause: domain.CauseExpired, Permanence: domain.Permanent, Fault: domain.FaultProvider, Rule: "type-oob-expired-text"},
		},
		{domain.Answer{Type: domain.OOB, Code: 450, Enhanced: domain.EnhancedCode{Class: 4, Subject: 1, Detail: 1}}, unknown},
	} {
		if diff := cmp.Diff(test.want, c.Classify(&test.answer)); diff != "" {
			t.Errorf("%+v (-want +got)\n%s", test.answer, diff)
		}
	}
}

func TestPermanenceIsOfTheCodeUnlessTheTypeOrTheRuleKnowsBetter(t *testing.T) {
	c := newClassifier(t, someRules)
	enhanced := domain.EnhancedCode{Class: 4, Subject: 9, Detail: 9}
	for _, test := range []struct {
		answer domain.Answer
		want   domain.Permanence
	}{
		{domain.Answer{Type: domain.Bounce, Code: 450}, domain.Temporary},
		{domain.Answer{Type: domain.Bounce, Code: 550}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Code: 550, Enhanced: enhanced}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Enhanced: enhanced}, domain.Temporary},
		{domain.Answer{Type: domain.Bounce}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Code: 250}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Text: "connection timed out"}, domain.Temporary},
		{domain.Answer{Type: domain.Bounce, Text: "connection timed out (#5.4.1)"}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Code: 550, Text: "connection timed out"}, domain.Permanent},
		{domain.Answer{Type: domain.Bounce, Text: "sorry (#4.3.0)"}, domain.Temporary},
		{domain.Answer{Type: domain.TransientFailure, Code: 552}, domain.Temporary},
		{domain.Answer{Type: domain.TransientFailure}, domain.Temporary},
		{domain.Answer{Type: domain.Delayed, Code: 400}, domain.Temporary},
		{domain.Answer{Type: domain.OOB, Code: 450}, domain.Permanent},
		{domain.Answer{Type: domain.OOB, Code: 550, Text: "mailbox full"}, domain.Temporary},
		{domain.Answer{Type: domain.Bounce, Code: 552, Text: "mailbox full"}, domain.Temporary},
	} {
		if got := c.Classify(&test.answer).Permanence; got != test.want {
			t.Errorf("%+v: %s, want %s", test.answer, got, test.want)
		}
	}
}

func TestHintDecidesOnlyWhereNothingElseDoesAndNeverAgainstABlock(t *testing.T) {
	c := newClassifier(t, someRules)
	for _, test := range []struct {
		answer domain.Answer
		rule   string
	}{
		{domain.Answer{Code: 450, Text: "no", Hint: "InvalidRecipient"}, "hint-invalid-recipient"},
		{domain.Answer{Code: 554, Text: "no", Hint: "InvalidRecipient"}, "code-5xx"},
		{domain.Answer{Code: 450, Text: "go away, spammer", Hint: "InvalidRecipient"}, ""},
		{domain.Answer{Code: 450, Enhanced: domain.EnhancedCode{Class: 4, Subject: 7, Detail: 1}, Hint: "InvalidRecipient"}, ""},
		{domain.Answer{Code: 450, Text: "no", Hint: "Uncategorized"}, ""},
	} {
		test.answer.Type = domain.Bounce
		if v := c.Classify(&test.answer); v.Rule != test.rule {
			t.Errorf("%+v: decided by %q, want %q", test.answer, v.Rule, test.rule)
		}
	}
}

func TestExplainNamesAdviceAndFault(t *testing.T) {
	c := newClassifier(t, someRules)
	a := domain.ParseAnswer("550 5.7.26 unauthenticated")
	v, rule := c.Explain(&a)
	if rule == nil || rule.Name != v.Rule || rule.Advice == "" || rule.Fault != domain.FaultSender {
		t.Errorf("verdict %+v, rule %+v", v, rule)
	}
	a = domain.ParseAnswer("451 no")
	v, rule = c.Explain(&a)
	want := domain.Verdict{Cause: domain.CauseUnknown, Permanence: domain.Temporary, Fault: domain.FaultProvider}
	if v != want || rule != nil {
		t.Errorf("verdict %+v, rule %+v, want %+v and none", v, rule, want)
	}
}

func TestNewClassifierNamesEveryFault(t *testing.T) {
	bad := []domain.Rule{
		{Name: "Bad Name", Text: []string{"a"}, Cause: "weather"},
		{Name: "twice", Cause: domain.CauseSender, Subcause: domain.SubcauseFull},
		{Name: "twice", Text: []string{"Upper Case"}, Cause: domain.CauseSender, Permanence: "maybe", Fault: "nobody"},
		{Name: "codes", Codes: []string{"5x0"}, Enhanced: []string{"*.*.*", "9.1.1"}, Cause: domain.CauseSender},
		{Name: "owned", Of: "google", Codes: []string{"550"}, Types: []domain.EventType{domain.Delivery}, Cause: domain.CauseSender},
		{Name: "type-feedback", Text: []string{""}, Not: []string{"a@example.com"}, Cause: domain.CauseSender},
	}
	_, err := domain.NewClassifier(bad)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"Bad Name": the name`, `cause "weather"`, `subcause "full"`, `"twice": no condition`, `"twice": the name is taken`,
		`text "Upper Case" is never found, answers are compared as "upper case"`, `permanence "maybe"`, `fault "nobody"`,
		`code "5x0"`, `enhanced code "*.*.*"`, `enhanced code "9.1.1"`, `wording of "google" without text`,
		`type "delivery"`, `"type-feedback": the name is taken`, "an empty text", `compared as "@"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q:\n%v", want, err)
		}
	}
}
