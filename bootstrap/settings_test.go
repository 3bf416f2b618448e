package bootstrap

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultsAreThoseOfDevelopment(t *testing.T) {
	s, err := settingsFrom()
	if err != nil {
		t.Fatal(err)
	}
	if s.Address() != "127.0.0.1:8021" || !s.onLoopback() {
		t.Errorf("address %s", s.Address())
	}
	if diff := cmp.Diff(Keys{"reloop"}, s.WebhookKeys); diff != "" {
		t.Error(diff)
	}
	if s.MaxBodyBytes != 64<<20 || s.MaxInflightBytes != 96<<20 || s.NATSMaxBytes != 4<<30 {
		t.Errorf("sizes %d, %d, %d", s.MaxBodyBytes, s.MaxInflightBytes, s.NATSMaxBytes)
	}
	if s.NATSMaxAge.Hours() != 168 || s.RetentionDays != 90 || s.DataDir != "./data" || s.NATSListen != "127.0.0.1:4222" {
		t.Errorf("%+v", s)
	}
}

func TestProductionListensEverywhere(t *testing.T) {
	s, err := settingsFrom(map[string]string{"NODE_ENV": "production", "X_KUMOMTA_KEY": "a-key-of-sixteen-bytes,another-key-of-16-bytes", "VERP_KEY": "k"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Host != "0.0.0.0" || s.onLoopback() || len(s.WebhookKeys) != 2 {
		t.Errorf("host %s, %s", s.Host, s.WebhookKeys)
	}
}

func TestWhatIsSetIsNotOverriddenByTheFile(t *testing.T) {
	file := map[string]string{"PORT": "1000", "DATA_DIR": "/from/file"}
	s, err := settingsFrom(file, map[string]string{"PORT": "2000"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Port != 2000 || s.DataDir != "/from/file" {
		t.Errorf("port %d, data %s", s.Port, s.DataDir)
	}
}

func TestEveryWrongSettingIsNamed(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want []string // the message has each
	}{
		{"unreadable", map[string]string{"PORT": "x", "RETENTION_DAYS": "many", "NATS_MAX_AGE": "7d", "MAX_BODY_BYTES": "-1"},
			[]string{"4 settings", `PORT: "x" is not a whole number`, "RETENTION_DAYS", "NATS_MAX_AGE", "MAX_BODY_BYTES"}},
		{"out of range", map[string]string{"PORT": "70000", "NODE_ENV": "test", "RETENTION_DAYS": "-1", "HOST": "a:b", "API_RATE_LIMIT": "-1"},
			[]string{"5 settings", "API_RATE_LIMIT: -1", "PORT: 70000", `NODE_ENV: "test"`, "RETENTION_DAYS: -1", "HOST"}},
		{"empty keys", map[string]string{"X_KUMOMTA_KEY": "a,,b", "API_KEYS": "a,"},
			[]string{"2 settings", "X_KUMOMTA_KEY: has an empty key", "API_KEYS: has an empty key"}},
		{"a key that is empty", map[string]string{"X_KUMOMTA_KEY": ""}, []string{"X_KUMOMTA_KEY: is set but empty"}},
		{"masking", map[string]string{"MASK_RECIPIENTS": "true"}, []string{"MASK_RECIPIENTS: nothing can be masked"}},
		{"production without a key", map[string]string{"NODE_ENV": "production"}, []string{"2 settings", "X_KUMOMTA_KEY: is not set", "VERP_KEY: is not set"}},
		{"production with the default", map[string]string{"NODE_ENV": "production", "X_KUMOMTA_KEY": "reloop"},
			[]string{"X_KUMOMTA_KEY: is the default"}},
		{"production with a short key", map[string]string{"NODE_ENV": "production", "X_KUMOMTA_KEY": "a-key-of-sixteen-bytes,short", "VERP_KEY": "k"},
			[]string{"a setting is wrong", "a key has 5 bytes"}},
		{"bodies that fit nowhere", map[string]string{"MAX_BODY_BYTES": "2GiB"}, []string{"MAX_INFLIGHT_BYTES"}},
		{"nats", map[string]string{"NATS_LISTEN": "nowhere", "NATS_LEGACY_SUBJECT": "a.*", "NATS_MAX_AGE": "1s"},
			[]string{"3 settings", "NATS_LISTEN", "NATS_LEGACY_SUBJECT", "NATS_MAX_AGE"}},
		{"a cache", map[string]string{"REDIS_URL": "http://localhost:6379"}, []string{"REDIS_URL", "redis://"}},
		{"a database", map[string]string{"PG_URL": "mysql://db", "PG_SCHEMA": strings.Repeat("s", 64)}, []string{"PG_URL", "PG_SCHEMA"}},
		{"production with a stream for each instance", map[string]string{
			"NODE_ENV": "production", "X_KUMOMTA_KEY": "a-key-of-sixteen-bytes", "PG_URL": "postgres://db/mail",
		}, []string{"NATS_URL: is not set"}},
		{"an external bus", map[string]string{"NATS_URL": "nats://"}, []string{"NATS_URL"}},
		{"a bus of another kind", map[string]string{"NATS_URL": "amqp://localhost:5672"}, []string{"NATS_URL", "nats://host:port"}},
		{"some unreadable, others out of range", map[string]string{
			"PORT": "x", "API_RATE_LIMIT": "fast", "LOG_LEVEL": "loud", "MAX_INFLIGHT_BYTES": "much", "NODE_ENV": "test", "RETENTION_DAYS": "-1",
		}, []string{
			"6 settings", `PORT: "x" is not a whole number`, `API_RATE_LIMIT: "fast" is not a whole number`,
			`LOG_LEVEL: "loud" is not one of debug, info, warn, error`, "MAX_INFLIGHT_BYTES", "NODE_ENV", "RETENTION_DAYS: -1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := settingsFrom(c.env)
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

func TestLevelOfTheLogMayStandInTheFile(t *testing.T) {
	s, err := settingsFrom(map[string]string{"LOG_LEVEL": "debug"}, nil)
	if err != nil || s.LogLevel != slog.LevelDebug {
		t.Errorf("level %v, %v", s.LogLevel, err)
	}
}

func TestFaultsNeverShowAKey(t *testing.T) {
	const secret = "hunter2"
	_, err := settingsFrom(map[string]string{
		"NODE_ENV": "production", "X_KUMOMTA_KEY": secret, "API_KEYS": secret + ",",
		"NATS_URL": "nats://user:" + secret + "@", "PG_URL": "postgres://user:" + secret + "@%zz/db",
		"REDIS_URL": "redis://:" + secret + "@%zz:" + secret + "/" + secret,
	})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Error(err)
	}
}
