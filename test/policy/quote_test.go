//go:build !embedded

package policy_test

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
)

// odd are texts that would break out of a string which is not quoted well.
var odd = []string{
	`'`, `"`, `\`, `\\`, `']]`, `]]`, `]==]`, `--[[`, `' .. os.exit() .. '`, `"] = os.exit(), ["`, `\'`, `\"`, `%s%n`, `$(x)`, "`x`",
	`{{.}}`, `\n`, `\0`, `\x41`, `\u{41}`, `\065`, "é", "日本", "😀", "a b", "#", "=", "[x]", `"""`, "'''", "\u2028",
}

// controls are refused or quoted, but never break out.
var controls = []string{"\n", "\r\n", "\x00", "\x1b", "\t", "\x7f", "'\n os.exit() --", "\"\n[x]\n", "\xff", "\xc3("}

// bytesOf returns a value of policy/constants.lua as Lua has it.
func bytesOf(t testing.TB, constants map[string]any, path ...string) string {
	t.Helper()
	digits, _ := at(constants, path...).(string)
	text, err := hex.DecodeString(digits)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// texted are the options that hold free text, and where Lua has it.
var texted = []struct {
	name   string
	put    func(o *policy.Options, text string)
	prefix string
	path   []string
}{
	{"key file", func(o *policy.Options, s string) { o.KeyFile = "/" + s }, "/", []string{"KEY_FILE"}},
	{"VERP key file", func(o *policy.Options, s string) { o.VERPKeyFile = "/" + s }, "/", []string{"VERP_KEY_FILE"}},
	{"users file", func(o *policy.Options, s string) { o.SMTPUsersFile = "/" + s }, "/", []string{"SMTP_USERS_FILE"}},
	{"certificate", func(o *policy.Options, s string) { o.TLSCertificate, o.TLSPrivateKey = "/"+s, "/key" }, "/", []string{"TLS_CERTIFICATE"}},
	{"private key", func(o *policy.Options, s string) { o.TLSCertificate, o.TLSPrivateKey = "/cert", "/"+s }, "/", []string{"TLS_PRIVATE_KEY"}},
	{"Redis file", func(o *policy.Options, s string) { o.RedisFile = "/" + s }, "/", []string{"REDIS_FILE"}},
	{"RabbitMQ file", func(o *policy.Options, s string) { o.AMQPFile = "/" + s }, "/", []string{"AMQP_FILE"}},
	{"exchange", func(o *policy.Options, s string) { o.AMQPFile, o.AMQPExchange = "/a", "x"+s }, "x", []string{"AMQP_EXCHANGE"}},
	{"routing key", func(o *policy.Options, s string) { o.AMQPFile, o.AMQPRoutingKey = "/a", "x"+s }, "x", []string{"AMQP_ROUTING_KEY"}},
	{"token file", func(o *policy.Options, s string) {
		o.HTTPDeliveryDomain, o.HTTPDeliveryURL, o.HTTPDeliveryKeyFile = "sms.example.com", "https://a.example.com/", "/"+s
	}, "/", []string{"HTTP_DELIVERY", "key_file"}},
}

// readBack says what Lua reads of an option with that text, or false if the
// option refuses it.
func readBack(t *testing.T, put func(*policy.Options, string), text string, path []string) (string, bool) {
	t.Helper()
	o := basic()
	put(&o, text)
	if o.Validate() != nil {
		return "", false
	}
	s := newSite(t, o)
	s.Node = kumod.Start(t, s.config)
	if _, err := s.Load(); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	constants, err := s.Module("policy.constants")
	if err != nil {
		t.Fatal(err)
	}
	return bytesOf(t, constants, path...), true
}

func TestLuaReadsOddValuesByteForByte(t *testing.T) {
	for _, c := range texted {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all := strings.Join(odd, "")
			for _, text := range []string{all, odd[0], odd[4], odd[8], odd[9]} {
				got, taken := readBack(t, c.put, text, c.path)
				if !taken || got != c.prefix+text {
					t.Errorf("got %q, %t, want %q", got, taken, c.prefix+text)
				}
			}
			for _, text := range controls {
				if got, taken := readBack(t, c.put, text, c.path); taken && got != c.prefix+text {
					t.Errorf("got %q, want %q or a refusal", got, c.prefix+text)
				}
			}
		})
	}
}

func TestTablesReadOddValuesCharacterForCharacter(t *testing.T) {
	for _, text := range []string{strings.Join(odd, ""), odd[0], odd[1], odd[2], odd[9], "[\"x\"]"} {
		o := basic()
		o.SmartHost, o.SmartHostUser, o.SmartHostPasswordFile = "relay.example.com:587", "x"+text, "/"+text
		s := start(t, o)
		path := s.value("get_egress_path_config", "relay.example.com", "unspecified", "x")
		if path["smtp_auth_plain_username"] != "x"+text || path["smtp_auth_plain_password"] != "/"+text {
			t.Errorf("%q reads as %q and %q", text, path["smtp_auth_plain_username"], path["smtp_auth_plain_password"])
		}
	}
}

func TestOptionsThatAreNoNamesAreRefused(t *testing.T) {
	for field, put := range map[string]func(*policy.Options, string){
		"WebhookURL":      func(o *policy.Options, s string) { o.WebhookURL = s },
		"Hostname":        func(o *policy.Options, s string) { o.Hostname = s },
		"BounceDomains":   func(o *policy.Options, s string) { o.BounceDomains = []string{s} },
		"FBLDomains":      func(o *policy.Options, s string) { o.FBLDomains = []string{s} },
		"TrustedHosts":    func(o *policy.Options, s string) { o.TrustedHosts = []string{s} },
		"EgressAddresses": func(o *policy.Options, s string) { o.EgressAddresses = []string{s} },
		"Sink":            func(o *policy.Options, s string) { o.Sink = s },
		"HAProxy":         func(o *policy.Options, s string) { o.HAProxy, o.EgressAddresses = s, []string{"192.0.2.1"} },
		"SOCKS5":          func(o *policy.Options, s string) { o.SOCKS5, o.EgressAddresses = s, []string{"192.0.2.1"} },
		"SmartHost":       func(o *policy.Options, s string) { o.SmartHost = s },
		"HTTPDeliveryDomain": func(o *policy.Options, s string) {
			o.HTTPDeliveryDomain, o.HTTPDeliveryURL = s, "https://a.example.com"
		},
		"HTTPDeliveryURL": func(o *policy.Options, s string) { o.HTTPDeliveryDomain, o.HTTPDeliveryURL = "a.example.com", s },
		"SkipEvents":      func(o *policy.Options, s string) { o.SkipEvents = []string{s} },
		"Version":         func(o *policy.Options, s string) { o.Version = s },
	} {
		for _, text := range append(append([]string{}, odd...), controls...) {
			o := basic()
			put(&o, text)
			if err := o.Validate(); err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %q is taken (%v)", field, text, err)
			}
		}
	}
}

func TestWhateverOptionsAreTakenThePolicyStartsWithThem(t *testing.T) {
	text := rapid.OneOf(rapid.SampledFrom(append(append([]string{}, odd...), "a", "/x", "example.com", "192.0.2.1", "a:25", "[::1]:25",
		"Delayed", "http://a", "2001:db8::1", "10.0.0.0/8", "https://a.example.com/x?y=1")), rapid.String())
	rapid.Check(t, func(rt *rapid.T) {
		o := basic()
		everything(&o)
		for range rapid.IntRange(1, 20).Draw(rt, "options set") {
			before := o
			v := reflect.ValueOf(&o).Elem()
			field := v.Field(rapid.IntRange(0, v.NumField()-1).Draw(rt, "option"))
			switch field.Kind() {
			case reflect.String:
				field.SetString(text.Draw(rt, "text"))
			case reflect.Slice:
				field.Set(reflect.ValueOf(rapid.SliceOfN(text, 0, 3).Draw(rt, "list")))
			case reflect.Bool:
				field.SetBool(true)
			default:
				rt.Fatalf("an option of another kind: %s", field.Kind())
			}
			if o.Validate() != nil {
				o = before
			}
		}
		s := newSite(t, o)
		s.Node = kumod.Start(t, s.config)
		if _, err := s.Load(); err != nil {
			rt.Fatalf("%+v: %v", o, err)
		}
	})
}

func TestPolicyFilesHoldNoSecret(t *testing.T) {
	o := basic()
	everything(&o)
	files, err := policy.Files(o)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		for _, s := range []string{webhookKey, verpKey, "of redis", "of rabbitmq", "of the relay", "token of the service", sha256Of("tiger")} {
			if strings.Contains(string(content), s) {
				t.Errorf("%s holds %q", name, s)
			}
		}
	}
}
