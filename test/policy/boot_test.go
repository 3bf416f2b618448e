//go:build !embedded

package policy_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
	"github.com/kumotrail/kumotrail/test/servers"
)

func sha256Of(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// features are what options can switch on, each by itself.
var features = map[string]func(*policy.Options){
	"nothing":          func(*policy.Options) {},
	"bounce domain":    func(o *policy.Options) { o.BounceDomains = []string{"Bounce.Example.com", "b2.example.net"} },
	"feedback domain":  func(o *policy.Options) { o.FBLDomains = []string{"fbl.example.com", "BOUNCE.example.com"} },
	"users":            func(o *policy.Options) { o.SMTPUsersFile = secret("users.toml") },
	"certificate":      func(o *policy.Options) { o.TLSCertificate, o.TLSPrivateKey = "/etc/tls/cert.pem", "/etc/tls/key.pem" },
	"trusted hosts":    func(o *policy.Options) { o.TrustedHosts = []string{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"} },
	"hostname":         func(o *policy.Options) { o.Hostname = "mta1.example.com" },
	"flushed spool":    func(o *policy.Options) { o.SpoolFlush = true },
	"skipped events":   func(o *policy.Options) { o.SkipEvents = []string{"Delayed", "Rejection"} },
	"sink":             func(o *policy.Options) { o.Sink = "mailpit:1025" },
	"sink by address":  func(o *policy.Options) { o.Sink = "127.0.0.1:1025" },
	"own addresses":    func(o *policy.Options) { o.EgressAddresses = []string{"192.0.2.1", "2001:db8::1"} },
	"HAProxy":          func(o *policy.Options) { o.EgressAddresses, o.HAProxy = []string{"192.0.2.1"}, "192.0.2.10:5000" },
	"SOCKS5":           func(o *policy.Options) { o.EgressAddresses, o.SOCKS5 = []string{"192.0.2.1"}, "192.0.2.10:1080" },
	"smart host":       func(o *policy.Options) { o.SmartHost = "relay.example.com:587" },
	"relay by address": func(o *policy.Options) { o.SmartHost = "192.0.2.25:25" },
	"relay with password": func(o *policy.Options) {
		o.SmartHost, o.SmartHostUser, o.SmartHostPasswordFile = "relay.example.com:587", "me", secret("relay.key")
	},
	"HTTP delivery": func(o *policy.Options) {
		o.HTTPDeliveryDomain, o.HTTPDeliveryURL = "sms.example.com", "https://api.example.com/send"
	},
	"HTTP delivery with token": func(o *policy.Options) {
		o.HTTPDeliveryDomain, o.HTTPDeliveryURL = "sms.example.com", "https://api.example.com/send"
		o.HTTPDeliveryKeyFile = secret("delivery.key")
	},
	"Redis":    func(o *policy.Options) { o.RedisFile = secret("redis.toml") },
	"RabbitMQ": func(o *policy.Options) { o.AMQPFile = secret("amqp.toml") },
}

// everything has all features that go together.
func everything(o *policy.Options) {
	for _, name := range slices.Sorted(maps.Keys(features)) {
		if name != "SOCKS5" && !strings.HasPrefix(name, "sink") && name != "relay by address" {
			features[name](o)
		}
	}
}

// variants are the features and all of them together, by name.
func variants() map[string]policy.Options {
	all := map[string]policy.Options{}
	for name, feature := range features {
		o := basic()
		feature(&o)
		all[name] = o
	}
	o := basic()
	everything(&o)
	all["everything"] = o
	return all
}

func TestEveryReleaseTakesThePolicyWithEachFeature(t *testing.T) {
	for name, o := range variants() {
		for _, version := range kumod.Releases {
			o.Version = version
			t.Run(name+"/"+version, func(t *testing.T) {
				t.Parallel()
				s := start(t, o)
				for _, queue := range []string{hookQueue, "rabbitmq.log_hook", "sms.example.com", "example.com"} {
					s.queueOf(queue)
				}
				if dead := s.Dead(); len(dead) != 0 {
					t.Errorf("handlers that KumoMTA never calls: %q", dead)
				}
			})
		}
	}
}

func TestEveryFileCompiles(t *testing.T) {
	for name, o := range variants() {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, o)
			names := kumod.LuaFiles(t, s.folder)
			if len(names) < 5 {
				t.Fatalf("only %q", names)
			}
			for _, name := range names { // one by one: of several luac 5.4.4 frees something twice
				if said, err := exec.Command(servers.Luac(t), "-p", name).CombinedOutput(); err != nil {
					t.Errorf("luac: %v\n%s", err, said)
				}
			}
		})
	}
}

func TestThePlayedReleasesAreThoseThatAreSupported(t *testing.T) {
	if kumod.Releases[0] != policy.Oldest || kumod.Newest != policy.Newest {
		t.Errorf("played %s to %s, supported %s to %s", kumod.Releases[0], kumod.Newest, policy.Oldest, policy.Newest)
	}
}

func TestHelpersRegisterInTheOrderThatTheyNeed(t *testing.T) {
	o := basic()
	everything(&o)
	s := newSite(t, o)
	s.Node = kumod.Start(t, s.config)
	handlers, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, h := range handlers {
		if h.Event == "get_queue_config" && strings.HasPrefix(h.By, "policy-extras.") {
			order = append(order, strings.TrimPrefix(h.By, "policy-extras."))
		}
	}
	// The first that answers counts, and the queue helper answers for all: kumod
	// --validate fails if it is not the last.
	for _, helper := range []string{"shaping", "log_hooks", "queue"} {
		if !slices.Contains(order, helper) {
			t.Errorf("%s does not register", helper)
		}
	}
	if last := handlers[slices.IndexFunc(handlers, func(h kumod.Handler) bool {
		return h.Event == "get_queue_config" && h.By == "policy-extras.queue"
	}):]; slices.ContainsFunc(last[1:], func(h kumod.Handler) bool { return h.Event == "get_queue_config" }) {
		t.Error("somebody registers for get_queue_config after the queue helper")
	}
}

func TestMistakesInThePolicyAreFound(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*site)
		err    string
	}{
		{"option of the listener", edit("init.lua", "trace_headers =", "trace_header ="), "unknown option trace_header"},
		{"option of the logs", edit("init.lua", "max_segment_duration", "segment_duration"), "unknown option segment_duration"},
		{"event", edit("init.lua", "kumo.on('kumotrail.is_mail'", "kumo.on('kumotrail.is_male'"), ""},
		{"option of shaping", edit("shaping.toml", "max_ready = ", "max_redy = "), "unknown option max_redy"},
		{"option of queues", edit("queues.toml", "max_age = \"3 days\"", "max_ages = \"3 days\""), "unknown option max_ages"},
		{"missing secret", func(s *site) { s.config.Paths[secretFolder] = s.t.TempDir() }, "secrets.load"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, basic(), c.change)
			err := s.boot()
			if c.err == "" {
				s.queueOf(hookQueue)
				if dead := s.Dead(); len(dead) != 1 || err != nil {
					t.Errorf("dead handlers are %q, %v, want one", dead, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}
