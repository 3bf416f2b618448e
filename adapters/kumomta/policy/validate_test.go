package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOptionsOfAllSetsAreValid(t *testing.T) {
	for name, o := range sets() {
		if err := o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, version := range []string{Oldest, "2025.01.29-833f82a8", Newest, "2027.01.01"} {
		if err := (Options{WebhookURL: "http://a", Version: version}).Validate(); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
	named := Options{WebhookURL: "http://a", Version: "2026.09.22", SOCKS5: "proxy.example:1", EgressAddresses: []string{"::1"}}
	if err := named.Validate(); err != nil {
		t.Error(err)
	}
}

func TestEveryFaultIsNamed(t *testing.T) {
	const long = "a123456789b123456789c123456789d123456789e123456789f123456789g1234.example"
	for _, c := range []struct {
		name string
		o    Options
		want []string // what the faults begin with
	}{
		{"nothing", Options{}, []string{"WebhookURL: is not set"}},
		{"no release", Options{Version: "6", HAProxy: "10.0.0.1:1", EgressAddresses: []string{"::1"}}, []string{`Version: "6" is not`, "WebhookURL"}},
		{"an old release", Options{Version: "2024.09.02-c5476b89"}, []string{"Version: 2024.09.02-c5476b89 is before", "WebhookURL"}},
		{"addresses", Options{WebhookURL: "ftp://a", HTTPDeliveryDomain: "a", HTTPDeliveryURL: "https://u:p@a"},
			[]string{"WebhookURL: is not an address", "HTTPDeliveryURL: has a password"}},
		{"control characters", Options{WebhookURL: "http://a\x00", SmartHost: "a:1", SmartHostUser: "a\nb", SmartHostPasswordFile: "/a"},
			[]string{"WebhookURL: is not an address", "SmartHostUser, AMQPExchange, AMQPRoutingKey: have control"}},
		{"events", Options{WebhookURL: "http://a", SkipEvents: []string{"Delivery", "delayed"}}, []string{`SkipEvents: "delayed"`}},
		{"files", Options{WebhookURL: "http://a", KeyFile: "key", RedisFile: "./r", AMQPFile: "/a\nb"},
			[]string{`KeyFile: "key"`, `RedisFile: "./r"`, `AMQPFile: "/a\nb"`}},
		{"domains", Options{WebhookURL: "http://a", Hostname: "a b", BounceDomains: []string{"ok.example", "-a.example"}, FBLDomains: []string{long}},
			[]string{"Hostname", `BounceDomains: "-a.example"`, "FBLDomains"}},
		{"trusted hosts", Options{WebhookURL: "http://a", TrustedHosts: []string{"10.0.0.0/8", "::1", "10.1.0.0/8", "host"}},
			[]string{"TrustedHosts: 10.1.0.0/8 has bits outside its mask: write 10.0.0.0/8", `TrustedHosts: "host"`}},
		{"servers", Options{WebhookURL: "http://a", Sink: "mailpit", SmartHost: "a:0"}, []string{`Sink: "mailpit"`, `SmartHost: "a:0"`}},
		{"two proxies", Options{WebhookURL: "http://a", HAProxy: "10.0.0.1:1", SOCKS5: "[::1]:1", EgressAddresses: []string{"x"}},
			[]string{`EgressAddresses: "x"`, "SOCKS5: is set beside HAProxy"}},
		{"a proxy by name", Options{WebhookURL: "http://a", HAProxy: "proxy:1", EgressAddresses: []string{"::1"}}, []string{"HAProxy, SOCKS5: need an IP"}},
		{"a proxy for nothing", Options{WebhookURL: "http://a", SOCKS5: "10.0.0.1:1"}, []string{"EgressAddresses: are needed for a proxy"}},
		{"halves", Options{WebhookURL: "http://a", TLSPrivateKey: "/a", SmartHostUser: "a", HTTPDeliveryURL: "http://a"},
			[]string{"TLSCertificate and TLSPrivateKey", "SmartHostUser and SmartHostPasswordFile", "SmartHostUser: is set without", "HTTPDeliveryDomain and HTTPDeliveryURL"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var joined interface{ Unwrap() []error }
			if !errors.As(c.o.Validate(), &joined) {
				t.Fatal("no fault")
			}
			faults := joined.Unwrap()
			for i := range min(len(faults), len(c.want)) {
				if !strings.HasPrefix(faults[i].Error(), c.want[i]) {
					t.Errorf("got %q, want %q", faults[i], c.want[i])
				}
			}
			if len(faults) != len(c.want) {
				t.Errorf("got %d faults, want %d: %q", len(faults), len(c.want), faults)
			}
			if _, err := Files(c.o); err == nil {
				t.Error("rendered all the same")
			}
		})
	}
}

func TestFaultsNeverShowAPassword(t *testing.T) {
	o := Options{WebhookURL: "https://user:hunter2@example.com", HTTPDeliveryDomain: "a", HTTPDeliveryURL: "https://user:hunter2@%zz"}
	if err := o.Validate(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}

func TestReleasesAreComparedByDate(t *testing.T) {
	for _, c := range []struct {
		version, since string
		want           bool
	}{
		{"2025.01.23", "2025.01.23", true},
		{"2025.01.23-7273d2bc", "2025.01.23", true},
		{"2025.01.22", "2025.01.23", false},
		{"2026.03.04", "2025.12.02", true},
		{"2024.11.08", "2025.01.23", false},
	} {
		if got := has(c.version, c.since); got != c.want {
			t.Errorf("%s has what came with %s: %v", c.version, c.since, got)
		}
	}
}

func TestWarningsAreOfWhatOneWouldNotExpect(t *testing.T) {
	warned := func(o Options) int { return len(o.Warnings()) }
	got := []int{
		warned(Options{}), warned(Options{Version: "2026.04.09-ea3b2a9b"}), warned(Options{Version: "2026.05.12"}),
		warned(Options{Version: "2026.03.04", HTTPDeliveryDomain: "a"}),
		warned(Options{Version: Oldest, SMTPUsersFile: "/a"}), warned(Options{Version: "2025.01.23", SMTPUsersFile: "/a"}),
		warned(Options{Sink: "mailpit:1025"}),
	}
	if diff := cmp.Diff([]int{0, 1, 0, 1, 1, 0, 1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSecretsAreTheFilesThatTheSetNames(t *testing.T) {
	for name, o := range sets() {
		var policyText strings.Builder
		for _, content := range must(Files(o)) {
			policyText.Write(content)
		}
		for _, s := range o.Secrets() {
			if !strings.Contains(policyText.String(), "'"+s.File+"'") && !strings.Contains(policyText.String(), `"`+s.File+`"`) {
				t.Errorf("%s: no file names %s", name, s.File)
			}
		}
	}
	if got := len(sets()["everything"].Secrets()); got != 8 {
		t.Errorf("%d secrets of everything", got)
	}
	if got := (Options{}).Secrets(); len(got) != 1 || got[0].File != DefaultKeyFile {
		t.Errorf("got %v", got)
	}
}
