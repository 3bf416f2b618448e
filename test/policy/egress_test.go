//go:build !embedded

package policy_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
	"github.com/kumotrail/kumotrail/test/kumod"
)

func with(name string) policy.Options {
	o := basic()
	features[name](&o)
	return o
}

func TestAddressesAreSourcesOfOnePool(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"own addresses": {"made": "make_egress_source", "name": "ip-1", "source_address": "192.0.2.1"},
		"HAProxy": {
			"made": "make_egress_source", "name": "ip-1",
			"ha_proxy_server": "192.0.2.10:5000", "ha_proxy_source_address": "192.0.2.1",
		},
		"SOCKS5": {
			"made": "make_egress_source", "name": "ip-1",
			"socks5_proxy_server": "192.0.2.10:1080", "socks5_proxy_source_address": "192.0.2.1",
		},
	} {
		o := with(name)
		s := start(t, o)
		pool, _ := s.queueOf("example.org")["egress_pool"].(string)
		if diff := cmp.Diff(want, s.value("get_egress_source", "ip-1")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		entries, _ := s.value("get_egress_pool", pool)["entries"].([]any)
		if len(entries) != len(o.EgressAddresses) {
			t.Errorf("%s: the pool %s has %v", name, pool, entries)
		}
	}
	if pool := start(t, basic()).queueOf("example.org")["egress_pool"]; pool != nil {
		t.Errorf("without addresses the pool is %v", pool)
	}
}

func TestTablesChangeWithoutARestart(t *testing.T) {
	s := start(t, with("own addresses"))
	s.write(s.folder+"/sources.toml", "[source.\"ip-1\"]\nsource_address = \"192.0.2.99\"\n[pool.default.\"ip-1\"]\n")
	edit("queues.toml", `max_age = "3 days"`, `max_age = "4 days"`)(s)
	s.write(s.folder+"/listener_domains.toml", "[\"new.example.com\"]\nrelay_to = true\n")
	s.write(s.folder+"/shaping.toml", "[\"example.org\"]\nmx_rollup = false\nconnection_limit = 3\n")
	s.Forget()
	if got := s.value("get_egress_source", "ip-1")["source_address"]; got != "192.0.2.99" {
		t.Errorf("the source is at %v", got)
	}
	if got := s.queueOf("example.org")["max_age"]; got != "4 days" {
		t.Errorf("mail is kept for %v", got)
	}
	if got := s.value("get_listener_domain", "new.example.com", "0.0.0.0:25", kumod.Connection{})["relay_to"]; got != true {
		t.Errorf("relay_to is %v", got)
	}
	if got := s.value("get_egress_path_config", "example.org", "ip-1", "example.org")["connection_limit"]; got != 3.0 {
		t.Errorf("the limit is %v", got)
	}
}

func TestASinkGetsAllMailAndNothingElse(t *testing.T) {
	for _, version := range kumod.Releases {
		for sink, want := range map[string]struct {
			host string
			port float64
		}{
			"mailpit:1025": {"mailpit", 1025}, "127.0.0.1:2525": {"[127.0.0.1]", 2525}, "[::1]:25": {"[::1]", 25},
		} {
			o := basic()
			o.Version, o.Sink, o.SmartHost = version, sink, "relay.example.com:587"
			s := start(t, o)
			for _, domain := range []string{"example.org", "gmail.com", "localhost"} {
				queue := s.queueOf(domain)
				if got := texts(at(queue, "protocol", "smtp", "mx_list")); !slices.Equal(got, []string{want.host}) {
					t.Errorf("%s: %s goes to %q, want %s", version, domain, got, want.host)
				}
				if queue["max_age"] != "3 days" {
					t.Errorf("%s: the sink forgets queues.toml: %v", version, queue)
				}
				path := s.value("get_egress_path_config", domain, "unspecified", domain)
				if path["smtp_port"] != want.port || path["enable_tls"] != "Disabled" || path["enable_mta_sts"] != false {
					t.Errorf("%s: %s by %v", version, domain, path)
				}
				if hosts, _ := path["prohibited_hosts"].(map[string]any); path["prohibited_hosts"] == nil || len(hosts) != 0 {
					t.Errorf("%s: hosts are prohibited: %v", version, path["prohibited_hosts"])
				}
			}
			if r := s.Fire("http_message_generated", newsletter()); r.Messages[0].Meta["routing_domain"] != nil {
				t.Errorf("%s: mail is relayed around the sink: %v", version, r.Messages[0].Meta)
			}
			if at(s.queueOf(hookQueue), "protocol", "custom_lua") == nil || s.value("get_egress_path_config", hookQueue, "unspecified", "")["max_ready"] != 100000.0 {
				t.Errorf("%s: the hook's queue is the sink's", version)
			}
		}
	}
}

func TestMailIsRelayedThroughASmartHost(t *testing.T) {
	for name, want := range map[string]struct {
		routing string
		port    float64
		user    any
	}{
		"smart host":          {"relay.example.com", 587, nil},
		"relay by address":    {"[192.0.2.25]", 25, nil},
		"relay with password": {"relay.example.com", 587, "me"},
	} {
		s := start(t, with(name))
		for way, r := range both(t, s, newsletter()) {
			if got := r.Messages[0].Meta["routing_domain"]; got != want.routing {
				t.Errorf("%s: %s is routed to %v", name, way, got)
			}
		}
		path := s.value("get_egress_path_config", want.routing, "unspecified", want.routing)
		if path["smtp_port"] != want.port || path["smtp_auth_plain_username"] != want.user {
			t.Errorf("%s: %v", name, path)
		}
		if want.user != nil && (path["enable_tls"] != "Required" || path["smtp_auth_plain_password"] != secret("relay.key")) {
			t.Errorf("%s: a password without TLS: %v", name, path)
		}
	}
}

func TestASmartHostLeavesMailThatHasItsOwnRoute(t *testing.T) {
	s := start(t, with("smart host"))
	m := newsletter()
	m.Meta = map[string]any{"routing_domain": "[192.0.2.99]"} // as the helper sets it by queues.toml
	for way, r := range both(t, s, m) {
		if got := r.Messages[0].Meta["routing_domain"]; got != "[192.0.2.99]" {
			t.Errorf("%s is routed to %v", way, got)
		}
	}
}

func TestMailForTheChosenDomainIsPosted(t *testing.T) {
	for _, c := range []struct {
		name     string
		response kumod.Response
		want     kumod.Disposition
	}{
		{"200", kumod.Response{Status: 200, Text: "queued"}, kumod.Delivery},
		{"202", kumod.Response{Status: 202}, kumod.Delivery},
		{"204 whose text is nil", kumod.Response{Status: 204, Odd: "nil"}, kumod.Delivery},
		{"200 whose body cannot be read", kumod.Response{Status: 200, TextError: "reset"}, kumod.Delivery},
		{"500 whose body cannot be read", kumod.Response{Status: 500, TextError: "reset"}, kumod.TransientFailure},
		{"400", problem(400), kumod.Bounce},
		{"413", problem(413), kumod.Bounce},
		{"422", problem(422), kumod.Bounce},
		{"401", problem(401), kumod.TransientFailure},
		{"404", problem(404), kumod.TransientFailure},
		{"429", problem(429), kumod.TransientFailure},
		{"500", problem(500), kumod.TransientFailure},
		{"503", problem(503), kumod.TransientFailure},
		{"refused", kumod.Refused, kumod.TransientFailure},
		{"302", kumod.Response{Status: 302}, kumod.TransientFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got kumod.Request
			s := start(t, with("HTTP delivery with token"), answering(func(r kumod.Request) kumod.Response {
				got = r
				return c.response
			}))
			constructor, _ := at(s.queueOf("sms.example.com"), "protocol", "custom_lua", "constructor").(string)
			d, err := s.Connect(constructor, "sms.example.com")
			if err != nil {
				t.Fatal(err)
			}
			m := newsletter()
			outcome := d.Send(m)
			if outcome.Disposition() != c.want {
				t.Errorf("%s, want %s (%v)", outcome.Disposition(), c.want, outcome.Err())
			}
			if got.URL != "https://api.example.com/send" || got.Headers["authorization"] != "Bearer token of the service" {
				t.Errorf("%s with %v", got.URL, got.Headers)
			}
			if got.Headers["x-envelope-from"] != m.Sender || got.Headers["x-envelope-to"] != m.Recipients[0] || len(got.Body) < 100 {
				t.Errorf("%v\n%s", got.Headers, got.Body)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	if s := start(t, with("HTTP delivery")); at(s.queueOf("example.org"), "protocol") != nil {
		t.Error("another domain's mail is posted too")
	}
}

func TestThrottlesOfAClusterAreInRedis(t *testing.T) {
	calls := start(t, with("Redis")).Calls().Named("configure_redis_throttles")
	want := []map[string]any{{"node": "redis://redis.example.com/", "password": "of redis"}}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if calls := start(t, basic()).Calls().Named("configure_redis_throttles"); calls != nil {
		t.Errorf("without Redis: %v", calls)
	}
}

func TestEventsArePublishedBesideTheWebhook(t *testing.T) {
	for _, version := range kumod.Releases {
		o := with("RabbitMQ")
		o.Version, o.AMQPExchange = version, "mail"
		var published []map[string]any
		var broken bool
		s := start(t, o, func(s *site) {
			s.config.AMQP = func(given map[string]any) error {
				if broken {
					return errors.New("connection refused")
				}
				published = append(published, given)
				return nil
			}
		})
		s.queueOf("rabbitmq.log_hook")
		d, err := s.Connect("make.rabbitmq.log_hook", "rabbitmq.log_hook")
		if err != nil {
			t.Fatal(err)
		}
		lines := someLines(5)
		if o := d.SendRecords(lines); o.Disposition() != kumod.Delivery {
			t.Fatal(o.Err())
		}
		for i, line := range lines {
			got := published[i]
			if got["payload"] != line+"\n" || got["routing_key"] != policy.DefaultRoutingKey || got["exchange"] != "mail" || got["delivery_mode"] != 2.0 {
				t.Errorf("%s: published %v", version, got)
			}
			if at(got, "connection", "password") != "of rabbitmq" {
				t.Errorf("%s: connects as %v", version, got["connection"])
			}
		}
		broken = true
		if got := d.SendRecords(lines).Disposition(); got != kumod.TransientFailure {
			t.Errorf("%s: without a broker: %s", version, got)
		}
	}
}

func TestMailIsRequeuedByRebind(t *testing.T) {
	s := start(t, with("smart host"))
	for _, c := range []struct {
		data map[string]any
		want map[string]any
	}{
		{map[string]any{"queue": "other.example.com"}, map[string]any{"queue": "other.example.com", "tenant": "acme", "routing_domain": "old.example.com"}},
		{map[string]any{"tenant": "globex", "routing_domain": ""}, map[string]any{"queue": "q", "tenant": "globex"}},
		{map[string]any{}, map[string]any{"tenant": "acme", "routing_domain": "relay.example.com"}},
	} {
		m := newsletter()
		m.Meta = map[string]any{"queue": "q", "tenant": "acme", "routing_domain": "old.example.com"}
		r := s.Fire("rebind_message", m, c.data)
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
		got := map[string]any{}
		for _, name := range []string{"queue", "tenant", "routing_domain"} {
			if v := r.Messages[0].Meta[name]; v != nil {
				got[name] = v
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.data, diff)
		}
	}
	before := kumod.Record(someLines(1)[0])
	r := s.Fire("rebind_message", before, map[string]any{"queue": "null"})
	if r.Err() != nil || r.Messages[0].Meta["queue"] != nil {
		t.Errorf("a hook's event is moved to %v (%v)", r.Messages[0].Meta["queue"], r.Err())
	}
}

func TestProvidersRulesReadAsKumoMTAWouldReadThem(t *testing.T) {
	s := start(t, basic())
	edit("shaping.toml", "# [provider.\"example\"]\n# match = [{MXSuffix = \".mx.example.com\"}]\n# provider_connection_limit = 5",
		"[provider.\"example\"]\nmatch = [{MXSuffix = \".mx.example.com\"}]\nprovider_connection_limit = 5")(s)
	s.Forget()
	if got := s.value("get_egress_path_config", "example.org", "unspecified", "x")["max_message_rate"]; got != "100/s" {
		t.Errorf("the shipped default is %v", got)
	}
}
