package bootstrap

import (
	"errors"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
)

func TestPolicyOfDevelopmentIsForAContainer(t *testing.T) {
	got, err := policyFrom(map[string]string{"PORT": "9000"})
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Options{
		WebhookURL:   "http://host.docker.internal:9000",
		Sink:         "mailpit:1025",
		TrustedHosts: []string{"127.0.0.1", "::1", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyTakesItsSettings(t *testing.T) {
	got, err := policyFrom(map[string]string{
		"NODE_ENV": "production", "BASE_URL": "https://example.com", "KUMOMTA_SPOOL_FLUSH": "true",
		"KUMOMTA_BOUNCE_DOMAINS": " b.example.com , c.example.com,", "KUMOMTA_SMART_HOST": "mx.example.com:587",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Options{
		WebhookURL: "https://example.com", SpoolFlush: true,
		BounceDomains: []string{"b.example.com", "c.example.com"}, SmartHost: "mx.example.com:587",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, err = policyFrom(map[string]string{
		"KUMOMTA_SINK": "off", "BASE_URL": "https://a.example", "KUMOMTA_WEBHOOK_URL": "http://b.example/hook",
	})
	if err != nil || got.Sink != "" || got.WebhookURL != "http://b.example/hook" {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestPolicyNeedsNoSettingsOfServe(t *testing.T) {
	env := map[string]string{"NODE_ENV": "production", "KUMOMTA_WEBHOOK_URL": "http://10.0.0.5:8021"}
	if _, err := settingsFrom(env); err == nil {
		t.Fatal("serve starts without a key in production")
	}
	if _, err := policyFrom(env); err != nil {
		t.Error(err)
	}
}

func TestEveryWrongSettingOfThePolicyIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"unreadable", map[string]string{"KUMOMTA_SPOOL_FLUSH": "ja"}, []string{`KUMOMTA_SPOOL_FLUSH: "ja" is not true or false`}},
		{"wrong", map[string]string{"NODE_ENV": "production", "KUMOMTA_VERSION": "2023.05.10", "KUMOMTA_TRUSTED_HOSTS": "10.0.0.1/8"},
			[]string{"3 settings", "KUMOMTA_WEBHOOK_URL: is not set", "KUMOMTA_VERSION: 2023.05.10", "KUMOMTA_TRUSTED_HOSTS: 10.0.0.1/8"}},
		{"alone", map[string]string{"KUMOMTA_SMART_HOST": "a:25", "KUMOMTA_SMART_HOST_USER": "u"},
			[]string{"KUMOMTA_SMART_HOST_USER and KUMOMTA_SMART_HOST_PASSWORD_FILE: are needed together"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := policyFrom(c.env)
			if _, ok := errors.AsType[Faults](err); !ok {
				t.Fatalf("got %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}

// What a setting is called stands in three places.
func TestEverySettingIsDocumented(t *testing.T) {
	named := regexp.MustCompile("`([A-Z][A-Z0-9_]+)`")
	example := regexp.MustCompile(`(?m)^(?:# )?([A-Z][A-Z0-9_]+)=`)
	inTable, inExample := map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(read(t, "../docs/settings.md")) {
		if cells := strings.Split(line, "|"); len(cells) == 5 {
			for _, m := range named.FindAllStringSubmatch(cells[1], -1) {
				inTable[m[1]] = true
			}
		}
	}
	for _, m := range example.FindAllStringSubmatch(read(t, "../.env.example"), -1) {
		inExample[m[1]] = true
	}
	want := map[string]bool{}
	for _, settings := range []reflect.Type{reflect.TypeFor[Settings](), reflect.TypeFor[MTASettings]()} {
		for field := range settings.Fields() {
			if name := field.Tag.Get("env"); name != "" {
				want[name] = true
			}
		}
	}
	if diff := cmp.Diff(want, inTable); diff != "" {
		t.Errorf("docs/settings.md: -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(want, inExample); diff != "" {
		t.Errorf(".env.example: -want +got:\n%s", diff)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
