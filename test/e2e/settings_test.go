package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// refusal runs serve with settings that it must refuse, and returns what it says.
func refusal(t *testing.T, settings ...string) string {
	t.Helper()
	s := newService(t, settings...)
	r := s.Run("serve")
	if r.code != 1 || !strings.HasPrefix(r.stderr, "kumotrail: ") {
		t.Errorf("%v: ended with %d: %s", settings, r.code, r.stderr)
	}
	if _, err := os.Stat(s.data); err == nil {
		t.Errorf("%v: refused, but DATA_DIR was made", settings)
	}
	return r.stderr
}

func TestOneMessageNamesEveryWrongSetting(t *testing.T) {
	t.Parallel()
	readable := refusal(t, "PORT=70000", "NODE_ENV=staging", "HOST=a b", "RETENTION_DAYS=-1", "X_KUMOMTA_KEY=a,,b", "API_KEYS=,b",
		"MAX_INFLIGHT_BYTES=1", "NATS_LISTEN=nowhere", "NATS_MAX_AGE=1s", "NATS_LEGACY_SUBJECT=kumomta.event.x", "PG_URL=mysql://x", "REDIS_URL=http://x")
	for _, name := range []string{"PORT", "NODE_ENV", "HOST", "RETENTION_DAYS", "X_KUMOMTA_KEY", "API_KEYS", "MAX_INFLIGHT_BYTES",
		"NATS_LISTEN", "NATS_MAX_AGE", "NATS_LEGACY_SUBJECT", "PG_URL", "REDIS_URL"} {
		if !strings.Contains(readable, "- "+name) {
			t.Errorf("%s is not named in: %s", name, readable)
		}
	}
	unreadable := refusal(t, "PORT=eighty", "RETENTION_DAYS=ninety", "MAX_BODY_BYTES=much", "NATS_MAX_AGE=long")
	for _, name := range []string{"PORT", "RETENTION_DAYS", "MAX_BODY_BYTES", "NATS_MAX_AGE"} {
		if !strings.Contains(unreadable, "- "+name) {
			t.Errorf("%s is not named in: %s", name, unreadable)
		}
	}
}

const longKey = "a-key-of-more-than-16-bytes"

func TestProductionRefusesKeysThatAnyoneCouldGuess(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ keys, want string }{
		{"X_KUMOMTA_KEY", "is not set"},
		{"X_KUMOMTA_KEY=", "is set but empty"},
		{"X_KUMOMTA_KEY=" + longKey + ",", "empty"},
		{"X_KUMOMTA_KEY=reloop", "default"},
		{"X_KUMOMTA_KEY=" + longKey + ",reloop", "default"},
		{"X_KUMOMTA_KEY=fifteen-bytes-1", "15 bytes"},
		{"X_KUMOMTA_KEY=" + longKey + ",short", "5 bytes"},
	} {
		said := refusal(t, "NODE_ENV=production", "VERP_KEY=k", c.keys)
		if !strings.Contains(said, "X_KUMOMTA_KEY") || !strings.Contains(said, c.want) {
			t.Errorf("%s: %s, want %q", c.keys, said, c.want)
		}
		if strings.Contains(said, longKey) || strings.Contains(said, "fifteen") {
			t.Errorf("the message tells a key: %s", said)
		}
	}
}

func TestProductionTakesItsKeyAndLogsJSON(t *testing.T) {
	t.Parallel()
	s := startService(t, "NODE_ENV=production", "HOST=127.0.0.1", "X_KUMOMTA_KEY="+longKey, "VERP_KEY=k")
	if r := s.Post(sample(t, "modern.jsonl"), "X-Kumomta-Key", longKey); r.code != http.StatusOK || r.Stored != 32 {
		t.Errorf("answer %d %s", r.code, r.body)
	}
	checkProblem(t, s.Post("[]"), http.StatusUnauthorized)
	for _, line := range lines(s.log.String()) {
		parseObject(t, line)
	}
	if strings.Contains(s.log.String(), longKey) {
		t.Error("the log tells the key")
	}
}

func TestEnvFileIsReadAndOverridesNothing(t *testing.T) {
	t.Parallel()
	s := newService(t, "X_KUMOMTA_KEY=from-the-environment", "DATA_DIR")
	file := "# settings\nX_KUMOMTA_KEY=from-the-file\nDATA_DIR=kept\nRETENTION_DAYS=1\nAPI_KEYS='a, b'\n"
	if err := os.WriteFile(filepath.Join(s.dir, ".env"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Start()
	if r := s.Post(sample(t, "modern.jsonl"), "X-Kumomta-Key", "from-the-environment"); r.Stored != 32 {
		t.Errorf("answer %d %s, want the environment's RETENTION_DAYS and key", r.code, r.body)
	}
	checkProblem(t, s.Post("[]", "X-Kumomta-Key", "from-the-file"), http.StatusUnauthorized)
	if _, err := os.Stat(filepath.Join(s.dir, "kept", "kumotrail.db")); err != nil {
		t.Error(err)
	}
	for key, want := range map[string]int{"a": 200, "b": 200, "c": 401} {
		if code, _ := s.Get("/api/kumomta/v1/stats", "Authorization", "Bearer "+key); code != want {
			t.Errorf("key %s: %d, want %d", key, code, want)
		}
	}
	if err := os.WriteFile(filepath.Join(s.dir, ".env"), []byte("PORT=wrong\nNODE_ENV=staging\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.set("PORT")
	if r := s.Run("migrate", "status"); r.code != 1 || !strings.Contains(r.stderr, "PORT") {
		t.Errorf("a wrong .env: %d %s", r.code, r.stderr)
	}
}

// occupied listens on a port for the length of the test.
func occupied(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", freePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}

func TestATakenPortIsAClearError(t *testing.T) {
	t.Parallel()
	s := newService(t, fmt.Sprintf("PORT=%d", occupied(t)))
	r := s.Run("serve")
	last := lines(r.stderr)[len(lines(r.stderr))-1]
	if r.code != 1 || !strings.HasPrefix(last, "kumotrail: ") || !strings.Contains(last, "address already in use") || !strings.Contains(last, "PORT") {
		t.Errorf("ended with %d: %s", r.code, r.stderr)
	}
	if strings.Contains(r.stderr, "goroutine") {
		t.Errorf("a stack in place of a sentence: %s", r.stderr)
	}
}

func TestATakenNATSAddressIsAWarning(t *testing.T) {
	t.Parallel()
	s := newService(t)
	own := s.env["NATS_LISTEN"]
	s.set(fmt.Sprintf("NATS_LISTEN=127.0.0.1:%d", occupied(t)))
	s.Start()
	if log := s.log.String(); !strings.Contains(log, "level=WARN") || !strings.Contains(log, s.env["NATS_LISTEN"]) {
		t.Errorf("no warning in the log: %s", log)
	}
	text := sample(t, "modern.jsonl")
	s.mustTake(text)
	if code := s.Stop(); code != 0 {
		t.Errorf("serve ended with %d", code)
	}
	s.set("NATS_LISTEN=" + own)
	s.Start()
	checkWholly(t, s, parseRecords(t, lines(text)))
}
