//go:build !embedded

package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/test/kumod"
)

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
