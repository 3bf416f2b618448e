package domain_test

import (
	"testing"

	"github.com/kumotrail/kumotrail/domain"
)

func TestNormalizeRecipientLowersTheDomainAlone(t *testing.T) {
	cases := []struct{ address, want string }{
		{"Ann@Example.COM", "Ann@example.com"},
		{"ann@example.com", "ann@example.com"},
		{`"A@B"@Example.COM`, `"A@B"@example.com`},
		{"Ann@ÄRGER.example", "Ann@ärger.example"},
		{"Ann@", "Ann@"},
		{"@Example.COM", "@example.com"},
		{"Postmaster", "Postmaster"},
		{"", ""},
	}
	for _, c := range cases {
		if got := domain.NormalizeRecipient(c.address); got != c.want {
			t.Errorf("%q: got %q, want %q", c.address, got, c.want)
		}
	}
}

func TestParseQueueTakesTheNameApart(t *testing.T) {
	cases := []struct {
		name string
		want domain.QueueName
	}{
		{"example.com", domain.QueueName{Domain: "example.com"}},
		{"tenant@example.com", domain.QueueName{Tenant: "tenant", Domain: "example.com"}},
		{"campaign:tenant@example.com", domain.QueueName{Campaign: "campaign", Tenant: "tenant", Domain: "example.com"}},
		{"campaign:@example.com", domain.QueueName{Campaign: "campaign", Domain: "example.com"}},
		{":tenant@example.com", domain.QueueName{Tenant: "tenant", Domain: "example.com"}},
		{"example.com!mx.example.net", domain.QueueName{Domain: "example.com", RoutingDomain: "mx.example.net"}},
		{"campaign:tenant@example.com!mx.example.net", domain.QueueName{
			Campaign: "campaign", Tenant: "tenant", Domain: "example.com", RoutingDomain: "mx.example.net",
		}},
		{"tenant@", domain.QueueName{Tenant: "tenant"}},
		{"", domain.QueueName{}},
		{"nullified.example", domain.QueueName{Domain: "nullified.example"}},
		{"tenant@null", domain.QueueName{Tenant: "tenant", Domain: "null"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { same(t, domain.ParseQueue(c.name), c.want) })
	}
}

func TestParseQueueKeepsNamesOfInternalQueuesWhole(t *testing.T) {
	for _, name := range []string{ // kumomta.md, section 1.4
		"generator.kumomta.internal",
		"deferred_smtp_inject.kumomta.internal",
		"http://user:secret@192.0.2.1:8000.xfer.kumomta.internal",
		"webhook.log_hook",
		"eu:web@hook.log_hook",
		"http://user:secret@192.0.2.1:8008.tsa.kumomta",
		"null",
	} {
		t.Run(name, func(t *testing.T) { same(t, domain.ParseQueue(name), domain.QueueName{Domain: name}) })
	}
}

func TestEnhancedCodeIsWrittenWithDots(t *testing.T) {
	cases := []struct {
		code domain.EnhancedCode
		want string
	}{
		{domain.EnhancedCode{}, ""},
		{domain.EnhancedCode{Class: 5, Subject: 1, Detail: 1}, "5.1.1"},
		{domain.EnhancedCode{Class: 2}, "2.0.0"},
		{domain.EnhancedCode{Class: 4, Subject: 7, Detail: 650}, "4.7.650"},
		{domain.EnhancedCode{Detail: 1}, "0.0.1"},
	}
	for _, c := range cases {
		if got := c.code.String(); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.code, got, c.want)
		}
	}
}

func TestOnlyMessagesReceivedAsLogRecordsAreALogHooks(t *testing.T) {
	for _, protocol := range []string{"", "ESMTP", "HTTP", "logrecord"} {
		e := domain.EmailEvent{ReceptionProtocol: protocol}
		if e.FromLogHook() {
			t.Errorf("%q counts as a log hook's", protocol)
		}
	}
	e := domain.EmailEvent{ReceptionProtocol: "LogRecord"}
	if !e.FromLogHook() {
		t.Error("LogRecord does not count as a log hook's")
	}
}
