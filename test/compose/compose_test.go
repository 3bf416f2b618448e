//go:build !embedded

package compose_test

import (
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServicesPublishTheirPortsOnLoopbackOnly(t *testing.T) {
	got := map[string][]string{}
	for name, s := range parse(t, nil).Services {
		got[name] = s.Ports
	}
	want := map[string][]string{
		"kumotrail": {"127.0.0.1:8021:8021"},
		"policy":    nil,
		"kumomta":   {"127.0.0.1:25:25", "127.0.0.1:8020:8000"},
		"mailpit":   {"127.0.0.1:1025:1025", "127.0.0.1:8025:8025"},
		"caddy":     {"127.0.0.1:443:443"},
		"postgres":  {"127.0.0.1:5432:5432"},
		"nats":      {"127.0.0.1:4222:4222"},
		"redis":     {"127.0.0.1:6379:6379"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestVolumesAreDeclaredAndShared(t *testing.T) {
	f := parse(t, nil)
	mounted := map[string]string{}
	for name, s := range f.Services {
		for _, v := range s.Volumes {
			parts := strings.Split(v, ":")
			if _, ok := f.Volumes[parts[0]]; !ok {
				t.Errorf("%s mounts %s, which is not declared", name, parts[0])
			}
			if !path.IsAbs(parts[1]) {
				t.Errorf("%s mounts at %s", name, parts[1])
			}
			mounted[name+" "+parts[0]] = strings.Join(parts[1:], ":")
		}
	}
	for volume := range f.Volumes {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(mounted)), func(m string) bool { return strings.HasSuffix(m, " "+volume) }) {
			t.Errorf("nobody mounts %s", volume)
		}
	}
	for name, want := range map[string]string{
		"policy policy": "/policy", "kumomta policy": "/opt/kumomta/etc/policy:ro", "kumomta spool": "/var/spool/kumomta",
		"kumomta logs": "/var/log/kumomta", "kumotrail data": "/data", "caddy caddy": "/data",
	} {
		if mounted[name] != want {
			t.Errorf("%s is at %q, want %s", name, mounted[name], want)
		}
	}
}

// images that have a health check of their own.
var healthy = []string{"mailpit"}

func TestServicesWaitForWhatThereIs(t *testing.T) {
	f := parse(t, nil)
	for name, s := range f.Services {
		for other, wait := range s.DependsOn {
			o, ok := f.Services[other]
			switch {
			case !ok:
				t.Errorf("%s waits for %s, which is no service", name, other)
			case wait.Condition == "service_healthy" && len(o.Healthcheck.Test) == 0 && !slices.Contains(healthy, other):
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			case wait.Condition == "service_completed_successfully" && o.Restart != "":
				t.Errorf("%s waits for the end of %s, which starts again", name, other)
			}
		}
		if s.Image == "" || !strings.Contains(s.Image, ":") {
			t.Errorf("%s has the image %q, want one with a tag", name, s.Image)
		}
	}
	for _, name := range []string{"kumomta", "postgres", "redis"} {
		if test := f.Services[name].Healthcheck.Test; len(test) < 2 || !slices.Contains([]string{"CMD", "CMD-SHELL"}, test[0]) {
			t.Errorf("%s is checked by %q", name, test)
		}
	}
	if got := f.Services["kumomta"].DependsOn["policy"].Condition; got != "service_completed_successfully" {
		t.Errorf("KumoMTA starts when the policy is %q", got)
	}
}

// settings are the names in .env.example, commented out or not.
func settings(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Z0-9_]+)=`).FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	return names
}

func TestOurServicesSetSettingsThatThereAre(t *testing.T) {
	known := settings(t)
	f := parse(t, nil)
	for _, name := range []string{"kumotrail", "policy"} {
		for setting := range f.Services[name].Environment {
			if !slices.Contains(known, setting) {
				t.Errorf("%s sets %s, which is no setting", name, setting)
			}
		}
	}
}

func TestSecretsAreThoseOfTheVariablesForAllWhoShareThem(t *testing.T) {
	f := parse(t, map[string]string{"X_KUMOMTA_KEY": "other key", "VERP_KEY": "other secret", "REDIS_PASSWORD": "r3dis", "POSTGRES_PASSWORD": "p0stgres"})
	for _, name := range []string{"kumotrail", "kumomta"} {
		e := f.Services[name].Environment
		if e["X_KUMOMTA_KEY"] != "other key" || e["VERP_KEY"] != "other secret" {
			t.Errorf("%s has %q and %q", name, e["X_KUMOMTA_KEY"], e["VERP_KEY"])
		}
	}
	e := f.Services["kumotrail"].Environment
	if !strings.Contains(e["PG_URL"], ":p0stgres@postgres:") || f.Services["postgres"].Environment["POSTGRES_PASSWORD"] != "p0stgres" {
		t.Errorf("PostgreSQL has another password than %s", e["PG_URL"])
	}
	if !strings.Contains(e["REDIS_URL"], ":r3dis@redis:") || !slices.Contains(f.Services["redis"].Command, "r3dis") {
		t.Errorf("Redis has another password than %s", e["REDIS_URL"])
	}
}

func TestCaddyServesTheServiceUnderThePlatformsName(t *testing.T) {
	f := parse(t, nil)
	mounts := f.Services["caddy"].Configs
	if len(mounts) != 1 || mounts[0].Source != "caddyfile" || mounts[0].Target != "/etc/caddy/Caddyfile" {
		t.Fatalf("Caddy is configured by %v", mounts)
	}
	content := f.Configs["caddyfile"].Content
	for _, want := range []string{"local.reloop.sh {", "tls internal", "path /api/kumomta /api/kumomta/*", "reverse_proxy kumotrail:8021"} {
		if !strings.Contains(content, want) {
			t.Errorf("the Caddyfile lacks %q:\n%s", want, content)
		}
	}
	// Caddy sorts directives, and an answer comes before a proxy, but handle blocks
	// exclude each other.
	if strings.Count(content, "handle") != 2 || strings.Count(content, "{") != strings.Count(content, "}") {
		t.Errorf("the proxy and the answer for the rest are not apart:\n%s", content)
	}
}
