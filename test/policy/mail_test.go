//go:build !embedded

package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/domain"
	"github.com/kumotrail/kumotrail/test/kumod"
)

const messageID = "d7ef132b5d7711eea8c8000c29c33806"

// A dkim entry for example.com, as one would add it.
var signing = func(s *site) {
	s.write(s.folder+"/dkim_data.toml", `
[base]
headers = ["From", "To", "Subject"]
[domain."example.com"]
selector = "dkim2048"
`)
}

// newsletter is mail as a platform sends it.
func newsletter() kumod.Mail {
	return kumod.Mail{
		ID: messageID, Sender: "news@send.example.com", Recipients: []string{"a@example.org"},
		Headers: [][2]string{
			{"Received", "from app (10.0.0.9) by mta1 (KumoMTA 10.0.0.1) with ESMTP id " + messageID + " for <a@example.org>"},
			{"From", "News <news@example.com>"}, {"To", "a@example.org"}, {"Subject", "Hello"},
			{"Message-ID", "<1@example.com>"}, {"X-Email-Log-ID", "log-7"}, {"X-Org-ID", "acme"},
			{"X-Domain-ID", "dom-3"}, {"X-Campaign", "june"},
		},
		Body: "Hello\r\n",
	}
}

func both(t *testing.T, s *site, m kumod.Mail) map[string]kumod.Result {
	t.Helper()
	return map[string]kumod.Result{
		"SMTP": s.Fire("smtp_server_message_received", m, kumod.Connection{"received_from": "127.0.0.1:40000"}),
		"HTTP": s.Fire("http_message_generated", m),
	}
}

func withBounceDomain(version string) policy.Options {
	o := basic()
	o.Version, o.BounceDomains, o.FBLDomains = version, []string{"bounce.example.com"}, []string{"fbl.example.com"}
	return o
}

func TestMailGetsItsMetaReturnPathAndSignatureInThisOrder(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version), signing)
		for way, r := range both(t, s, newsletter()) {
			if r.Err() != nil {
				t.Fatalf("%s by %s: %v", version, way, r.Err())
			}
			got := r.Messages[0]
			for name, want := range map[string]any{
				"from": "News <news@example.com>", "subject": "Hello", "message_id": "<1@example.com>",
				"x_email_log_id": "log-7", "x_org_id": "acme", "x_domain_id": "dom-3", "campaign": "june", "tenant": "acme",
				"x_msg_id": messageID, "x_orig_sender": "news@send.example.com",
			} {
				if got.Meta[name] != want {
					t.Errorf("%s by %s: %s is %v, want %v", version, way, name, got.Meta[name], want)
				}
			}
			if want := domain.NewReturnPaths(verpKey).Sign(messageID, "bounce.example.com"); got.Sender != want {
				t.Errorf("%s by %s: the return path is %s, want %s", version, way, got.Sender, want)
			}
			if !slices.Equal(got.Signed, []string{"example.com"}) {
				t.Errorf("%s by %s: signed by %q", version, way, got.Signed)
			}
			var order []string
			for _, step := range []string{"check_fix_conformance", "import_x_headers", "set_meta tenant", "set_sender", "dkim_sign"} {
				if !slices.Contains(got.Did, step) {
					t.Errorf("%s by %s: no %s", version, way, step)
				}
			}
			for _, step := range got.Did {
				if slices.Contains([]string{"check_fix_conformance", "import_x_headers", "set_sender", "dkim_sign"}, step) {
					order = append(order, step)
				}
			}
			if want := []string{"check_fix_conformance", "import_x_headers", "set_sender", "dkim_sign"}; !slices.Equal(order, want) {
				t.Errorf("%s by %s: done in the order %q", version, way, order)
			}
			if last := got.Did[len(got.Did)-1]; last != "dkim_sign" {
				t.Errorf("%s by %s: %s comes after the signature", version, way, last)
			}
		}
	}
}

func TestReturnPathsAreThoseThatTheDomainVerifies(t *testing.T) {
	ids := []string{messageID, "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"}
	keys := []string{"k", strings.Repeat("x", 63), strings.Repeat("x", 64), strings.Repeat("x", 65), strings.Repeat("é ü", 40), `quote " ' \ ]] %s`}
	for _, version := range []string{"2025.10.06", "2025.12.02"} { // without and with an HMAC of its own
		for _, key := range keys {
			s := start(t, withBounceDomain(version), func(s *site) { s.write(s.secrets+"/verp.key", "\n "+key+"\n") })
			paths := domain.NewReturnPaths(key)
			for _, id := range ids {
				m := newsletter()
				m.ID = id
				got := s.Fire("http_message_generated", m).Messages[0].Sender
				if verified, ok := paths.Verify(got); !ok || verified != id || got != paths.Sign(id, "bounce.example.com") {
					t.Errorf("%s, key of %d bytes: %s is verified as %s, %t", version, len(key), got, verified, ok)
				}
			}
		}
	}
}

func TestTheNullSenderStaysNull(t *testing.T) {
	s := start(t, withBounceDomain(""))
	m := newsletter()
	m.Sender = ""
	for way, r := range both(t, s, m) {
		if got := r.Messages[0]; r.Err() != nil || got.Sender != "" || got.Meta["x_orig_sender"] != nil {
			t.Errorf("%s: sender %q, original %v (%v)", way, got.Sender, got.Meta["x_orig_sender"], r.Err())
		}
	}
}

func TestWithoutABounceDomainSendersStayAsTheyAre(t *testing.T) {
	s := start(t, basic(), func(s *site) { s.config.Paths[secretFolder+"/verp.key"] = "/nonexistent" })
	for way, r := range both(t, s, newsletter()) {
		if got := r.Messages[0]; r.Err() != nil || got.Sender != "news@send.example.com" {
			t.Errorf("%s: sender %q (%v)", way, got.Sender, r.Err())
		}
	}
}

func TestATenantIsTakenFromTheOrganizationIfItCanStandInAQueuesName(t *testing.T) {
	s := start(t, basic())
	for org, want := range map[string]any{
		"acme": "acme", "org_1.a-b": "org_1.a-b", "a:b": nil, "a@b": nil, "a!b": nil, "a b": nil, "": nil, "é": nil,
		strings.Repeat("a", 65): nil, "a\x00b": nil,
	} {
		m := kumod.Mail{Sender: "a@example.com", Recipients: []string{"b@example.org"}, Headers: [][2]string{{"X-Org-ID", org}}}
		r := s.Fire("http_message_generated", m)
		if got := r.Messages[0].Meta["tenant"]; r.Err() != nil || got != want {
			t.Errorf("%q: tenant %v, want %v (%v)", org, got, want, r.Err())
		}
	}
}

func TestMailThatCannotBeMendedIsRefused(t *testing.T) {
	s := start(t, withBounceDomain(""))
	m := newsletter()
	m.Issues = []string{"MISSING_COLON_VALUE"}
	for way, r := range both(t, s, m) {
		var rejected *kumod.Rejection
		if !errors.As(r.Err(), &rejected) || rejected.Code != 552 || !strings.HasPrefix(rejected.Message, "5.6.0 ") {
			t.Errorf("%s: %v", way, r.Err())
		}
	}
	m.Issues = []string{"MISSING_DATE_HEADER"}
	for way, r := range both(t, s, m) {
		if r.Err() != nil {
			t.Errorf("%s: what can be mended is refused: %v", way, r.Err())
		}
	}
}

func TestInjectedMailHasATraceHeaderWithItsID(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version))
		got := s.Fire("http_message_generated", newsletter()).Messages[0]
		var trace map[string]any
		for _, h := range got.Headers {
			if strings.HasPrefix(h[0], "X-KumoRef") {
				text, err := base64.StdEncoding.DecodeString(h[1])
				if err != nil || json.Unmarshal(text, &trace) != nil {
					t.Fatalf("%s: %s: %v", version, h, err)
				}
			}
		}
		if want := version >= "2025.10.06"; want != (trace["x_msg_id"] == messageID && trace["tenant"] == "acme") {
			t.Errorf("%s: the trace is %v", version, trace)
		}
	}
}
