package e2e

import (
	"fmt"
	"testing"
)

// Responses as providers publish them, KumoMTA's own class of them where it has
// one, and what a postmaster makes of them.
var published = []struct {
	code                                          int
	enhanced, text, class, cause, subcause, fault string
}{
	{550, "5.1.1", "The email account that you tried to reach does not exist. Please try double-checking the recipient's email address", "InvalidRecipient", "recipient", "unknown", "recipient"},
	{550, "5.7.1", "Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.1", "InvalidRecipient", "sender", "blocklist", "sender"},
	{421, "4.7.0", "[TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints", "Uncategorized", "sender", "", "sender"},
	{550, "5.7.26", "Unauthenticated email from example.com is not accepted due to domain's DMARC policy", "PolicyRelated", "sender", "authentication", "sender"},
	{552, "5.2.2", "The recipient's inbox is out of storage space and inactive", "Uncategorized", "recipient", "full", "recipient"},
	{552, "5.3.4", "Message size exceeds fixed maximum message size", "Uncategorized", "content", "size", "sender"},
	{451, "4.7.1", "Greylisted, please try again later", "Uncategorized", "infrastructure", "greylisting", "provider"},
}

// KumoMTA's class, absent or misleading, does not decide.
func TestFailuresMeanWhatAPostmasterWouldSay(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		var made []string
		for i, p := range published {
			kind := "Bounce"
			if p.code < 500 {
				kind = "TransientFailure"
			}
			made = append(made, rec(fmt.Sprintf(`"type":%q,"recipient":"user%d@example.org","bounce_classification":%q,"delivery_protocol":"ESMTP",%s`,
				kind, i, p.class, answer(p.code, p.enhanced, p.text))))
			s.mustTake(made[i])
		}
		for _, l := range s.Export() {
			var i int
			if _, err := fmt.Sscanf(l.text("recipient"), "user%d@", &i); err != nil {
				t.Fatal(err)
			}
			p := published[i]
			if l["cause"] != p.cause || p.subcause != "" && l["subcause"] != p.subcause || l["fault"] != p.fault {
				t.Errorf("%s: %v %v, fault %v by %v; want %s %s, fault %s", p.text, l["cause"], l["subcause"], l["fault"], l["rule"], p.cause, p.subcause, p.fault)
			}
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}

// Whatever addresses, ids, hosts and dates stand in them.
func TestEqualResponsesHaveOneHash(t *testing.T) {
	t.Parallel()
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		for i, text := range []string{
			"<bob@example.org>: user unknown (in reply to 4f1c2d99ab) at 2026-07-25T17:20:00Z from 192.0.2.1",
			"<alice@example.net>: user unknown (in reply to 77aa0c31ef) at 2026-08-01T09:00:00Z from 198.51.100.7",
			"mailbox full",
		} {
			s.mustTake(rec(fmt.Sprintf(`"type":"Bounce","recipient":"user%d@example.org",%s`, i, answer(550, "5.1.1", text))))
		}
		hashes := map[string]any{}
		for _, l := range s.Export() {
			hashes[l.text("recipient")] = l["response_hash"]
		}
		if a, b, c := hashes["user0@example.org"], hashes["user1@example.org"], hashes["user2@example.org"]; a != b || a == c || !isHash(a) || !isHash(c) {
			t.Errorf("hashes %v and %v of equal responses, %v of another", a, b, c)
		}
	})
}

func TestProvidersAreKnownByDomainHostSiteAndName(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, fields, want string }{
		{"domain", `"recipient":"a@gmail.com"`, "google"},
		{"domain in capitals", `"recipient":"a@GMail.COM"`, "google"},
		{"domain of a country", `"recipient":"a@hotmail.co.uk"`, "microsoft-consumer"},
		{"domain before host", `"recipient":"a@web.de","peer_address":{"name":"aspmx.l.google.com.","addr":"192.0.2.1"}`, "gmx"},
		{"host", `"recipient":"a@company.example","peer_address":{"name":"company-example.mail.protection.outlook.com.","addr":"192.0.2.1"}`, "microsoft-365"},
		{"host that only looks like it", `"recipient":"b@company.example","peer_address":{"name":"notgoogle.com.","addr":"192.0.2.1"}`, ""},
		{"site", `"recipient":"c@company.example","peer_address":null,"site":"ip-1->(alt1|alt2|alt3|alt4)?.aspmx.l.google.com@smtp_client"`, "google"},
		{"policy's name", `"recipient":"d@company.example","provider_name":"OurOwn"`, "ourown"},
		{"nothing", `"recipient":"e@company.example"`, ""},
	}
	onEveryPlatform(t, func(t *testing.T, s *Service) {
		s.Start()
		var made []string
		for i, c := range cases {
			made = append(made, rec(fmt.Sprintf(`%s,"id":%q,%s`, delivery, messageID(i), c.fields)))
			s.mustTake(made[i])
		}
		got := map[string]any{}
		for _, l := range s.Export() {
			got[l.text("message_id")] = l["provider"]
		}
		for i, c := range cases {
			if got[messageID(i)] != orNull(c.want) {
				t.Errorf("%s: %v, want %q", c.name, got[messageID(i)], c.want)
			}
		}
		checkWholly(t, s, parseRecords(t, made))
	})
}
