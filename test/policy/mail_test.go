//go:build !embedded

package policy_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func TestMailOfOursIsThatOfTrustedHostsAndUsers(t *testing.T) {
	o := withBounceDomain("")
	o.TrustedHosts = []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"}
	s := start(t, o, signing)
	for _, c := range []struct {
		peer, user string
		ours       bool
	}{
		{"10.1.2.3:999", "", true},
		{"[2001:db8::1]:999", "", true},
		{"192.0.2.7:999", "", true},
		{"192.0.2.8:999", "", false},
		{"[2001:db9::1]:999", "", false},
		{"127.0.0.1:999", "", false},
		{"192.0.2.8:999", "scott", true},
	} {
		conn := kumod.Connection{"received_from": c.peer}
		if c.user != "" {
			conn["authz_id"] = c.user
		}
		r := s.Fire("smtp_server_message_received", newsletter(), conn)
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
		got := r.Messages[0]
		if signed := len(got.Signed) > 0; signed != c.ours {
			t.Errorf("%s %s: signed: %t", c.peer, c.user, signed)
		}
		if changed := got.Sender != "news@send.example.com"; changed != c.ours {
			t.Errorf("%s %s: the sender is %s", c.peer, c.user, got.Sender)
		}
	}
}

func TestStrangersMailIsPassedOnAsItIs(t *testing.T) {
	s := start(t, withBounceDomain(""), signing)
	r := s.Fire("smtp_server_message_received", newsletter(), kumod.Connection{"received_from": "192.0.2.8:999"})
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	got := r.Messages[0]
	for name, want := range map[string]any{
		"subject": "Hello", "x_msg_id": messageID, "campaign": "june",
		"x_email_log_id": nil, "x_org_id": nil, "x_domain_id": nil, "tenant": nil, "x_orig_sender": nil,
	} {
		if got.Meta[name] != want {
			t.Errorf("%s is %v, want %v", name, got.Meta[name], want)
		}
	}
	if slices.Contains(got.Did, "check_fix_conformance") || slices.Contains(got.Did, "dkim_sign") || slices.Contains(got.Did, "set_sender") {
		t.Errorf("it was changed: %q", got.Did)
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

// kumoRef is KumoMTA's trace header.
func kumoRef(t *testing.T, meta map[string]any) string {
	t.Helper()
	text, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestABounceNamesTheMessageThatItReturns(t *testing.T) {
	ref := kumoRef(t, map[string]any{"_@_": `\_/`, "recipient": "a@example.org", "x_msg_id": messageID})
	other := kumoRef(t, map[string]any{"_@_": `\_/`, "recipient": "a@example.org"})
	received := "Received: from app by mta1 (KumoMTA 10.0.0.1)\r\n\twith ESMTPS id " + messageID + "\r\n\tfor <a@example.org>; now\r\n"
	bytes := func(text string) []int {
		var b []int
		for i := range len(text) {
			b = append(b, int(text[i]))
		}
		return b
	}
	for _, c := range []struct {
		name     string
		original any
		want     any
	}{
		{"trace header", "X-KumoRef: " + ref + "\r\nSubject: x\r\n\r\nbody", messageID},
		{"folded trace header", "Subject: x\nX-KumoRef: " + ref[:40] + "\n " + ref[40:] + "\n\nbody", messageID},
		{"trace header of injected mail", "X-KumoRef-Id: " + ref + "\r\nX-KumoRef: " + other + "\r\n\r\nbody", messageID},
		{"Received header", received + "Subject: x\r\n\r\nbody", messageID},
		{"Received header of the first of two hops", "Received: from mta1 by mx (KumoMTA 1.2.3.4)\r\n with ESMTP id 11111111111111111111111111111111 for x; now\r\n" + received + "\r\n", messageID},
		{"Message-ID that was mended", "Message-ID: <" + messageID + "@mta1.example.com>\r\n\r\nbody", messageID},
		{"Received header of another server", "Received: from a by b (Postfix) with ESMTP id " + messageID + "\r\n\r\n", nil},
		{"Received header that would cost seconds", "Received: " + strings.Repeat("(KumoMTA", 8000) + "\r\n\r\n", nil},
		{"trace header in the body", "Subject: x\r\n\r\nX-KumoRef: " + ref, nil},
		{"trace header without an id", "X-KumoRef: " + other + "\r\n\r\n", nil},
		{"trace header that is none", "X-KumoRef: no base64\r\n\r\n", nil},
		{"trace header with an object for an id", "X-KumoRef: " + kumoRef(t, map[string]any{"x_msg_id": map[string]any{"a": 1}}) + "\r\n\r\n", nil},
		{"bytes", bytes("X-KumoRef: " + ref + "\r\n\r\nbody"), messageID},
		{"few bytes", bytes("X"), nil},
		{"headers alone", "X-KumoRef: " + ref, messageID},
		{"nothing", "", nil},
		{"absent", nil, nil},
		{"a huge one", "X-KumoRef: " + ref + "\r\n\r\n" + strings.Repeat("body ", 100_000), messageID},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, withBounceDomain(""))
			r := s.Fire("smtp_server_message_received", kumod.Mail{
				Recipients: []string{"b-" + messageID + "-0123456789abcdef@Bounce.example.com"},
				Report:     map[string]any{"original_message": c.original, "per_recipient": []any{}},
			}, kumod.Connection{})
			got := r.Messages[0]
			if r.Err() != nil || got.Meta["x_orig_id"] != c.want {
				t.Errorf("got %v, want %v (%v)", got.Meta["x_orig_id"], c.want, r.Err())
			}
			if got.Sender != "" || len(got.Signed) != 0 || slices.Contains(got.Did, "check_fix_conformance") {
				t.Errorf("a report is treated as mail of ours: %q", got.Did)
			}
		})
	}
}

func TestReportsThatCannotBeReadAreStillTaken(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version))
		for _, report := range []any{nil, "malformed", map[string]any{}} {
			for _, to := range []string{"x@bounce.example.com", "y@FBL.example.com"} {
				r := s.Fire("smtp_server_message_received", kumod.Mail{Recipients: []string{to}, Report: report}, kumod.Connection{})
				if r.Err() != nil {
					t.Errorf("%s, report %v: %v", version, report, r.Err())
				}
				if before := version < "2025.05.06"; before != (r.Messages[0].Meta["queue"] == "null") {
					t.Errorf("%s: the report goes to %v", version, r.Messages[0].Meta["queue"])
				}
			}
		}
	}
}

func TestReportDomainsLogAndDrop(t *testing.T) {
	for _, version := range kumod.Releases {
		s := start(t, withBounceDomain(version))
		for _, name := range []string{"bounce.example.com", "fbl.example.com"} {
			got := s.value("get_listener_domain", name, "0.0.0.0:25", kumod.Connection{"received_from": "192.0.2.1:99"})
			want := any("LogThenDrop")
			if version < "2025.05.06" {
				want = true // LogThenDrop is not there yet
			}
			if got["log_oob"] != want || got["log_arf"] != want || got["relay_to"] == true || got["relay_from"] != nil {
				t.Errorf("%s: %s: %v, want %v", version, name, got, want)
			}
		}
	}
}

func TestStrangersMayNotRelay(t *testing.T) {
	s := start(t, withBounceDomain(""))
	r := s.Fire("get_listener_domain", "example.org", "0.0.0.0:25", kumod.Connection{"received_from": "192.0.2.1:99"})
	if r.Err() != nil || len(r.Value) != 0 {
		t.Errorf("a domain that is not listed: %s (%v)", r.Value, r.Err())
	}
}

func TestWhoIsAuthenticatedMayRelayFromItsAddressAlone(t *testing.T) {
	s := start(t, withBounceDomain(""))
	for peer, want := range map[string]string{
		"192.0.2.1:40000": "192.0.2.1", "[2001:db8::1]:40000": "2001:db8::1",
	} {
		for _, name := range []string{"example.org", "bounce.example.com"} {
			got := s.value("get_listener_domain", name, "0.0.0.0:25", kumod.Connection{"received_from": peer, "authz_id": "scott"})
			if diff := cmp.Diff([]string{want}, texts(got["relay_from"])); diff != "" || got["relay_to"] == true {
				t.Errorf("%s from %s: %v", name, peer, got)
			}
		}
	}
}

func TestPasswordsAreCheckedAgainstTheFile(t *testing.T) {
	o := basic()
	o.SMTPUsersFile = secret("users.toml")
	s := start(t, o)
	conn := kumod.Connection{}
	for _, c := range []struct{ authz, authc, password, want string }{
		{"scott", "scott", "tiger", "true"},
		{"scott", "scott", "Tiger", "false"},
		{"scott", "scott", "", "false"},
		{"admin", "scott", "tiger", "false"},
		{"nobody", "nobody", "tiger", "false"},
		{"", "", "", "false"},
	} {
		if r := s.Fire("smtp_server_auth_plain", c.authz, c.authc, c.password, conn); string(r.Value) != c.want {
			t.Errorf("%v: %s, want %s (%v)", c, r.Value, c.want, r.Err())
		}
	}
	s.write(s.secrets+"/users.toml", "scott = \""+sha256Of("lion")+"\"\n")
	s.Forget()
	if r := s.Fire("smtp_server_auth_plain", "scott", "scott", "lion", conn); string(r.Value) != "true" {
		t.Errorf("after a change: %s (%v)", r.Value, r.Err())
	}
	if r := start(t, basic()).Fire("smtp_server_auth_plain", "a", "a", "b", conn); r.Handled {
		t.Error("somebody authenticates where there are no users")
	}
}

func TestClientsMustSayWhoTheyAre(t *testing.T) {
	s := start(t, basic())
	for name, code := range map[string]int{
		"mta1.example.com": 0, "localhost": 0, "my_host": 0, "[192.0.2.1]": 0, "[IPv6:2001:db8::1]": 0,
		"": 501, "a b": 501, "-": 501, "<script>": 501, "a\"b": 501, strings.Repeat("a", 256): 501, "[]": 501,
	} {
		check(t, "EHLO "+name, s.Fire("smtp_server_ehlo", name, kumod.Connection{}), code)
	}
	check(t, "MAIL before EHLO", s.Fire("smtp_server_mail_from", kumod.Address("a@example.com"), kumod.Connection{}), 503)
	check(t, "MAIL", s.Fire("smtp_server_mail_from", kumod.Address(""), kumod.Connection{"ehlo_domain": "a"}), 0)
}

func check(t *testing.T, what string, r kumod.Result, code int) {
	t.Helper()
	var rejected *kumod.Rejection
	switch {
	case code == 0 && r.Err() != nil:
		t.Errorf("%q: %v", what, r.Err())
	case code != 0 && (!errors.As(r.Err(), &rejected) || rejected.Code != code):
		t.Errorf("%q: %v, want %d", what, r.Err(), code)
	}
}

func TestRecipientsNeedADomainThatCanBeReached(t *testing.T) {
	conn := kumod.Connection{"ehlo_domain": "a"}
	for _, c := range []struct {
		sink string
		to   kumod.Address
		code int
	}{
		{"", "a@example.com", 0}, {"", "b-0123@bounce.example.com", 0}, {"", "a@localhost", 550}, {"mailpit:1025", "a@localhost", 0},
	} {
		o := withBounceDomain("")
		o.Sink = c.sink
		check(t, "RCPT "+string(c.to), start(t, o).Fire("smtp_server_rcpt_to", c.to, conn), c.code)
	}
}
