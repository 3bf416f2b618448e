package policy

import (
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// sets are options that between them have every feature, by the oldest and the
// newest release.
func sets() map[string]Options {
	everything := Options{
		Version: Newest, WebhookURL: "https://example.com/hook", KeyFile: "/etc/k", SkipEvents: []string{"Delayed"},
		Hostname: "mta.example.com", TLSCertificate: "/etc/c", TLSPrivateKey: "/etc/p",
		TrustedHosts: []string{"192.0.2.0/24", "2001:db8::1"}, SMTPUsersFile: "/etc/users.toml",
		BounceDomains: []string{"Bounces.example.com", "b.example.org"}, FBLDomains: []string{"fbl.example.com", "b.example.org"},
		VERPKeyFile: "/etc/v", SpoolFlush: true, Sink: "[::1]:1025",
		EgressAddresses: []string{"192.0.2.1", "2001:db8::2"}, HAProxy: "192.0.2.10:5000",
		SmartHost: "mx.example.net:587", SmartHostUser: "o'hara", SmartHostPasswordFile: "/etc/s",
		HTTPDeliveryDomain: "API.example.net", HTTPDeliveryURL: "https://api.example.net/mail", HTTPDeliveryKeyFile: "/etc/h",
		RedisFile: "/etc/r.toml", AMQPFile: "/etc/a.toml", AMQPExchange: `ex"change`, AMQPRoutingKey: "]]",
	}
	older := everything
	older.Version, older.HAProxy, older.SOCKS5 = Oldest, "", "192.0.2.11:1080"
	return map[string]Options{
		"nothing":    {WebhookURL: "http://127.0.0.1:8021"},
		"everything": everything, "everything on the oldest release": older,
	}
}

func TestSetsHaveEveryOption(t *testing.T) {
	everything, older := reflect.ValueOf(sets()["everything"]), reflect.ValueOf(sets()["everything on the oldest release"])
	for i := range everything.NumField() {
		if everything.Field(i).IsZero() && older.Field(i).IsZero() {
			t.Errorf("%s is not in them", everything.Type().Field(i).Name)
		}
	}
}

func TestSetHasTheFilesOfAnInstallation(t *testing.T) {
	want := []string{
		"bounce_rules.toml", "dkim_data.toml", "init.lua", "listener_domains.toml",
		"policy/constants.lua", "policy/queue.lua", "policy/smtp.lua", "policy/webhooks.lua",
		"queues.toml", "shaping.toml", "sources.toml",
	}
	for name, o := range sets() {
		got := slices.Sorted(maps.Keys(must(Files(o))))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestOnlyConstantsAndTablesAreRendered(t *testing.T) {
	err := fs.WalkDir(embedded, "files", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".lua"+templateSuffix) && name != "files/policy/constants.lua"+templateSuffix {
			t.Errorf("%s is a template", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// table returns a TOML file of a set.
func table(t *testing.T, o Options, name string) map[string]any {
	t.Helper()
	var got map[string]any
	if err := toml.Unmarshal(must(Files(o))[name], &got); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return got
}

func TestTablesSayWhatTheOptionsSay(t *testing.T) {
	all, older := sets()["everything"], sets()["everything on the oldest release"]
	report := map[string]any{"log_oob": "LogThenDrop", "log_arf": "LogThenDrop"}
	oldReport := map[string]any{"log_oob": true, "log_arf": true}
	hook := map[string]any{
		"mx_rollup": false, "connection_limit": "local:10", "max_connection_rate": "1000/s",
		"max_deliveries_per_connection": int64(100000), "max_message_rate": "10000/s", "max_ready": int64(100000),
		"idle_timeout": "60s", "system_shutdown_timeout": "30s",
	}
	broker := maps.Clone(hook)
	broker["connection_limit"] = "local:4"
	relay := map[string]any{
		"mx_rollup": false, "smtp_port": int64(587), "enable_tls": "Required",
		"smtp_auth_plain_username": "o'hara", "smtp_auth_plain_password": "/etc/s",
	}
	type m = map[string]any
	for _, c := range []struct {
		name, file string
		o          Options
		want       m
	}{
		{"reports", "listener_domains.toml", all, m{"bounces.example.com": report, "b.example.org": report, "fbl.example.com": report}},
		{"reports of old", "listener_domains.toml", older, m{"bounces.example.com": oldReport, "b.example.org": oldReport, "fbl.example.com": oldReport}},
		{"no reports", "listener_domains.toml", sets()["nothing"], nil},
		{"HAProxy", "sources.toml", all, m{
			"source": m{
				"ip-1": m{"ha_proxy_server": "192.0.2.10:5000", "ha_proxy_source_address": "192.0.2.1", "ehlo_domain": "mta.example.com"},
				"ip-2": m{"ha_proxy_server": "192.0.2.10:5000", "ha_proxy_source_address": "2001:db8::2", "ehlo_domain": "mta.example.com"},
			},
			"pool": m{"default": m{"ip-1": m{}, "ip-2": m{}}},
		}},
		{"SOCKS5", "sources.toml", Options{WebhookURL: "http://a", SOCKS5: "10.0.0.1:1", EgressAddresses: []string{"192.0.2.1"}}, m{
			"source": m{"ip-1": m{"socks5_proxy_server": "10.0.0.1:1", "socks5_proxy_source_address": "192.0.2.1"}},
			"pool":   m{"default": m{"ip-1": m{}}},
		}},
		{"own addresses", "sources.toml", Options{WebhookURL: "http://a", EgressAddresses: []string{"192.0.2.1"}}, m{
			"source": m{"ip-1": m{"source_address": "192.0.2.1"}},
			"pool":   m{"default": m{"ip-1": m{}}},
		}},
		{"no sources", "sources.toml", sets()["nothing"], nil},
		{"rates", "shaping.toml", all, m{"kumotrail.log_hook": hook, "rabbitmq.log_hook": broker, "mx.example.net": relay}},
		{"rates without features", "shaping.toml", sets()["nothing"], m{"kumotrail.log_hook": hook}},
		{"a relay by address", "shaping.toml", Options{WebhookURL: "http://a", SmartHost: "192.0.2.25:25"}, m{
			"kumotrail.log_hook": hook, "[192.0.2.25]": m{"mx_rollup": false, "smtp_port": int64(25)},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, table(t, c.o, c.file)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestOlderReleasesGetOnlyWhatTheyHave(t *testing.T) {
	hookOf := func(version string) map[string]any {
		o := Options{WebhookURL: "http://a", Version: version}
		return table(t, o, "shaping.toml")["kumotrail.log_hook"].(map[string]any)
	}
	if h := hookOf("2025.01.29-833f82a8"); h["connection_limit"] != "local:10" || h["system_shutdown_timeout"] != nil {
		t.Errorf("got %v", h)
	}
	if h := hookOf(Oldest); h["connection_limit"] != int64(10) || h["system_shutdown_timeout"] != nil {
		t.Errorf("got %v", h)
	}
}

func TestPoolIsNamedWhereThereIsOne(t *testing.T) {
	pool := func(o Options) any {
		return table(t, o, "queues.toml")["queue"].(map[string]any)["default"].(map[string]any)["egress_pool"]
	}
	if pool(sets()["everything"]) != "default" || pool(sets()["nothing"]) != nil {
		t.Error(pool(sets()["everything"]), pool(sets()["nothing"]))
	}
}

// Validate would refuse these; rendering must not depend on that.
func TestNoValueBreaksOutOfItsPlace(t *testing.T) {
	root := must(fs.Sub(embedded, "files"))
	for _, text := range odd {
		plain, broken := sets()["everything"], sets()["everything"]
		v := reflect.ValueOf(&broken).Elem()
		for i := range v.NumField() {
			switch f := v.Field(i); f.Interface().(type) {
			case string:
				if v.Type().Field(i).Name != "Version" {
					f.SetString(text)
				}
			case []string:
				f.Set(reflect.ValueOf([]string{text}))
			}
		}
		plain.EgressAddresses, plain.BounceDomains, plain.FBLDomains = plain.EgressAddresses[:1], plain.BounceDomains[:1], plain.BounceDomains[:1]
		got, want := must(render(root, broken)), must(render(root, plain))
		for name, content := range got {
			var tables map[string]any
			if strings.HasSuffix(name, ".toml") && toml.Unmarshal(content, &tables) != nil {
				t.Errorf("%q breaks %s:\n%s", text, name, content)
			}
			if strings.HasSuffix(name, ".lua") && text != "" && strings.Count(string(content), "\n") > strings.Count(string(want[name]), "\n") {
				t.Errorf("%q adds lines to %s:\n%s", text, name, content)
			}
		}
	}
}

func TestFilesHaveNoTrailingBlanks(t *testing.T) {
	for set, o := range sets() {
		for name, content := range must(Files(o)) {
			for line := range strings.Lines(string(content)) {
				if line != "\n" && strings.TrimRight(line, " \t\n") != strings.TrimSuffix(line, "\n") {
					t.Errorf("%s, %s: %q", set, name, line)
				}
			}
		}
	}
}
