package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kumotrail/kumotrail/adapters/kumomta/policy"
)

func writePolicy(t *testing.T, c policyWrite, o policy.Options) (said string, err error) {
	t.Helper()
	var out strings.Builder
	err = c.write(o, &out)
	return out.String(), err
}

func TestPolicyWriteSaysWhatItWrote(t *testing.T) {
	c := policyWrite{Dir: t.TempDir()}
	o := policy.Options{WebhookURL: "http://127.0.0.1:8021", Version: "2026.04.09"}
	said, err := writePolicy(t, c, o)
	if err != nil || !strings.Contains(said, "wrote policy/webhooks.lua\n") || !strings.Contains(said, "warning: KumoMTA 2026.04.09") {
		t.Errorf("said %q, %v", said, err)
	}
	if !strings.Contains(said, "kumod reads "+policy.DefaultKeyFile+": one of X_KUMOMTA_KEY\n") {
		t.Errorf("said %q", said)
	}
	said, err = writePolicy(t, c, o)
	if err != nil || !strings.Contains(said, "all files are as they should be\n") {
		t.Errorf("said %q, %v", said, err)
	}
}

func TestPolicyWriteLeavesEditsToTheOperator(t *testing.T) {
	c := policyWrite{Dir: t.TempDir()}
	o := policy.Options{WebhookURL: "http://127.0.0.1:8021"}
	if _, err := writePolicy(t, c, o); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.Dir, "queues.toml")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := writePolicy(t, c, o)
	if err == nil || !strings.Contains(err.Error(), "queues.toml") || !strings.Contains(err.Error(), "--keep") {
		t.Errorf("got %v", err)
	}
	c.Keep = true
	if said, err := writePolicy(t, c, o); err != nil || strings.Contains(said, "wrote") || !strings.Contains(said, "kept queues.toml, ") {
		t.Errorf("said %q, %v", said, err)
	}
	c.Keep, c.Force = false, true
	if said, err := writePolicy(t, c, o); err != nil || strings.Count(said, "wrote ") != 1 || !strings.Contains(said, "wrote queues.toml\n") {
		t.Errorf("said %q, %v", said, err)
	}
}
